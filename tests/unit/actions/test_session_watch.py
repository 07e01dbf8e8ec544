"""The page that asks a provider's frame whether its session changed: what it shows, and which session it ends."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.actions.account.ways import view_account
from broker.actions.logout import LogoutContext, LogoutStores
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.provider_policy import ProviderPolicy
from broker.platform.system import System, real_system
from broker.provider import CallbackParameters, LogoutRedirect, ProviderFailure, SessionFrame
from broker.web import citizens
from broker.web.citizens import logout_pages, session_watch
from broker.web.citizens.provider_logout_page import goodbye_routes
from broker.web.citizens.session_watch import PLACE, session_watch_routes
from broker.web.middleware import guarded
from broker.web.shared import cookies, csrf
from broker.web.shared.i18n import languages
from broker.web.shared.pages import PageRenderer, page_renderer
from broker.web.shared.static_files import Statics, static_routes, statics
from providers.monitored_provider import MonitoredProvider
from providers.simulator.national import Answer
from providers.simulator.national.session_management import SessionManagement
from tests.conftest import NewContext
from tests.contracts.stores.samples import claim_due
from tests.support.services import change_service
from tests.support.serving import serving
from tests.unit.actions.assisted.case_harness import ME, Stage
from tests.unit.actions.page_world import ALDER, BIRCH, World, world
from tests.unit.actions.test_presets import there_and_back
from tests.unit.providers.presets.exchange import Call, exchange, lowest, send
from tests.unit.web.axe import violations
from tests.unit.web.citizen_pages import SITE, marks, system

HERE = "https://broker.example"
AT = f"/providers/{ALDER}/session-watch"
STATE = "the-state.salt"
FRAME = SessionFrame("https://login.alder.example:8443/session?x=1&y=2", "portico")
BYE, TOLD = "https://library.example/bye", "https://library.example/logout"
POSTED = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def files() -> Statics:
    """The static files."""
    return statics()


@pytest.fixture(scope="module")
def written(files: Statics) -> PageRenderer:
    """The page, and those after signing out."""
    sheets = (*session_watch.SHEETS, *logout_pages.SHEETS)
    return page_renderer(languages(SITE.languages, SITE.zone), replace(SITE, issuer=HERE), sheets, files)


@pytest.fixture
def w(stage: Stage, written: PageRenderer) -> World:
    """A provider whose sessions are watched, another whose are not, and a service that is notified in both ways."""
    found = world(stage, written)
    library = found.shelf.services["library"]
    found.shelf.services["library"] = change_service(library, frontchannel_logout_uri=BYE, backchannel_logout_uri=TOLD)
    watched(found, FRAME)
    cast(Any, found.upstream[BIRCH]).watches_sessions = False
    return found


def watched(w: World, frame: SessionFrame | None) -> None:
    """The provider has this frame."""

    async def session_frame() -> SessionFrame | None:
        return frame

    alder = cast(Any, w.upstream[ALDER])
    alder.watches_sessions, alder.session_frame = True, session_frame


@pytest.fixture
def app(w: World, files: Statics) -> ASGIApp:
    """The page, the page after signing out, and the static files."""
    context = w.sign_in.sign_in_context
    citizen = citizens.CitizenApp(context, cast(Any, None), w.pages, marks(), system())
    stores = LogoutStores(context.stores.sessions, w.stage.passing.pending_logouts)
    logout = LogoutContext(HERE, f"{HERE}/signed-out", cast(Any, None), cast(Any, w.shelf), stores, context.system)
    routes = [*session_watch_routes(citizen, logout), *goodbye_routes(citizen, logout), *static_routes(files)]
    return guarded(Starlette(routes=routes), system())


@pytest.fixture
async def visitor(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """A browser with its secret, and no session."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
        client.cookies.set(cookies.BROWSER, ME.secrets[0])
        yield client


