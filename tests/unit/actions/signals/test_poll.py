"""Polls of a service (RFC 8936): how long one waits, and what is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from broker.actions.endpoints.context import EndpointContext
from broker.actions.signals.streams import LONGEST_POLL, StreamContext, poll
from broker.actions.signals.tokens import TokenMaker
from broker.model.event_stream import EventStream, StreamStatus
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.oidc.event_streams import SignalEndpoints
from broker.oidc.security_events import SESSION_REVOKED, delivery_id
from broker.platform.system import System
from tests.unit.oidc.examples import ISSUER, NOW, key, service

SERVICE = service(own_scopes=("ssf.read",))


def event(name: str, **content: str) -> OutboundDelivery:
    """An event about an account."""
    about = {"event": SESSION_REVOKED, "account": f"account-{name}", **content}
    return OutboundDelivery(delivery_id(name), DeliveryKind.SECURITY_EVENT, "tax", NOW, NOW + 60, about)


@dataclass
class Stored:
    """The stream of the service and its events; further ones `arrive` one by one with each pause."""

    stream: EventStream
    waiting: list[OutboundDelivery] = field(default_factory=list)
    arrive: list[list[OutboundDelivery]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    pauses: int = 0

    async def of_client(self, _client_id: str) -> EventStream:
        """The stream."""
        return self.stream

    async def pending(self, _stream: EventStream, _now: float, limit: int) -> Sequence[OutboundDelivery]:
        """The events."""
        return self.waiting[:limit]

    async def drop(self, _client_id: str, ids: Sequence[str]) -> None:
        """Events that are not for the service."""
        self.dropped += ids
        self.waiting = [one for one in self.waiting if one.id not in ids]

    async def subject(self, account: str, _sector: str, _client_id: str) -> str | None:
        """Every account but one is known."""
        return None if account == "account-stranger" else f"sub-of-{account}"

    async def is_excluded(self, _client_id: str, sub: str) -> bool:
        """One citizen was removed."""
        return sub == "sub-of-account-removed"

    async def pause(self, seconds: float) -> None:
        """A second passes."""
        assert seconds == 1.0
        self.pauses += 1
        self.waiting += self.arrive.pop(0) if self.arrive else []


def context(stored: Stored, system: System) -> StreamContext:
    """What a poll works with."""
    keys: Any = SimpleNamespace(signing=lambda alg: key(alg))
    called = cast(EndpointContext, SimpleNamespace(system=system))
    tokens = TokenMaker(ISSUER, keys, cast(Any, stored))
    urls = SignalEndpoints(ISSUER, f"{ISSUER}/jwks")
    return StreamContext(called, urls, cast(Any, stored), tokens, lambda _url: True, stored.pause)


async def ask(stored: Stored, system: System, **members: object) -> dict[str, Any]:
    """The response to a poll."""
    return dict(await poll(context(stored, system), SERVICE, stored.stream.id, members))


def stored(**changes: Any) -> Stored:
    """An empty stream."""
    return Stored(replace(EventStream("stream-1", "tax", NOW - 10), **changes))


async def test_a_poll_waits_for_an_event_and_no_longer_than_it_may(system: System) -> None:
    soon = stored()
    soon.arrive = [[], [event("a")]]
    assert (await ask(soon, system))["sets"].keys() == {"a"}
    assert soon.pauses == 2
    silent = stored()
    assert await ask(silent, system) == {"sets": {}, "moreAvailable": False}
    assert silent.pauses == LONGEST_POLL


async def test_a_poll_that_wants_its_answer_now_or_no_events_does_not_wait(system: System) -> None:
    for members in ({"returnImmediately": True}, {"maxEvents": 0}):
        one = stored()
        assert (await ask(one, system, **members))["sets"] == {}
        assert one.pauses == 0


async def test_a_paused_stream_gives_nothing(system: System) -> None:
    paused = stored(status=StreamStatus.PAUSED)
    paused.waiting = [event("a")]
    assert await ask(paused, system) == {"sets": {}, "moreAvailable": False}


async def test_events_about_others_are_dropped_and_the_rest_is_given_in_portions(system: System) -> None:
    mixed = stored(requested=(SESSION_REVOKED,))
    old = replace(event("old"), created=NOW - 20)
    unasked = event("unasked", event="https://schemas.openid.net/secevent/risc/event-type/account-purged")
    mixed.waiting = [event("stranger"), event("removed"), old, unasked, event("a"), event("b"), event("c")]
    first = await ask(mixed, system, maxEvents=6, returnImmediately=True)
    assert (list(first["sets"]), first["moreAvailable"]) == (["a", "b"], True)
    assert mixed.dropped == [delivery_id(name) for name in ("stranger", "removed", "old", "unasked")]
