"""Security events of providers: act at once on sessions, grants and the way that an event is about.

`receive_event` takes a pushed token, `poll_events` fetches tokens from providers that are polled. An event counts once,
by its `jti`. It ends what the provider proved until then, in one transaction with its audit row; one whose subject is
unclear is recorded and does nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.audit import AuditEvent
from broker.model.provider_event import EventEffect, ProviderEvent, RefusedEvent, SendsEvents
from broker.model.security_event import InitiatingEntity
from broker.model.service import Service
from broker.model.session import LogoutFanOut
from broker.oidc.received_events import effect_of
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.providers")

MOST_POLLS: Final = 20
"""Polls of one provider in a row, while it says that there are more events."""


NOT_EXPECTED: Final = RefusedEvent("access_denied", "no events are expected here")


class ProviderEvents(Protocol):
    """What events of providers change (database)."""

    async def apply(self, event: ProviderEvent, effect: EventEffect, record: AuditEvent, fan_out: LogoutFanOut) -> bool:
        """Applies an event in one transaction. False, and nothing written, for a `jti` that was used before."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedEventContext:
    """What receiving events works with, built once."""

    providers: Mapping[str, ConfiguredProvider]
    services: Mapping[str, Service]
    events: ProviderEvents
    system: System


async def receive_event(
    context: ReceivedEventContext, provider: str, token: str, authorization: str | None
) -> RefusedEvent | None:
    """Applies a pushed event (RFC 8935 2). Returns None if it was accepted, also before; else why not."""
    registered = context.providers.get(provider)
    if registered is None or not isinstance(registered.provider, SendsEvents):
        return NOT_EXPECTED
    found = await registered.provider.read_event(token, authorization or "")
    return NOT_EXPECTED if found is None else await _apply(context, provider, found)


async def poll_events(context: ReceivedEventContext) -> int:
    """Fetches and applies the events of every provider that is polled. Returns their number."""
    number = 0
    for provider, registered in tuple(context.providers.items()):
        if isinstance(registered.provider, SendsEvents):
            number += await _poll(context, provider, registered.provider)
    return number


async def _poll(context: ReceivedEventContext, provider: str, sender: SendsEvents) -> int:
    taken: Sequence[str] = ()
    refused: Sequence[str] = ()
    number = 0
    for _ in range(MOST_POLLS):
        polled = await sender.poll_events(taken, refused)
        if polled is None or not polled.tokens:
            break
        bad = []
        for name, token in polled.tokens:
            found = await sender.read_event(token, None)
            if found is not None and await _apply(context, provider, found) is not None:
                bad.append(name)
        taken, refused = [name for name, _ in polled.tokens if name not in bad], bad
        number += len(taken)
    return number


async def _apply(
    context: ReceivedEventContext, provider: str, found: ProviderEvent | RefusedEvent
) -> RefusedEvent | None:
    if isinstance(found, RefusedEvent):
        LOG.info("provider_event_refused", extra={"provider": provider, "error": found.error, "detail": found.detail})
        return found
    now, effect = context.system.now(), effect_of(found)
    details = {"event": found.type[:200], "effect": effect.value, "jti": found.jti}
    details |= {} if found.txn is None else {"txn": found.txn}
    details |= {} if found.unclear is None else {"unclear": found.unclear}
    record = AuditEvent("provider_event", now, f"provider:{provider}", provider=provider, details=details)
    if not await context.events.apply(found, effect, record, _fan_out(context, now)):
        LOG.info("provider_event_repeated", extra={"provider": provider, "jti": found.jti})
    return None


def _fan_out(context: ReceivedEventContext, now: float) -> LogoutFanOut:
    return logout_fan_out(context.services, now, InitiatingEntity.POLICY)
