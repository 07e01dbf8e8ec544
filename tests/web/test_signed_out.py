"""The page after signing out, the page for frames, and the list of services to begin with."""

from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from broker.actions.browser import Browser
from broker.actions.sign_out import SignedOut
from broker.web import citizens, cookies, public
from broker.web.citizens.frame import Frame
from broker.web.citizens.leaving import signed_out
from broker.web.middleware import guarded
from broker.web.middleware.headers import POLICY
from broker.web.pages import Pages
from broker.web.services.session import session_route
from broker.web.shown import Shown
from broker.web.static_files import Statics
from tests.web.doors import ISSUER, SITE, GivenCitizen, ambient, client, marks
from tests.web.examples import NOW, SERVICE

TAX, LAND = "https://tax.example:8443/bye?iss=a&sid=b", "https://land.example/bye?x=1&iss=a&sid=b"
BACK = "https://tax.example/?state=s"


def shown(written: Pages, outcome: SignedOut, language: str = "en") -> tuple[Shown, str]:
    frame = Frame("/logout", "logout", Browser(("secret",)), written.languages[language], NOW, marks(), ISSUER)
    found = signed_out(frame, outcome)
    return found, written.page(found.sheet, language, found.holes)


@pytest.mark.parametrize("language", SITE.languages)
def test_the_page_frames_the_services_of_the_session_and_its_policy_names_them_alone(
    written: Pages, language: str
) -> None:
    found, html = shown(written, SignedOut(SERVICE, BACK, frames=(TAX, LAND, TAX)), language)
    policy = dict(found.headers)["Content-Security-Policy"]
    assert policy == f"{POLICY}; frame-src https://land.example https://tax.example:8443"
    assert dict(found.headers)["Refresh"] == f"4;url={BACK}"
    assert html.count("<iframe hidden") == html.count("</iframe>") == html.count('title="') == 3
    assert html.count('src="https://tax.example:8443/bye?iss=a&amp;sid=b"') == 2
    assert f'href="{BACK}"' in html


def test_without_frames_it_goes_on_at_once_and_without_a_way_back_it_stays(written: Pages) -> None:
    found, html = shown(written, SignedOut(SERVICE, BACK))
    assert dict(found.headers) == {"Refresh": f"0;url={BACK}"}
    assert "<iframe" not in html
    found, html = shown(written, SignedOut(SERVICE, None))
    assert found.headers == () and SERVICE.home in html
    found, html = shown(written, SignedOut(None, None, frames=(TAX,)))
    assert "Refresh" not in dict(found.headers) and "<iframe" in html


def test_an_address_cannot_break_out_of_its_place(written: Pages) -> None:
    found, html = shown(
        written, SignedOut(None, 'https://x.example/"><b>\r\nX: y', frames=('https://x.example/"><b>',))
    )
    assert dict(found.headers)["Refresh"] == "0;url=https://x.example/%22%3E%3Cb%3E%0D%0AX:%20y".replace("0;", "4;")
    assert "<b>" not in html


@pytest.fixture
def door(citizen: GivenCitizen, written: Pages, files: Statics) -> ASGIApp:
    """The public pages with two services, of which one can start a sign-in, and the page for frames."""
    able = replace(SERVICE, client_id="able", initiate_login_uri="https://tax.example/in?a=b")
    unable = replace(SERVICE, client_id="unable", initiate_login_uri=None, names={"en": "Another service"})
    here = citizens.Door(citizen, written, marks(), ambient())
    routes = [*public.public_routes(here, {one.client_id: one for one in (able, unable)}), session_route(files)]
    return guarded(Starlette(routes=routes), ambient())


async def test_the_page_for_frames_may_be_framed_by_anybody_and_does_nothing_but_its_script(
    door: ASGIApp, files: Statics
) -> None:
    async with client(door) as browser:
        page = await browser.get("/session")
        other = await browser.get("/services")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors *" in policy and "default-src 'none'" in policy and "script-src 'self'" in policy
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.text.count("<script") == 1 and files.session in page.text and "set-cookie" not in page.headers
    assert "frame-ancestors 'none'" in other.headers["content-security-policy"]


async def test_the_services_that_can_start_a_sign_in_are_listed_with_our_name(door: ASGIApp) -> None:
    async with client(door) as browser:
        page: httpx.Response = await browser.get("/services")
    assert 'href="https://tax.example/in?a=b&amp;iss=https%3A%2F%2Fid.test"' in page.text
    assert "Another service" not in page.text


def test_the_cookie_for_frames_is_for_script_and_for_one_path() -> None:
    assert cookies.state("x") == "__Secure-portico-state=x; Path=/session; Secure; SameSite=None"
    assert cookies.no_state() == "__Secure-portico-state=; Path=/session; Max-Age=0; Secure; SameSite=None"
