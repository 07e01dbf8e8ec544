"""Signed-out page with its frames, check_session_iframe, and the list of services."""

import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from broker.actions.browser import Browser
from broker.actions.logout import LogoutSteps
from broker.web import public
from broker.web.citizens.logout_pages import before_services, services_out, signed_out
from broker.web.citizens.page_context import PageContext
from broker.web.middleware import guarded
from broker.web.middleware.security_headers import POLICY
from broker.web.services.check_session_iframe import session_route
from broker.web.shared import cookies
from broker.web.shared.pages import PageRenderer
from broker.web.shared.responses import PageResponse
from broker.web.shared.static_files import Statics
from tests.support.services import change_service
from tests.unit.web.citizen_pages import ISSUER, SITE, GivenCitizen, citizen_app, client, marks, system
from tests.unit.web.examples import BANK, NOW, SERVICE

TAX, LAND = "https://tax.example:8443/bye?iss=a&sid=b", "https://land.example/bye?x=1&iss=a&sid=b"
BACK = "https://tax.example/?state=s"


PATH = "/signed-out/handle"


def frame(written: PageRenderer, language: str = "en") -> PageContext:
    return PageContext("/logout", "logout", Browser(("secret",)), written.languages[language], NOW, marks(), ISSUER)


def shown(
    written: PageRenderer, leaving: LogoutSteps, language: str = "en", path: str | None = PATH
) -> tuple[PageResponse, str]:
    found = signed_out(frame(written, language), leaving, path)
    return found, written.page(found.template, language, found.variables)


@pytest.mark.parametrize("language", SITE.languages)
def test_the_logout_page_has_one_frame_of_our_origin_and_continues_in_time(
    written: PageRenderer, language: str
) -> None:
    found, html = shown(written, LogoutSteps(SERVICE, BACK, (TAX, LAND, TAX)), language)
    assert dict(found.headers) == {"Content-Security-Policy": f"{POLICY}; frame-src 'self'", "Refresh": f"3;url={BACK}"}
    assert html.count("<iframe hidden") == html.count("</iframe>") == html.count('title="') == 1
    assert f'src="{PATH}/services"' in html
    assert "tax.example:8443" not in html
    assert f'href="{BACK}"' in html


@pytest.mark.usefixtures("written")
def test_what_stands_in_the_frame_first_is_complete_at_once_and_then_goes_on() -> None:
    html, headers = before_services(PATH)
    assert headers["Refresh"] == f"1;url={PATH}/frames"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert "src=" not in html


@pytest.mark.parametrize("language", SITE.languages)
def test_the_page_of_frames_names_the_services_of_the_session_in_its_policy_and_no_others(
    written: PageRenderer, language: str
) -> None:
    found = services_out(frame(written, language), (TAX, LAND, TAX))
    html = written.page(found.template, language, found.variables)
    policy = dict(found.headers)["Content-Security-Policy"]
    assert policy.endswith("; frame-ancestors 'self'; frame-src https://land.example https://tax.example:8443")
    assert policy.startswith("default-src 'none'")
    assert html.count("<iframe") == html.count("</iframe>") == html.count("sandbox=") == 3
    assert html.count('src="https://tax.example:8443/bye?iss=a&amp;sid=b"') == 2


def test_without_frames_it_goes_on_at_once_and_without_a_way_back_it_stays(written: PageRenderer) -> None:
    found, html = shown(written, LogoutSteps(SERVICE, BACK))
    assert dict(found.headers) == {"Refresh": f"0;url={BACK}"}
    assert "<iframe" not in html
    found, html = shown(written, LogoutSteps(SERVICE, None))
    assert found.headers == ()
    assert SERVICE.presentation.home in html
    found, html = shown(written, LogoutSteps(None, None, (TAX,)))
    assert "Refresh" not in dict(found.headers)
    assert "<iframe" in html
    found, html = shown(written, LogoutSteps(None, None, (TAX,)), path=None)
    assert "<iframe" not in html
    assert found.headers == ()


END = "https://bank.example/logout?state=s&id_token_hint=a.b.c"


