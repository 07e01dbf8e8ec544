"""What a process does again and again beside answering requests."""

from collections.abc import Sequence
from functools import partial

from broker.actions.assist_office import let_clocks_speak
from broker.actions.notify import deliver
from broker.actions.ping import ping
from broker.actions.upkeep import Chore
from broker.app.notifying import notifier
from broker.app.office import office
from broker.app.parts import Parts
from broker.model.service import Delivery
from broker.stores.sql.audit_chain import Notary


def chores(parts: Parts) -> Sequence[Chore]:
    """Sealing, sweeping, looking, letting clocks speak, sending."""
    facts, broker = parts.facts, parts.settings.broker
    desk, sending = office(parts), notifier(broker.notices)
    wanted = [
        Chore("seal", 1.0, facts.tick),
        Chore("sweep", 300.0, lambda: facts.sweep(parts.ambient.now())),
        Chore("memory", 5.0, parts.passing.watch),
        Chore("cases", 30.0, lambda: let_clocks_speak(desk)),
    ]
    if any(service.ciba is Delivery.PING for service in parts.catalogue.services.values()):
        told = partial(ping, facts.questions, parts.catalogue, parts.outgoing, parts.ambient)
        wanted.append(Chore("pings", 1.0, told))
    if sending is not None:
        wanted.append(Chore("notices", 1.0, lambda: deliver(facts.outbox, sending, parts.ambient)))
    if broker.audit.checkpoints is not None:
        notary = Notary(parts.ring.audit, broker.audit.checkpoints)
        wanted.append(Chore("checkpoint", 60.0, lambda: facts.chain.checkpoint(parts.ambient.now(), notary)))
    return wanted