async def signed_in(w: World, state: str | None = STATE, provider: str = ALDER) -> str:
    """A citizen signs in at the library in this session of the provider; gives the cookie of the broker's session."""
    upstream = w.upstream[provider]

    async def complete(note: Any, answer: CallbackParameters) -> Identity | ProviderFailure:
        found = await type(upstream).complete(upstream, note, answer)
        return replace(found, session_state=state) if isinstance(found, Identity) else found

    cast(Any, upstream).complete = complete
    handle = await w.arrives()
    await w.tries(handle, provider=provider)
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    assert updates.session is not None
    return str(updates.session)


async def lives(w: World, cookie: str) -> bool:
    """Whether the session of a cookie has not ended."""
    return await w.stage.facts.sessions.load(sha256_hex(cookie)) is not None


def token() -> str:
    """The token of the page's form."""
    return csrf.token(marks(), ME.secrets, PLACE)


def main(page: httpx.Response) -> str:
    """The part of the page with its content."""
    return page.text[page.text.index("<main") : page.text.index("</main>")]


async def test_the_page_frames_the_providers_origin_alone_and_has_no_script_of_its_own(
    w: World, visitor: httpx.AsyncClient, files: Statics
) -> None:
    visitor.cookies.set(cookies.SESSION, await signed_in(w))
    page = await visitor.get(AT)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.endswith("; frame-src https://login.alder.example:8443")
    assert "script-src 'self'; " in policy
    assert "'unsafe" not in policy
    assert 'data-frame="https://login.alder.example:8443/session?x=1&amp;y=2"' in page.text
    assert f'data-message="portico {STATE}"' in page.text
    assert re.findall(r"<script[^>]*>[^<]*", main(page)) == [f'<script src="{files.watch}" defer>']
    assert not re.search(r"<iframe|\son[a-z]+=", page.text)
    assert 'href="/logout"' in main(page)
    assert len(page.content) < 15_000


async def test_without_a_session_of_this_provider_nothing_is_framed(w: World, visitor: httpx.AsyncClient) -> None:
    for cookie in (None, await signed_in(w, None, BIRCH)):
        visitor.cookies.set(cookies.SESSION, cookie or "")
        page = await visitor.get(AT)
        assert "You are not signed in here with <bdi>Alder Bank</bdi>." in page.text
        assert "frame-src" not in page.headers["content-security-policy"]
        assert "<script" not in main(page)


@pytest.mark.parametrize(
    ("state", "frame"),
    [
        (None, FRAME),
        (STATE, None),
        (STATE, SessionFrame("https://a.example; script-src */s", "portico")),
        (STATE, SessionFrame("https://\u00e9.example/s", "portico")),
    ],
)
async def test_a_provider_that_cannot_be_asked_is_not_framed(
    w: World, visitor: httpx.AsyncClient, state: str | None, frame: SessionFrame | None
) -> None:
    watched(w, frame)
    visitor.cookies.set(cookies.SESSION, await signed_in(w, state))
    page = await visitor.get(AT)
    assert "This page cannot find out whether you are signed in at <bdi>Alder Bank</bdi>." in page.text
    assert "frame-src" not in page.headers["content-security-policy"]
    assert "<script" not in main(page)
    assert 'href="/logout"' in main(page)


async def test_providers_that_do_not_want_it_have_no_such_page(w: World, visitor: httpx.AsyncClient) -> None:
    for name in (BIRCH, "nobody"):
        assert (await visitor.get(AT.replace(ALDER, name))).status_code == 404
        assert (await visitor.post(AT.replace(ALDER, name), data={"token": token()})).status_code == 404
    del cast(Any, w.upstream[BIRCH]).watches_sessions
    assert (await visitor.get(AT.replace(ALDER, BIRCH))).status_code == 404


