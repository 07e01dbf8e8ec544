"""What a process does again and again beside answering requests."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from broker.actions.assisted.context import expire_due_cases
from broker.actions.deliver import deliver as deliver_calls
from broker.actions.notify import deliver
from broker.actions.ping import ping
from broker.actions.upkeep import Chore
from broker.app.delivering import courier, look_at_waiting
from broker.app.notifying import notifier
from broker.app.office import case_context
from broker.app.parts import Parts
from broker.app.reloading import Reloading
from broker.app.rereading import Rereading
from broker.app.rotating import rotate
from broker.commands.changing import policy
from broker.keys import Changes
from broker.model.service import Delivery
from broker.stores.sql.audit_chain import Notary


def chores(parts: Parts) -> Sequence[Chore]:
    """Checking the clock, sealing, sweeping, looking, following the keys, letting clocks speak, sending."""
    facts, broker = parts.facts, parts.settings.broker
    desk, sending, carrying = case_context(parts), notifier(broker.notifications), courier(parts)
    timeless = [
        Chore("seal", 1.0, lambda: _tick(parts)),
        Chore("memory", 5.0, lambda: _watch(parts)),
        Chore("keys", 2.0, parts.keys.look),
    ]
    wanted = [
        Chore("sweep", 300.0, lambda: facts.sweep(parts.ambient.now())),
        Chore("deliveries", 1.0, lambda: deliver_calls(carrying)),
        Chore("waiting", 15.0, lambda: look_at_waiting(parts)),
        Chore("pings", 1.0, lambda: _pings(parts)),
        Chore("cases", 30.0, lambda: expire_due_cases(desk)),
    ]
    reloading = parts.reloading
    if reloading is not None:
        timeless.append(Chore("reload", 2.0, lambda: _reread(reloading, parts.rereading)))
    if sending is not None:
        wanted.append(Chore("notices", 1.0, lambda: deliver(facts.outbox, sending, parts.ambient)))
    if broker.keys.rotate_every is not None:
        changes = Changes(broker.keys.folder, parts.ambient.draw, policy(broker), parts.keys.tokens)
        wanted.append(Chore("rotation", 10.0, lambda: rotate(parts, changes)))
    if broker.audit.checkpoints is not None:
        notary = Notary(parts.keys.ring().audit, broker.audit.checkpoints)
        wanted.append(Chore("checkpoint", 60.0, lambda: facts.chain.checkpoint(parts.ambient.now(), notary)))
    return [*timeless, *(replace(chore, do=_in_time(parts, chore.do)) for chore in wanted)]


async def _tick(parts: Parts) -> None:
    try:
        await parts.facts.tick()
    finally:
        clock = parts.facts.clock
        parts.meters.clock(clock.offset, out=clock.out is not None)


def _in_time(parts: Parts, do: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Work that goes by the time is left to other processes while this one is out of rotation because of its clock."""

    async def done() -> None:
        if parts.facts.clock.out is None:
            await do()

    return done


async def _watch(parts: Parts) -> None:
    """Looks how full passing state is, and whether anything is thrown away there."""
    await parts.passing.watch()
    parts.meters.evicting(evicts=parts.passing.evicts())


async def _pings(parts: Parts) -> None:
    if any(service.ciba is Delivery.PING for service in parts.catalogue.services.values()):
        await ping(parts.facts.questions, parts.catalogue, parts.outgoing, parts.ambient)


async def _reread(reloading: Reloading, rereading: Rereading) -> None:
    if await reloading.look():
        await rereading()
