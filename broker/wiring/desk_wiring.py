"""Partner desks, wired from the parts of a process."""

import re
from collections.abc import Mapping

from starlette.routing import Route

from broker.actions.desk.visits import DeskContext
from broker.actions.endpoints.context import EndpointContext
from broker.actions.outbox.desk_events import DeskEventSender
from broker.model.own_rights import DeskLocation
from broker.wiring.assisted_wiring import case_context, file_context
from broker.wiring.container import Container


def desk_api(container: Container, called: EndpointContext) -> list[Route]:
    """The routes of the proofing agent API; none if it or assisted verification is turned off."""
    broker = container.settings.broker
    if not (broker.desk.enabled and broker.assisted.enabled):
        return []
    from broker.web.desk import desk_routes  # here: few brokers have partner desks

    context = DeskContext(case_context(container), container.connections.sql_stores.desks, broker.desk)
    return desk_routes(context, called, broker.issuer, file_context(container))


def desk_file_limits(container: Container) -> Mapping[re.Pattern[str], int]:
    """The largest bodies of forms in which desks send photographs, by their paths."""
    broker = container.settings.broker
    if not (broker.desk.enabled and broker.assisted.enabled and broker.assisted.files.enabled):
        return {}
    from broker.web.desk import file_limits

    return file_limits(broker.assisted.files, video=case_context(container).rules.profiles.desk_video)


def desk_counters(container: Container) -> list[DeskLocation]:
    """The counters of partner desks that citizens may come to, in the order of the services' files."""
    broker, services = container.settings.broker, container.configuration.registry.services
    if not (broker.desk.enabled and broker.assisted.enabled):
        return []
    desks = (service.own for service in services.values() if service.own.is_desk)
    return [location for own in desks for location in own.desk_locations if location.names]


def desk_event_sender(container: Container) -> DeskEventSender:
    """What sends events to desks."""
    return DeskEventSender(
        container.settings.broker.issuer,
        container.configuration.registry.services,
        container.crypto.keys,
        container.connections.http_clients,
        container.monitoring.metrics,
    )
