"""The background tasks that send what waits in the outbox, and the metrics of what waits."""

from collections.abc import Iterator, Mapping
from functools import partial

from broker.actions.outbox.dispatch import Dispatcher
from broker.actions.outbox.logout_tokens import LogoutTokenSender
from broker.actions.outbox.notices import send_notices
from broker.actions.outbox.pings import PingSender
from broker.actions.outbox.worker import Sender, send_due
from broker.actions.periodic import PeriodicTask
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.service import CibaDeliveryMode
from broker.platform.notifications.letters import PrintedByStaff
from broker.wiring.container import Container
from broker.wiring.desk_wiring import desk_event_sender
from broker.wiring.signals_wiring import event_sender


def outbox_tasks(container: Container) -> Iterator[PeriodicTask]:
    """One task for each kind of message, and one lane for each service that deliveries go to: a receiver that answers
    slowly delays no other, and neither does a way of sending notifications."""
    stores, http_clients, system = (
        container.connections.sql_stores,
        container.connections.http_clients,
        container.system,
    )
    services = container.configuration.registry.services
    pings = PingSender(services, http_clients)
    logout_tokens = LogoutTokenSender(
        container.settings.broker.issuer,
        services,
        container.crypto.keys,
        http_clients,
        system,
        container.monitoring.metrics,
    )

    async def send_pings() -> None:
        if any(service.ciba.mode is CibaDeliveryMode.PING for service in services.values()):
            await send_due(stores.pings, pings, system)

    senders: Mapping[DeliveryKind, Sender[OutboundDelivery]] = {
        DeliveryKind.LOGOUT: logout_tokens,
        DeliveryKind.SECURITY_EVENT: event_sender(container),
        DeliveryKind.DESK_EVENT: desk_event_sender(container),
    }
    dispatcher = Dispatcher(stores.deliveries, senders, system)
    yield PeriodicTask("deliveries", 1.0, dispatcher.start_due, dispatcher.close)
    yield PeriodicTask("pings", 1.0, send_pings)
    for way, notifier in container.connections.notifiers.items():
        if isinstance(notifier, PrintedByStaff):
            continue
        yield PeriodicTask(f"notices by {way}", 1.0, partial(send_notices, stores.notices, way, notifier, system))


async def update_waiting(container: Container) -> None:
    """Sets the metrics of the deliveries that wait."""
    waiting = await container.connections.sql_stores.deliveries.waiting(container.system.now())
    backlogs = {one.kind: one for one in waiting}
    for kind in DeliveryKind:
        one = backlogs.get(kind)
        container.monitoring.metrics.waiting(kind.value, one.count if one else 0, one.oldest if one else 0.0)
