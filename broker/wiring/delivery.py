"""How deliveries go out, and who looks whether they do."""

from broker.actions.logout_fan_out import logout_delivery_builder
from broker.actions.outbox.deliver import DeliveryWorker
from broker.model.outbound_delivery import DeliveryKind
from broker.wiring.container import Container


def courier(container: Container) -> DeliveryWorker:
    """What makes deliveries: a writer for each kind, and the guarded way out."""
    issuer, services = container.settings.broker.issuer, container.registry.services
    return DeliveryWorker(
        deliveries=container.sql_stores.deliveries,
        writers={DeliveryKind.LOGOUT: logout_delivery_builder(issuer, services, container.keys, container.system)},
        outgoing=container.http_clients,
        system=container.system,
        counts=container.metrics,
    )


async def look_at_waiting(container: Container) -> None:
    """Shows operators what waits to be delivered."""
    found = {one.kind: one for one in await container.sql_stores.deliveries.waiting(container.system.now())}
    for kind in DeliveryKind:
        one = found.get(kind)
        container.metrics.waiting(kind.value, one.count if one else 0, one.oldest if one else 0.0)