@pytest.mark.parametrize("language", SITE.languages)
@pytest.mark.parametrize("url", [END, None])
@pytest.mark.parametrize("returned", [True, False])
def test_the_page_names_the_provider_and_waits_while_there_is_something_to_choose(
    written: PageRenderer, language: str, url: str | None, *, returned: bool
) -> None:
    by = BANK
    found, html = shown(written, LogoutSteps(SERVICE, BACK, (TAX,), (), by, url, returned), language)
    assert by.name(language) in html
    assert ("Refresh" in dict(found.headers)) is (url is None)
    assert ('href="https://bank.example/logout?state=s&amp;id_token_hint=a.b.c"' in html) is (url is not None)
    assert f'href="{BACK}"' in html


@pytest.mark.parametrize("language", SITE.languages)
def test_the_page_goes_on_to_a_provider_that_demands_it_and_back_after_that(
    written: PageRenderer, language: str
) -> None:
    steps = LogoutSteps(SERVICE, BACK, (), (), BANK, END, must_call=True)
    found, html = shown(written, steps, language)
    assert dict(found.headers)["Refresh"] == f"3;url={END}"
    assert f'href="{BACK}"' in html
    plain = shown(written, replace(steps, must_call=False), language)[1]
    assert html.count("<p ") == plain.count("<p ") + 1
    back, _ = shown(written, replace(steps, url=None, returned=True), language)
    assert dict(back.headers)["Refresh"] == f"3;url={BACK}"


@pytest.mark.parametrize("language", SITE.languages)
def test_the_page_says_that_a_provider_may_keep_the_citizen(written: PageRenderer, language: str) -> None:
    steps = LogoutSteps(SERVICE, BACK, (), (), BANK, END, may_not_return=True)
    found, html = shown(written, steps, language)
    assert "Refresh" not in dict(found.headers)
    assert html.count("<p ") == shown(written, replace(steps, may_not_return=False), language)[1].count("<p ") + 1


def test_an_address_cannot_break_out_of_its_place(written: PageRenderer) -> None:
    bad = 'https://x.example/"><b>\r\nX: y'
    found, html = shown(written, LogoutSteps(None, bad, (bad,)))
    assert dict(found.headers)["Refresh"] == "3;url=https://x.example/%22%3E%3Cb%3E%0D%0AX:%20y"
    assert "<b>" not in html
    _, html = shown(written, LogoutSteps(None, None, (), (), BANK, bad))
    assert "<b>" not in html
    inner = services_out(frame(written), (bad,))
    assert "<b>" not in written.page(inner.template, "en", inner.variables)


@pytest.fixture
def door(citizen: GivenCitizen, written: PageRenderer, files: Statics) -> ASGIApp:
    """The public pages with two services, one with third-party login, and check_session_iframe."""
    able = change_service(SERVICE, client_id="able", initiate_login_uri="https://tax.example/in?a=b")
    unable = change_service(SERVICE, client_id="unable", initiate_login_uri=None, names={"en": "Another service"})
    here = citizen_app(citizen, written)
    routes = [*public.public_routes(here, {one.client_id: one for one in (able, unable)}), session_route(files)]
    return guarded(Starlette(routes=routes), system())


async def test_the_check_session_iframe_may_be_framed_by_any_origin(door: ASGIApp, files: Statics) -> None:
    async with client(door) as browser:
        page = await browser.get("/session")
        other = await browser.get("/services")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert page.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.text.count("<script") == 1
    assert files.session in page.text
    assert "set-cookie" not in page.headers
    assert "frame-ancestors 'none'" in other.headers["content-security-policy"]


async def test_the_services_that_can_start_a_sign_in_are_listed_with_our_name(door: ASGIApp) -> None:
    async with client(door) as browser:
        page: httpx.Response = await browser.get("/services")
    assert 'href="https://tax.example/in?a=b&amp;iss=https%3A%2F%2Fid.test"' in page.text
    assert page.text.count("/in?a=b") == 1
    assert not re.search(r"<a [^>]*><bdi>Another service", page.text)
    assert "Another service" in page.text, "in the register alone"


def test_the_cookie_for_frames_is_for_script_and_for_one_path() -> None:
    assert cookies.state("x") == "__Secure-portico-state=x; Path=/session; Secure; SameSite=None"
    assert cookies.no_state() == "__Secure-portico-state=; Path=/session; Max-Age=0; Secure; SameSite=None"
