"""Stream management API of the transmitter (SSF 1.0, 8.1), and polls (RFC 8936).

Each action is one call of a service with a token of its own. Raises EndpointError, and for a stream that the service
does not have 404.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.endpoints.context import EndpointContext, audit_event
from broker.actions.signals.ports import Streams
from broker.actions.signals.tokens import TokenMaker
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.event_stream import DeliveryMethod, EventStream, StreamStatus
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.oidc import event_streams as rules
from broker.oidc.errors import EndpointError
from broker.oidc.security_events import VERIFICATION, delivery_id, jti, stream_event

LOG: Final = logging.getLogger("portico.services")

LONGEST_POLL: Final = 10
"""Seconds for which a poll without `returnImmediately` waits for an event, while the database is asked each second."""


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What the API works with, built once. `pause` waits for some seconds; `may_call` is the check of push URLs."""

    endpoints: EndpointContext
    urls: rules.SignalEndpoints
    streams: Streams
    tokens: TokenMaker
    may_call: Callable[[str], bool]
    pause: Callable[[float], Awaitable[None]]


async def create_stream(context: StreamContext, service: Service, body: JsonObject) -> JsonObject:
    """Creates the stream of a service (8.1.1.1); 409 if it has one."""
    system = context.endpoints.system
    empty = EventStream(handles.new_handle(system, "stream", 16), service.client_id, system.now())
    stream = rules.new_stream(body, empty, context.may_call)
    if not await context.streams.create(stream, _event(context, service, "stream_created", stream)):
        raise EndpointError("conflict", "the service has a stream already", status=409)
    return rules.stream_configuration(stream, context.urls)


async def read_stream(context: StreamContext, service: Service, stream_id: str | None) -> object:
    """Returns the stream with this id, or the list of all (8.1.1.2)."""
    if stream_id is not None:
        return rules.stream_configuration(await own_stream(context, service, stream_id), context.urls)
    stream = await context.streams.of_client(service.client_id)
    return [] if stream is None else [rules.stream_configuration(stream, context.urls)]


async def change_stream(context: StreamContext, service: Service, body: JsonObject, *, replacing: bool) -> JsonObject:
    """Updates the stream (PATCH, 8.1.1.3), or replaces what the receiver supplied (PUT, 8.1.1.4)."""
    stream = await own_stream(context, service, rules.stream_id(body))
    change = rules.replaced_stream if replacing else rules.updated_stream
    changed = change(body, stream, context.urls, context.may_call)
    await _save(context, service, changed, "stream_changed")
    return rules.stream_configuration(changed, context.urls)


async def delete_stream(context: StreamContext, service: Service, stream_id: str | None) -> None:
    """Deletes the stream; its events are dropped (8.1.1.5)."""
    stream = await own_stream(context, service, stream_id)
    if not await context.streams.delete(stream, _event(context, service, "stream_deleted", stream)):
        raise rules.unknown_stream()


async def read_status(context: StreamContext, service: Service, stream_id: str | None) -> JsonObject:
    """Returns the status of the stream (8.1.2.1)."""
    return rules.stream_status(await own_stream(context, service, stream_id))


async def change_status(context: StreamContext, service: Service, body: JsonObject) -> JsonObject:
    """Enables, pauses or disables the stream (8.1.2.2)."""
    stream = rules.with_status(body, await own_stream(context, service, rules.stream_id(body)))
    await _save(context, service, stream, "stream_changed")
    return rules.stream_status(stream)


async def add_subject(context: StreamContext, service: Service, body: JsonObject) -> None:
    """Adds a citizen to the stream (8.1.3.2), which all are unless they were removed. An unknown one is no error."""
    await own_stream(context, service, rules.stream_id(body))
    await context.streams.include(service.client_id, rules.subject(body, context.urls.issuer))


async def remove_subject(context: StreamContext, service: Service, body: JsonObject) -> None:
    """Removes a citizen from the stream (8.1.3.3). An unknown one is no error."""
    await own_stream(context, service, rules.stream_id(body))
    sub, now = rules.subject(body, context.urls.issuer), context.endpoints.system.now()
    await context.streams.exclude(service.client_id, service.sector, sub, now)


async def request_verification(context: StreamContext, service: Service, body: JsonObject) -> None:
    """Stores a verification event with the `state` of the request (8.1.4.2); 429 if the last one was too recent."""
    stream = await own_stream(context, service, rules.stream_id(body))
    state, now = rules.verification_state(body), context.endpoints.system.now()
    occasion = handles.new_handle(context.endpoints.system, size=16)
    members = {} if state is None else {"state": state}
    delivery = stream_event(VERIFICATION, stream.id, service.client_id, occasion, now, **members)
    if not await context.streams.verify(stream, delivery, now, rules.MIN_VERIFICATION_INTERVAL):
        raise EndpointError("slow_down", "the last verification event was requested too recently", status=429)


async def poll(context: StreamContext, service: Service, stream_id: str, body: JsonObject) -> JsonObject:
    """Records what became of earlier events, and returns the tokens of those that wait (RFC 8936 2.4).

    Events come again until they are acknowledged. Without any, waits for some seconds unless the request says not to.
    """
    request, stream = rules.poll_request(body), await own_stream(context, service, stream_id)
    if stream.method is not DeliveryMethod.POLL:
        raise EndpointError("invalid_request", "the events of this stream are pushed")
    await _record_answers(context, service, request)
    for _ in range(1 if request.at_once or request.most == 0 else LONGEST_POLL):
        if request.most == 0 or stream.status is not StreamStatus.ENABLED:
            break
        sets, more = await _tokens(context, service, stream, request.most)
        if sets or request.at_once:
            return rules.poll_response(sets, more=more)
        await context.pause(1.0)
        stream = await own_stream(context, service, stream_id)
    return rules.poll_response((), more=False)


async def _tokens(
    context: StreamContext, service: Service, stream: EventStream, most: int
) -> tuple[list[tuple[str, str]], bool]:
    """Tokens of waiting events, and whether there are more. Those that are not for the service are dropped."""
    waiting = await context.streams.pending(stream, context.endpoints.system.now(), most + 1)
    sets, others = [], []
    for one in waiting[:most]:
        token = await context.tokens.token(one, stream, service)
        if token is None:
            others.append(one.id)
        else:
            sets.append((jti(one), token))
    if others:
        await context.streams.drop(service.client_id, others)
    return sets, len(waiting) > most


async def _record_answers(context: StreamContext, service: Service, request: rules.PollRequest) -> None:
    if request.taken:
        ids = [delivery_id(one) for one in request.taken]
        await context.streams.mark_taken(service.client_id, ids, context.endpoints.system.now())
    if request.refused:
        LOG.warning("events_refused", extra={"client_id": service.client_id, "events": sorted(request.refused)})
        await context.streams.drop(service.client_id, [delivery_id(one) for one in request.refused])


async def own_stream(context: StreamContext, service: Service, stream_id: str | None) -> EventStream:
    """Returns the stream of a service if it has this id. Raises EndpointError."""
    stream = await context.streams.of_client(service.client_id)
    if stream is None or stream.id != stream_id:
        raise rules.unknown_stream()
    return stream


async def _save(context: StreamContext, service: Service, stream: EventStream, kind: str) -> None:
    if not await context.streams.save(stream, _event(context, service, kind, stream)):
        raise rules.unknown_stream()


def _event(context: StreamContext, service: Service, kind: str, stream: EventStream) -> AuditEvent:
    details = {"stream": stream.id, "status": stream.status.value, "method": stream.method.value}
    return replace(audit_event(context.endpoints, kind, service), details=details)
