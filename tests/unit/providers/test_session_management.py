"""Session management at providers: whose `session_state` is kept, and what the simulated provider answers to it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from broker.model.identity import Identity
from broker.platform.http_client import HttpFailure, TimedOut
from broker.platform.system import System
from broker.provider import LogoutRedirect, SessionFrame
from providers.monitored_provider import MonitoredProvider
from providers.openid.config_tables import EndpointsConfig, LogoutConfig
from tests.unit.providers.presets.exchange import Call, Exchange, exchange, send
from tests.unit.providers.wire import ISSUER, METADATA, Wire, answer

WANTED = {"logout": LogoutConfig(check_session=True)}
FRAME = f"{ISSUER}/session?x=1"
STATE = "AZaz-_~!0.salt"


async def kept(system: System, given: Mapping[str, str], **settings: Any) -> str | None:
    """The `session_state` of the identity after a response with these parameters."""
    wire = Wire(system)
    identity = await wire.sign_in(wire.provider(**settings), {"code": "a-code", **given})
    assert isinstance(identity, Identity), identity
    return identity.session_state


async def test_session_state_is_kept_only_if_the_settings_want_it(system: System) -> None:
    assert await kept(system, {"session_state": STATE}) is None
    assert await kept(system, {"session_state": STATE}, **WANTED) == STATE
    assert await kept(system, {}, **WANTED) is None


@pytest.mark.parametrize("bad", ["", "a b", "a\n", "\u00e9", "s" * 1025])
async def test_a_malformed_session_state_is_ignored(system: System, bad: str) -> None:
    assert await kept(system, {"session_state": bad}, **WANTED) is None


@pytest.mark.parametrize(
    ("url", "settings", "expected"),
    [
        (FRAME, WANTED, SessionFrame(FRAME, "portico")),
        (FRAME, {}, None),
        (None, WANTED, None),
        ("http://op.example/session", WANTED, None),
        (f"{FRAME}#x", WANTED, None),
        (1, WANTED, None),
    ],
)
async def test_the_frame_comes_from_the_metadata_and_is_https(
    system: System, url: object, settings: dict[str, Any], expected: SessionFrame | None
) -> None:
    provider = Wire(system, metadata=answer({**METADATA, "check_session_iframe": url})).provider(**settings)
    assert await provider.session_frame() == expected
    monitored = MonitoredProvider(provider, system)
    assert monitored.watches_sessions == bool(settings)
    assert await monitored.session_frame() == expected


async def test_the_frame_may_be_configured_and_is_not_there_without_metadata(system: System) -> None:
    endpoints = EndpointsConfig(f"{ISSUER}/a", f"{ISSUER}/t", f"{ISSUER}/jwks", check_session_iframe=FRAME)
    assert await Wire(system).provider(endpoints=endpoints, **WANTED).session_frame() == SessionFrame(FRAME, "portico")
    gone: HttpFailure = TimedOut("no answer")
    assert await Wire(system, metadata=gone).provider(**WANTED).session_frame() is None


async def says(here: Exchange, state: str | None) -> str:
    """What the provider's page answers to a page of the broker."""
    frame = await here.provider.session_frame()
    assert frame is not None
    query = urlencode({"message": f"{frame.client_id} {state}", "origin": "https://broker.example"})
    return (await send(here.wire.app, Call("GET", f"{frame.url}?{query}", {}, {}))).body.decode()


async def test_the_simulated_provider_answers_about_its_session_and_as_a_test_says(system: System) -> None:
    here = exchange("id-porten", system, openid={"logout": {"check_session": True}})
    identity = await here.sign_in()
    assert isinstance(identity, Identity)
    state = identity.session_state
    assert await says(here, state) == "unchanged"
    assert await says(here, f"{state}x") == "changed"
    assert await says(here, "nonsense") == "error"
    for wanted, status in (("error", 200), ("changed", 200), ("else", 400)):
        sent = await send(here.wire.app, Call("POST", "https://_session/id-porten", {}, {"answer": wanted}))
        assert sent.status == status
        assert await says(here, state) == (wanted if status == 200 else "changed")
    again = await here.sign_in()
    assert isinstance(again, Identity)
    assert again.session_state != state
    assert await says(here, state) == await says(here, again.session_state) == "unchanged"
    back = LogoutRedirect("s" * 32, "https://broker.example/signed-out", "en", again.subject, again.id_token)
    target = await here.provider.end_session(back)
    assert target is not None
    assert (await send(here.wire.app, Call("GET", target.url, {}, {}))).status in (200, 303)
    assert await says(here, state) == await says(here, again.session_state) == "changed"


async def test_the_simulated_provider_without_such_a_client_has_no_frame(system: System) -> None:
    here = exchange("tara", system)
    identity = await here.sign_in()
    assert isinstance(identity, Identity)
    assert identity.session_state is None
    issuer = urlsplit(here.simulated.dialect.issuer).netloc
    assert (await send(here.wire.app, Call("GET", f"https://{issuer}/check-session", {}, {}))).status == 404
