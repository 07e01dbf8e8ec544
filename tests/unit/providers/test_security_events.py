"""Security events of a provider: which tokens are accepted, and whom they are about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from broker.actions.signals.received import ReceivedEventContext, poll_events
from broker.crypto.jose import SigningKey, sign
from broker.model.audit import AuditEvent
from broker.model.provider_event import EventEffect, PolledEvents, ProviderEvent, RefusedEvent
from broker.model.session import LogoutFanOut
from broker.oidc.received_events import effect_of
from broker.platform.http_client import HttpClient, HttpFailure, HttpResponse, TimedOut
from broker.platform.system import System
from broker.web.services.provider_events import provider_event_routes
from providers.monitored_provider import MonitoredProvider
from providers.openid import OpenIdProvider
from providers.openid.event_config import EventDelivery, EventsConfig
from providers.openid.security_events import EventTerms, SecurityEvents
from providers.openid.token_opening import ProviderKeySet
from tests.unit.providers.stage import SECRET
from tests.unit.providers.wire import ISSUER, KEY, OTHER, Wire, answer, compact

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
DISABLED = f"{RISC}account-disabled"
BEARER = f"Bearer {SECRET}"
PUSH = EventsConfig(bearer_file=Path("bearer"))
POLL = EventsConfig(bearer_file=Path("bearer"), method=EventDelivery.POLL, url=f"{ISSUER}/poll")
AMINA = {"format": "iss_sub", "iss": ISSUER, "sub": "amina"}


def token(system: System, key: SigningKey = KEY, typ: str | None = "secevent+jwt", **said: object) -> str:
    """An event token; a claim of None is left out."""
    claims = {
        "iss": ISSUER,
        "aud": "portico",
        "iat": int(system.now()),
        "jti": "j",
        "sub_id": AMINA,
        "events": {DISABLED: {}},
        **said,
    }
    return sign({name: value for name, value in claims.items() if value is not None}, key, typ)


def provider(system: System, events: EventsConfig = PUSH, **changes: Any) -> OpenIdProvider:
    """A provider that sends events."""
    return Wire(system).provider(events=events, **changes)


async def read(system: System, text: str, authorization: str | None = BEARER, **changes: Any) -> object:
    """What a token says."""
    return await provider(system, **changes).read_event(text, authorization)


def event(system: System, **changes: Any) -> ProviderEvent:
    """The event of `token`."""
    fields: dict[str, Any] = {"type": DISABLED, "at": int(system.now()), "subject": "amina", **changes}
    return ProviderEvent(issuer=ISSUER, jti="j", **fields)


async def test_a_token_says_what_happened_to_whom(system: System) -> None:
    now = int(system.now())
    assert await read(system, token(system)) == event(system)
    assert await read(system, token(system, txn="t", events={DISABLED: {"event_timestamp": now - 60}})) == event(
        system, at=now - 60, txn="t"
    )
    session = {"format": "opaque", "id": "s-1"}
    both = {"format": "complex", "user": AMINA, "session": session}
    assert await read(system, token(system, sub_id=both)) == event(system, sid="s-1")
    alone = {"format": "complex", "session": session}
    assert await read(system, token(system, sub_id=alone)) == event(system, subject=None, sid="s-1")
    older = token(system, sub_id=None, events={DISABLED: {"subject": AMINA}})
    assert await read(system, older) == event(system)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        *(({name: None}, "invalid_request") for name in ("iat", "jti", "events")),
        ({"iss": None}, "invalid_issuer"),
        ({"aud": None}, "invalid_audience"),
        ({"iss": "https://other.example"}, "invalid_issuer"),
        ({"aud": "other"}, "invalid_audience"),
        ({"aud": ["other"]}, "invalid_audience"),
        ({"sub": "amina"}, "invalid_request"),
        ({"exp": 9e9}, "invalid_request"),
        ({"iat": 9e9}, "invalid_request"),
        ({"iat": 1}, "invalid_request"),
        ({"iat": "now"}, "invalid_request"),
        ({"jti": 7}, "invalid_request"),
        ({"jti": ""}, "invalid_request"),
        ({"jti": "j" * 300}, "invalid_request"),
        ({"txn": 7}, "invalid_request"),
        ({"events": []}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": {DISABLED: {}, f"{RISC}account-enabled": {}}}, "invalid_request"),
        ({"events": {DISABLED: 7}}, "invalid_request"),
    ],
)
async def test_another_token_is_refused(system: System, said: dict[str, Any], error: str) -> None:
    found = await read(system, token(system, **said))
    assert isinstance(found, RefusedEvent)
    assert found.error == error


@pytest.mark.parametrize("typ", [None, "JWT", "logout+jwt", "at+jwt"])
async def test_a_token_of_another_type_is_refused(system: System, typ: str | None) -> None:
    found = await read(system, token(system, typ=typ))
    assert isinstance(found, RefusedEvent)
    assert found.error == "invalid_request"


async def test_a_token_that_the_provider_did_not_sign_is_refused(system: System) -> None:
    unsigned = compact({"alg": "none", "typ": "secevent+jwt"}, {"iss": ISSUER}, b"x")
    shared = compact({"alg": "HS256", "typ": "secevent+jwt"}, {"iss": ISSUER}, b"x")
    for forged in (token(system, OTHER), unsigned, shared, "no token", ""):
        found = await read(system, forged)
        assert isinstance(found, RefusedEvent)
        assert found.error == "invalid_key"


async def test_a_push_without_the_secret_is_refused_before_its_token_is_looked_at(system: System) -> None:
    for authorization in ("", "Bearer", "Bearer other", SECRET, f"Basic {SECRET}", f"{BEARER} x"):
        found = await read(system, "no token", authorization)
        assert isinstance(found, RefusedEvent)
        assert found.error == "authentication_failed"


async def test_a_provider_without_events_or_that_is_polled_takes_no_push(system: System) -> None:
    assert await Wire(system).provider().read_event(token(system), BEARER) is None
    assert await read(system, token(system), BEARER, events=POLL) is None
    assert await read(system, token(system), None, events=POLL) == event(system)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "amina",
        {},
        {"format": "email", "email": "amina@example.org"},
        {"format": "phone_number", "phone_number": "+44 1632 960 001"},
        {"format": "opaque", "id": "x"},
        {"format": "aliases", "identifiers": [AMINA, {"format": "email", "email": "b@example.org"}]},
        {"format": "iss_sub", "iss": "https://other.example", "sub": "amina"},
        {"format": "iss_sub", "iss": ISSUER, "sub": ""},
        {"format": "iss_sub", "iss": ISSUER, "sub": 7},
        {"format": "iss_sub", "iss": ISSUER},
        {"format": "complex"},
        {"format": "complex", "user": {"format": "email", "email": "a@example.org"}},
        {"format": "complex", "user": AMINA, "device": {"format": "opaque", "id": "d"}},
        {"format": "complex", "user": AMINA, "session": {"format": "iss_sub"}},
        {"format": "complex", "user": AMINA, "session": {"format": "opaque", "id": "x" * 300}},
    ],
)
async def test_a_subject_that_is_not_clearly_one_citizen_does_nothing_and_is_recorded(
    system: System, subject: object
) -> None:
    found = await read(system, token(system, sub_id=subject))
    assert isinstance(found, ProviderEvent)
    assert found.unclear
    assert effect_of(found) is EventEffect.RECORD


async def test_a_provider_whose_subject_is_another_claim_names_sessions_alone(system: System) -> None:
    found = await read(system, token(system), subject_claim="pid")
    assert isinstance(found, ProviderEvent)
    assert (found.subject, found.unclear is not None) == (None, True)


@pytest.mark.parametrize(
    ("kind", "members", "effect"),
    [
        (f"{CAEP}session-revoked", {}, EventEffect.END_SESSIONS),
        (f"{RISC}sessions-revoked", {}, EventEffect.END_SESSIONS),
        (DISABLED, {"reason": "hijacking"}, EventEffect.SUSPEND),
        (f"{RISC}account-enabled", {}, EventEffect.ENABLE),
        (f"{RISC}account-purged", {}, EventEffect.REMOVE),
        (f"{RISC}identifier-recycled", {}, EventEffect.REMOVE),
        (f"{RISC}credential-compromise", {}, EventEffect.END_ALL),
        (f"{RISC}account-credential-change-required", {}, EventEffect.END_ALL),
        (f"{CAEP}credential-change", {"change_type": "revoke"}, EventEffect.END_ALL),
        (f"{CAEP}credential-change", {"change_type": "delete"}, EventEffect.END_ALL),
        (f"{CAEP}credential-change", {"change_type": "create"}, EventEffect.RECORD),
        (f"{CAEP}assurance-level-change", {"change_direction": "decrease"}, EventEffect.END_ALL),
        (f"{CAEP}assurance-level-change", {"change_direction": "increase"}, EventEffect.RECORD),
        (f"{CAEP}device-compliance-change", {}, EventEffect.RECORD),
        ("urn:of-our-own", {}, EventEffect.RECORD),
    ],
)
async def test_each_event_has_its_effect(
    system: System, kind: str, members: dict[str, str], effect: EventEffect
) -> None:
    found = await read(system, token(system, events={kind: members}))
    assert isinstance(found, ProviderEvent)
    assert effect_of(found) is effect


@dataclass
class Stream:
    """A polling address that gives this answer."""

    answer: HttpResponse | HttpFailure
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def post_json(
        self, url: str, value: dict[str, Any], headers: dict[str, str], *, limit: int
    ) -> HttpResponse | HttpFailure:
        """One poll."""
        assert (url, headers) == (f"{ISSUER}/poll", {"Authorization": BEARER})
        assert limit > 0
        self.asked.append(value)
        return self.answer


async def test_events_are_polled_at_their_interval_and_acknowledged(system: System) -> None:
    stream = Stream(answer({"sets": {"j": "a-token", "k": 7}, "moreAvailable": True}))
    keys = cast(ProviderKeySet, None)
    terms = EventTerms(ISSUER, "portico", 5.0, names_subjects=True, bearer=SECRET)
    polled = SecurityEvents(POLL, terms, keys, cast(HttpClient, stream), system)
    assert await polled.poll((), ()) == PolledEvents([("j", "a-token")], more=True)
    assert await polled.poll((), ()) is None
    assert await polled.poll(["j"], ["k"]) is not None
    assert [(one["ack"], list(one["setErrs"])) for one in stream.asked] == [([], []), (["j"], ["k"])]
    for broken in (answer({}, 500), answer("x"), answer({"sets": []}), TimedOut("slow")):
        stream.answer = broken
        assert await polled.poll(["j"], ()) is None
    assert await provider(system).poll_events(["j"], ()) is None


@dataclass
class Applied:
    """What was applied; an event with a known `jti` was before."""

    events: list[tuple[ProviderEvent, EventEffect, AuditEvent]] = field(default_factory=list)

    async def apply(
        self, event: ProviderEvent, effect: EventEffect, record: AuditEvent, _fan_out: LogoutFanOut
    ) -> bool:
        """One event."""
        known = event.jti in [one.jti for one, _, _ in self.events]
        self.events += [] if known else [(event, effect, record)]
        return not known


@dataclass
class Registered:
    """A registered provider."""

    provider: Any


async def test_the_endpoint_acknowledges_an_event_and_applies_it_once(system: System) -> None:
    applied = Applied()
    providers: Any = {
        "card": Registered(MonitoredProvider(provider(system), system)),
        "silent": Registered(MonitoredProvider(Wire(system).provider(), system)),
    }
    app = Starlette(routes=provider_event_routes(ReceivedEventContext(providers, {}, applied, system)))
    good, kind = token(system, txn="t"), "application/secevent+jwt"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://broker.example") as caller:
        answers = [
            await caller.post(
                f"/providers/{name}/events", content=body, headers={"Content-Type": typ, "Authorization": secret}
            )
            for name, body, typ, secret in (
                ("card", good, kind, BEARER),
                ("card", good, kind, BEARER),
                ("card", good, kind, "Bearer other"),
                ("card", token(system, OTHER), kind, BEARER),
                ("card", good, "application/jwt", BEARER),
                ("card", b"\xff", kind, BEARER),
                ("silent", good, kind, BEARER),
                ("nobody", good, kind, BEARER),
            )
        ]
    assert [one.status_code for one in answers] == [202, 202, *[400] * 6]
    errors = ["authentication_failed", "invalid_key", *["invalid_request"] * 2, *["access_denied"] * 2]
    assert [one.json()["err"] for one in answers[2:]] == errors
    [(found, effect, record)] = applied.events
    assert (found.subject, effect, record.provider) == ("amina", EventEffect.SUSPEND, "card")
    assert record.details == {"event": DISABLED, "effect": "suspend", "jti": "j", "txn": "t"}


@dataclass
class PolledProvider:
    """A provider with events that are polled: each poll gives the next tokens."""

    inner: OpenIdProvider
    given: list[PolledEvents]
    answers: list[tuple[list[str], list[str]]] = field(default_factory=list)

    async def read_event(self, token: str, authorization: str | None) -> ProviderEvent | RefusedEvent | None:
        """As the provider."""
        return await self.inner.read_event(token, authorization)

    async def poll_events(self, taken: Sequence[str], refused: Sequence[str]) -> PolledEvents | None:
        """Notes what became of earlier events."""
        self.answers.append((list(taken), list(refused)))
        return self.given.pop(0) if self.given else None


async def test_polled_events_are_applied_and_acknowledged_and_bad_ones_refused(system: System) -> None:
    applied, given = Applied(), PolledEvents([("j", token(system)), ("bad", token(system, OTHER))], more=True)
    source = PolledProvider(provider(system, POLL), [given])
    context = ReceivedEventContext(cast(Any, {"card": Registered(source)}), {}, applied, system)
    assert await poll_events(context) == 1
    assert [one.jti for one, _, _ in applied.events] == ["j"]
    assert source.answers == [([], []), (["j"], ["bad"])]
