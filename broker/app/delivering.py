"""How deliveries go out, and who looks whether they do."""

from broker.actions.deliver import Courier
from broker.actions.farewell import logout_writer
from broker.app.parts import Parts
from broker.model.delivery import DeliveryKind


def courier(parts: Parts) -> Courier:
    """What makes deliveries: a writer for each kind, and the guarded way out."""
    issuer, services = parts.settings.broker.issuer, parts.catalogue.services
    return Courier(
        deliveries=parts.facts.deliveries,
        writers={DeliveryKind.LOGOUT: logout_writer(issuer, services, parts.keys, parts.ambient)},
        outgoing=parts.outgoing,
        ambient=parts.ambient,
        counts=parts.meters,
    )


async def look_at_waiting(parts: Parts) -> None:
    """Shows operators what waits to be delivered."""
    found = {one.kind: one for one in await parts.facts.deliveries.waiting(parts.ambient.now())}
    for kind in DeliveryKind:
        one = found.get(kind)
        parts.meters.waiting(kind.value, one.count if one else 0, one.oldest if one else 0.0)
