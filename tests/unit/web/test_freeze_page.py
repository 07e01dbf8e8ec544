"""The page that stops an identity: opened without effect, pressed once, with nothing personal on it."""

import pytest
from starlette.types import ASGIApp

from broker.actions.results import LimitKind, RateLimited
from broker.model.freeze_link import LinkState
from tests.unit.web.citizen_pages import GivenCitizen, client
from tests.unit.web.citizen_requests import get, post, token
from tests.unit.web.examples import NOW


async def test_opening_the_link_changes_nothing_and_sets_no_session(app: ASGIApp, citizen: GivenCitizen) -> None:
    async with client(app) as browser:
        for method in ("GET", "HEAD"):
            answer = await browser.request(method, "/freeze/usable")
            assert answer.status_code == 200
            assert not any("session" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert citizen.done == []


async def test_one_press_stops_the_identity_without_any_cookie(app: ASGIApp, citizen: GivenCitizen) -> None:
    async with client(app) as browser:
        page = (await browser.get("/freeze/usable")).text
        sent = page.partition('name="token" value="')[2].partition('"')[0]
        assert 'action="/freeze/usable"' in page
        answer = await browser.post("/freeze/usable", data={"token": sent}, headers={"Origin": str(browser.base_url)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/freeze/usable")
    assert citizen.done == [("freeze", "usable")]


@pytest.mark.parametrize("wrong", ["", "made-up", token("confirm")])
async def test_a_form_of_another_page_stops_nothing(app: ASGIApp, citizen: GivenCitizen, wrong: str) -> None:
    answer = await post(app, "/freeze/usable", token=wrong)
    assert answer.headers["location"] == "/freeze/usable?problem=again"
    assert citizen.done == []


@pytest.mark.parametrize("state", LinkState)
async def test_the_page_says_what_its_link_does_and_keeps_it_to_itself(app: ASGIApp, state: LinkState) -> None:
    answer = await get(app, f"/freeze/{state}")
    said = {
        LinkState.USABLE: "It was not me: stop it",
        LinkState.USED: "The identity was stopped",
        LinkState.RELEASED: "The identity can be used again",
        LinkState.REVOKED: "The identity cannot be used any more",
        LinkState.GONE: "This link does not work any more",
    }
    assert [text for text in said.values() if text in answer.text] == [said[state]]
    assert ("A person here looks at it" in answer.text) is (state in (LinkState.USABLE, LinkState.USED))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in answer.headers["cache-control"]


async def test_beyond_a_limit_looks_and_presses_get_its_page_with_whom_to_call(
    app: ASGIApp, citizen: GivenCitizen
) -> None:
    citizen.begun = RateLimited(LimitKind.FREEZES, NOW + 60)
    for answer in (await get(app, "/freeze/usable"), await post(app, "/freeze/usable", token=token("freeze"))):
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        assert "This link was opened too often" in answer.text
        assert 'href="/freeze/usable"' in answer.text
        assert "0300 123 4567" in answer.text
