"""How deliveries go out, and who looks whether they do."""

from broker.actions.logout_fan_out import logout_delivery_builder
from broker.actions.outbox.deliver import DeliveryWorker
from broker.model.outbound_delivery import DeliveryKind
from broker.wiring.container import Container


def courier(container: Container) -> DeliveryWorker:
    """What makes deliveries: a writer for each kind, and the guarded way out."""
    issuer, services = container.settings.broker.issuer, container.configuration.registry.services
    return DeliveryWorker(
        deliveries=container.connections.sql_stores.deliveries,
        writers={
            DeliveryKind.LOGOUT: logout_delivery_builder(issuer, services, container.crypto.keys, container.system)
        },
        outgoing=container.connections.http_clients,
        system=container.system,
        counts=container.monitoring.metrics,
    )


async def look_at_waiting(container: Container) -> None:
    """Shows operators what waits to be delivered."""
    found = {one.kind: one for one in await container.connections.sql_stores.deliveries.waiting(container.system.now())}
    for kind in DeliveryKind:
        one = found.get(kind)
        container.monitoring.metrics.waiting(kind.value, one.count if one else 0, one.oldest if one else 0.0)
