"""Partner desks, wired from the parts of a process."""

from starlette.routing import Route

from broker.actions.desk.visits import DeskContext
from broker.actions.endpoints.context import EndpointContext
from broker.actions.outbox.desk_events import DeskEventSender
from broker.wiring.assisted_wiring import case_context
from broker.wiring.container import Container


def desk_api(container: Container, called: EndpointContext) -> list[Route]:
    """The routes of the proofing agent API; none if it or assisted verification is turned off."""
    broker = container.settings.broker
    if not (broker.desk.enabled and broker.assisted.enabled):
        return []
    from broker.web.desk import desk_routes  # here: few brokers have partner desks

    context = DeskContext(case_context(container), container.connections.sql_stores.desks, broker.desk)
    return desk_routes(context, called, broker.issuer)


def desk_event_sender(container: Container) -> DeskEventSender:
    """What sends events to desks."""
    return DeskEventSender(
        container.settings.broker.issuer,
        container.configuration.registry.services,
        container.crypto.keys,
        container.connections.http_clients,
        container.monitoring.metrics,
    )
