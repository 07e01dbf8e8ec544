"""Citizens' pages: information pages, the language switch, and public explanations of failures."""

import re

import pytest
from starlette.types import ASGIApp

from broker.model.failures import FAILURES, FailureClass
from broker.web.shared import csrf
from tests.unit.web.citizen_pages import ISSUER, GivenCitizen, path
from tests.unit.web.citizen_requests import COOKIE, JOURNEY, get, post, set_cookies, token
from tests.unit.web.example_views import VIEWS


async def test_what_the_citizen_has_sorts_the_providers_and_excludes_none(app: ASGIApp) -> None:
    html = (await get(app, f"{path('choose')}/have?bank_account=1")).text
    assert re.findall(r'type="radio" value="(\w+)"', html) == ["alder", "cedar", "help"]
    html = (await get(app, f"{path('choose')}/have?passport=1")).text
    assert re.findall(r'type="radio" value="(\w+)"', html) == ["cedar", "alder", "help"]
    assert "Less likely" in html
    assert 'type="radio"' not in (await get(app, f"{path('choose')}/have")).text


async def test_the_info_page_of_an_unknown_provider_redirects_back(app: ASGIApp) -> None:
    assert "Alder Bank" in (await get(app, f"{path('choose')}/about/alder")).text
    assert (await get(app, f"{path('choose')}/about/nobody")).headers["location"] == path("choose")


async def test_what_a_service_asks_for_can_be_read_with_its_reasons(app: ASGIApp) -> None:
    html = (await get(app, f"{path('failed_declined_sharing')}/data")).text
    assert "It stands on your licence." in html
    assert "Boat name" in html


async def test_switching_the_language_comes_back_to_the_same_page(app: ASGIApp, citizen: GivenCitizen) -> None:
    html = (await get(app, path("share"))).text
    form = re.search(r'action="/language".*?value="([^"]+)".*?name="back" value="([^"]+)"', html, re.DOTALL)
    assert form
    answer = await post(app, "/language", token=form[1], back=form[2], language="cy")
    assert (answer.status_code, answer.headers["location"]) == (303, path("share"))
    assert set_cookies(answer)[0].startswith("__Host-portico-language=cy; Path=/; Max-Age=31536000;")
    assert citizen.done == []
    welsh = await get(app, path("choose"), cookie=f"{COOKIE['cookie']}; __Host-portico-language=cy")
    assert welsh.headers["content-language"] == "cy"
    assert "Sut hoffech chi brofi pwy ydych chi?" in welsh.text


@pytest.mark.parametrize(
    "back", ["https://evil.test/", "//evil.test", "/\\evil.test", "/a b", "journey", "", "/a\r\nb"]
)
async def test_switching_the_language_never_leads_elsewhere(back: str, app: ASGIApp) -> None:
    answer = await post(app, "/language", token=token("language"), back=back, language="cy")
    assert answer.headers["location"] == "/"


async def test_a_language_that_is_not_offered_is_not_remembered(app: ASGIApp) -> None:
    assert set_cookies(await post(app, "/language", token=token("language"), back="/", language="de")) == []
    assert set_cookies(await post(app, "/language", token="forged", back="/", language="cy")) == []


async def test_the_citizens_choice_comes_before_the_services_and_that_before_the_browsers(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    async def language(cookie: str, **headers: str) -> str:
        return (await get(app, "/help" if not citizen.view else JOURNEY, cookie=cookie, **headers)).headers[
            "content-language"
        ]

    liked = {"accept-language": "ar;q=0.9, de"}
    assert await language("a=b") == "en"
    assert await language("a=b", **liked) == "ar"
    assert await language("__Host-portico-language=cy", **liked) == "cy"
    assert await language("__Host-portico-language=xx", **liked) == "ar"
    citizen.view = VIEWS["choose"]
    assert await language("a=b", **liked) == "en"
    assert await language("__Host-portico-language=cy", **liked) == "cy"


@pytest.mark.parametrize("failure", FailureClass)
async def test_the_explanation_of_each_failure_class_needs_no_session(
    failure: FailureClass, app: ASGIApp, citizen: GivenCitizen
) -> None:
    answer = await get(app, f"/errors/{failure}")
    assert answer.status_code == 200
    assert f"<code>{failure}</code>" in answer.text
    spec = FAILURES[failure]
    if spec.error is not None:
        assert f"<code>error={spec.error}</code>" in answer.text
        assert all(f"<code>{code}</code>" in answer.text for code in spec.alternative_errors)
    assert citizen.browsers == []
    assert f'href="/errors/{failure}"' in (await get(app, "/errors")).text


async def test_a_class_that_does_not_exist_is_no_page(app: ASGIApp) -> None:
    assert (await get(app, "/errors/no_such_thing")).status_code == 404


def test_the_own_origin_is_the_issuers() -> None:
    assert csrf.from_here(None, ISSUER, ISSUER)