async def test_the_form_ends_the_session_and_tells_its_services(w: World, visitor: httpx.AsyncClient) -> None:
    cookie = await signed_in(w)
    visitor.cookies.set(cookies.SESSION, cookie)
    answer = await visitor.post(AT, data={"token": token(), "state": STATE}, headers=POSTED)
    assert answer.status_code == 303
    assert not await lives(w, cookie)
    left = answer.headers.get_list("set-cookie")
    assert any(line.startswith(f"{cookies.SESSION}=;") for line in left)
    assert any(line.startswith(f"{cookies.DEPARTED}=") for line in left)
    page = await visitor.get(answer.headers["location"])
    assert "You signed out at <bdi>Alder Bank</bdi>, or another person signed in there." in page.text
    assert "You may still be signed in at" not in page.text
    assert "<iframe hidden" in page.text
    now = w.clock.now()
    [delivery] = await claim_due(w.stage.facts, now, now + 1)
    assert delivery.client_id == "library"
    [event] = [event for event in await w.stage.audit() if event.kind == "session_ended"]
    assert (event.actor, event.provider, event.details["why"]) == ("broker", ALDER, "session_changed")


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"state": STATE}, POSTED),
        ({"state": STATE, "token": "forged"}, POSTED),
        ({"state": STATE, "token": None}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        ({"state": "an-earlier-state.salt", "token": None}, POSTED),
        ({"token": None}, POSTED),
    ],
)
async def test_a_forged_form_and_that_of_an_earlier_session_end_nothing(
    w: World, visitor: httpx.AsyncClient, fields: dict[str, str | None], headers: dict[str, str]
) -> None:
    cookie = await signed_in(w)
    visitor.cookies.set(cookies.SESSION, cookie)
    data = {name: token() if value is None else value for name, value in fields.items()}
    answer = await visitor.post(AT, data=data, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"].partition("?")[0] == AT
    assert await lives(w, cookie)


async def test_a_session_without_a_state_is_not_ended_by_an_empty_one(w: World, visitor: httpx.AsyncClient) -> None:
    cookie = await signed_in(w, None)
    visitor.cookies.set(cookies.SESSION, cookie)
    await visitor.post(AT, data={"token": token(), "state": ""}, headers=POSTED)
    assert await lives(w, cookie)


async def test_the_page_of_the_ways_leads_to_it(w: World) -> None:
    w.browser = replace(ME, session=await signed_in(w))
    assert [own.watched for own in await ways(w)] == [True]
    w.browser = replace(ME, session=await signed_in(w, None))
    assert [own.watched for own in await ways(w)] == [False]


async def ways(w: World) -> Any:
    """The ways of the account."""
    view = await view_account(w.sign_in.sign_in_context, w.browser)
    assert view is not None
    return view.ways


async def test_the_page_asks_about_the_sign_in_itself_before_and_after_a_logout_at_the_provider(
    w: World, visitor: httpx.AsyncClient
) -> None:
    """What oidcc-client-test-session-management expects, from the callback to the last message."""
    here = exchange(
        "id-porten",
        System(w.clock.now, w.stage.lot.draw, w.clock.tick),
        openid={"logout": {"check_session": True}},
    )
    registered = MonitoredProvider(here.provider, here.system)
    w.shelf.providers["id-porten"] = ConfiguredProvider(registered, ProviderPolicy(), here.ask.callback)
    handle = await w.arrives(min_level=lowest(here.entry), requested_claims=())
    await there_and_back(w, here, handle, Answer())
    updates = await w.sign_in.share(handle, w.browser, agree=True)
    visitor.cookies.set(cookies.SESSION, str(updates.session))
    page = await visitor.get("/providers/id-porten/session-watch")
    frame, message = re.findall(r'data-frame="([^"]*)" data-message="([^"]*)"', page.text)[0]
    assert page.headers["content-security-policy"].endswith(f"; frame-src {here.simulated.dialect.issuer}")

    async def says() -> str:
        asked = Call("GET", f"{frame}?{urlencode({'message': unescape(message), 'origin': HERE})}", {}, {})
        return (await send(here.wire.app, asked)).body.decode()

    assert await says() == "unchanged"
    session = await w.stage.facts.sessions.load(sha256_hex(str(updates.session)))
    assert session is not None
    who = session.identity
    target = await registered.end_session(LogoutRedirect("s", f"{HERE}/signed-out", "en", who.subject, who.id_token))
    assert target is not None
    await send(here.wire.app, Call("GET", target.url, {}, {}))
    assert await says() == "changed"
    fields = dict(re.findall(r'<input type="hidden" name="(token|state)" value="([^"]*)"', main(page)))
    await visitor.post("/providers/id-porten/session-watch", data=fields, headers=POSTED)
    assert not await lives(w, str(updates.session))


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The origin of an application on loopback."""
    async with serving(app) as port:
        yield f"http://localhost:{port}"


SHOUTS = "<!DOCTYPE html><title>Shouts</title><script>parent.postMessage('changed', '*')</script>"

HEARD = """(url) => new Promise((done) => {
  window.addEventListener("message", (event) => event.data === "changed" && done(event.origin));
  const frame = document.createElement("iframe");
  frame.src = url;
  document.body.append(frame);
})"""


async def opened(
    context: BrowserContext, w: World, site: str, sessions: SessionManagement, answer: str = ""
) -> tuple[Page, str]:
    """The page of a citizen who has just signed in, and the cookie of their session. `answer`: all that the provider
    says."""
    cookie = await signed_in(w, sessions.begin(FRAME.client_id, f"{site}/callback/alder"))
    async with httpx.AsyncClient() as test:
        await test.post(cast(Any, (await cast(Any, w.upstream[ALDER]).session_frame())).url, data={"answer": answer})
    own = ((cookies.BROWSER, ME.secrets[0]), (cookies.SESSION, cookie))
    await context.add_cookies(
        [{"name": name, "value": value, "domain": "localhost", "path": "/", "secure": True} for name, value in own]
    )
    page = await context.new_page()
    await page.goto(site + AT)
    return page, cookie


async def test_a_browser_asks_the_provider_and_signs_out_once_the_session_there_ended(
    w: World, app: ASGIApp, new_context: NewContext
) -> None:
    sessions = SessionManagement(real_system())

    async def shout(_request: Request) -> Response:
        return HTMLResponse(SHOUTS)

    op = Starlette(
        routes=[
            Route("/session", sessions.frame),
            Route("/session", sessions.script, methods=["POST"]),
            Route("/shout", shout),
        ]
    )
    async with served(app) as site, served(op) as theirs:
        watched(w, SessionFrame(f"{theirs}/session", FRAME.client_id))
        page, cookie = await opened(await new_context(), w, site, sessions)
        faults: list[str] = []
        page.on("console", lambda said: faults.append(said.text))
        await expect(page.get_by_text("You are still signed in at Alder Bank.")).to_be_visible()
        await expect(page.get_by_text("has not answered yet")).to_be_hidden()
        assert await violations(page) == []

        # what another frame says counts for nothing, even if it is of the same origin
        assert await page.evaluate(HEARD, f"{theirs}/shout") == theirs
        await page.evaluate("window.postMessage('changed', '*')")
        asked = len(sessions.asked)
        while len(sessions.asked) == asked:
            await page.wait_for_timeout(200)
        assert urlsplit(page.url).path == AT
        assert await lives(w, cookie)

        sessions.end()
        await page.wait_for_url(f"{site}/signed-out/*")
        await expect(page.get_by_text("You signed out at Alder Bank, or another person")).to_be_visible()
        assert not await lives(w, cookie)
        assert not [fault for fault in faults if "Content Security Policy" in fault]

        # a frame that never knew the session, such as one without its cookies, ends nothing, and neither does an error
        for answer in ("changed", "error"):
            page, cookie = await opened(await new_context(), w, site, sessions, answer)
            await expect(page.get_by_text("This page cannot find out whether you are signed in")).to_be_visible()
            await expect(page.get_by_role("link", name="Sign out here", exact=True)).to_be_visible()
            assert urlsplit(page.url).path == AT
            assert await lives(w, cookie)

        # without script nothing is framed, and the page says so
        page, cookie = await opened(await new_context(java_script_enabled=False), w, site, sessions)
        await expect(page.get_by_text("it needs script for that")).to_be_visible()
        assert len(page.frames) == 1
        assert await lives(w, cookie)
