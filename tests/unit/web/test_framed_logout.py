"""The address that providers show in a frame when a citizen signs out there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from broker.actions.upstream_logout import UpstreamLogoutContext
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.session import EndedSession, UpstreamLogout
from broker.provider import LogoutFrames
from broker.web.citizens.framed_logout import framed_logout_routes
from broker.web.middleware import guarded
from broker.web.shared import cookies
from broker.web.shared.pages import PageRenderer
from tests.support.services import change_service
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, citizen_app, system
from tests.unit.web.examples import NOW, SERVICE

FRAME = "/providers/card/frontchannel-logout"
OP = "https://op.example"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@dataclass
class Framing:
    """A provider that shows the frame, or none."""

    logout_frames: LogoutFrames | None


@dataclass
class Registered:
    """A registered provider."""

    provider: Any


@dataclass
class Logouts:
    """The sessions of the broker by the provider's session: digest and what ended."""

    sessions: dict[str, tuple[str, EndedSession]] = field(default_factory=dict)
    events: list[AuditEvent] = field(default_factory=list)

    async def end(
        self, logout: UpstreamLogout, event: AuditEvent, _fan_out: object, only: str | None = None
    ) -> Sequence[EndedSession]:
        assert (logout.issuer, logout.subject, logout.at, logout.jti) == (OP, None, NOW, None)
        digest, ended = self.sessions.get(logout.sid or "", ("", None))
        if ended is None or only not in (None, digest):
            return ()
        self.events.append(event)
        del self.sessions[logout.sid or ""]
        return (ended,)


@pytest.fixture
def logouts() -> Logouts:
    """One session, that of the cookie `mine`, in which a service took part."""
    return Logouts({"s-1": (sha256_hex("mine"), EndedSession("sid", "account", {SERVICE.client_id: "sub"}))})


@pytest.fixture
def browser(written: PageRenderer, logouts: Logouts) -> httpx.AsyncClient:
    """A browser at the broker."""
    service = change_service(SERVICE, frontchannel_logout_uri="https://tax.example/bye")
    providers: Any = {
        "card": Registered(Framing(LogoutFrames(OP, (f"{OP}/realm", "https://login.op.example:8443")))),
        "silent": Registered(Framing(None)),
        "plain": Registered(object()),
    }
    recorded: Any = logouts
    context = UpstreamLogoutContext(ISSUER, providers, {service.client_id: service}, recorded, system())
    app = citizen_app(GivenCitizen(), written)
    outer = guarded(Starlette(routes=framed_logout_routes(app, context)), system(), refuse=None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=ISSUER)


async def test_a_frame_ends_the_session_that_it_names_and_shows_its_services(
    browser: httpx.AsyncClient, logouts: Logouts
) -> None:
    answer = await browser.get(FRAME, params={"iss": OP, "sid": "s-1"}, headers=CROSS_SITE)
    assert answer.status_code == 200
    assert logouts.sessions == {}
    [event] = logouts.events
    assert (event.kind, event.provider, event.details) == ("session_ended", "card", {"why": "provider"})
    assert f'src="https://tax.example/bye?iss={ISSUER.replace(":", "%3A").replace("/", "%2F")}&amp;sid=' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "; frame-ancestors https://login.op.example:8443 https://op.example; " in policy
    assert policy.endswith("; frame-src https://tax.example")
    assert "'self'" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"iss={OP}",
        "sid=s-1",
        "iss=https://evil.example&sid=s-1",
        f"iss={OP}/&sid=s-1",
        f"iss={OP}&sid=s-2",
        f"iss={OP}&sid=",
        f"iss={OP}&sid=s-1&sid=s-1",
    ],
)
async def test_a_frame_that_names_no_session_ends_none_and_looks_the_same(
    browser: httpx.AsyncClient, logouts: Logouts, query: str
) -> None:
    answer = await browser.get(f"{FRAME}?{query}", headers=CROSS_SITE)
    assert answer.status_code == 200
    assert set(logouts.sessions) == {"s-1"}
    assert "<iframe" not in answer.text
    assert (
        "frame-ancestors https://login.op.example:8443 https://op.example" in answer.headers["content-security-policy"]
    )


@pytest.mark.parametrize(("cookie", "ends"), [("mine", True), ("another", False)])
async def test_a_browser_whose_cookie_comes_along_loses_its_own_session_alone(
    browser: httpx.AsyncClient, logouts: Logouts, cookie: str, *, ends: bool
) -> None:
    headers = {"Cookie": f"{cookies.SESSION}={cookie}"}
    answer = await browser.get(FRAME, params={"iss": OP, "sid": "s-1"}, headers=headers)
    assert (logouts.sessions == {}) == ends
    removed = [line for line in answer.headers.get_list("set-cookie") if "Max-Age=0" in line]
    assert len(removed) == (2 if ends else 0)


async def test_head_and_providers_without_frames_end_nothing(browser: httpx.AsyncClient, logouts: Logouts) -> None:
    parameters = {"iss": OP, "sid": "s-1"}
    assert (await browser.head(FRAME, params=parameters)).status_code == 200
    for other in ("silent", "plain", "nobody"):
        assert (await browser.get(FRAME.replace("card", other), params=parameters)).status_code == 404
    assert (await browser.post(FRAME, params=parameters)).status_code == 405
    assert set(logouts.sessions) == {"s-1"}
