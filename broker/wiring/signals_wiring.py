"""Shared signals, wired from the parts of a process."""

import asyncio

from broker.actions.endpoints.context import EndpointContext
from broker.actions.signals.push import SecurityEventSender
from broker.actions.signals.received import ReceivedEventContext
from broker.actions.signals.streams import StreamContext
from broker.actions.signals.tokens import TokenMaker
from broker.oidc.discovery import endpoints
from broker.oidc.event_streams import SignalEndpoints
from broker.wiring.container import Container


def stream_context(container: Container, called: EndpointContext) -> StreamContext:
    """What the stream management API works with."""
    issuer = container.settings.broker.issuer
    return StreamContext(
        called,
        SignalEndpoints(issuer, endpoints(issuer).jwks),
        container.connections.sql_stores.streams,
        token_maker(container),
        container.connections.http_clients.may_call,
        asyncio.sleep,
    )


def received_event_context(container: Container) -> ReceivedEventContext:
    """What receiving the events of providers works with."""
    registry, sql = container.configuration.registry, container.connections.sql_stores
    return ReceivedEventContext(registry.providers, registry.services, sql.provider_events, container.system)


def event_sender(container: Container) -> SecurityEventSender:
    """What pushes security events."""
    return SecurityEventSender(
        token_maker(container),
        container.configuration.registry.services,
        container.connections.http_clients,
        container.monitoring.metrics,
    )


def token_maker(container: Container) -> TokenMaker:
    """What makes the tokens of security events."""
    streams = container.connections.sql_stores.streams
    return TokenMaker(container.settings.broker.issuer, container.crypto.keys, streams)
