"""Finding an open case again in the browser that asked for it: before anything else, and at its own page."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from broker.assisted.case_states import CaseState
from broker.model.assurance import Level
from broker.web.shared import csrf
from broker.web.shared.pages import PageRenderer
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import Stage, staged
from tests.unit.web.citizen_pages import ISSUER, marks
from tests.unit.web.staff import Ready
from tests.unit.web.test_citizen_meetings import ASK, POLICY, Citizen, comes

pytestmark = pytest.mark.store


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path) -> AsyncIterator[Stage]:
    """A broker whose only way is help from a person."""
    async with staged(console_ready.database, tmp_path, FakeClock()) as opened:
        context = replace(opened.context, rules=replace(opened.context.rules, policy=POLICY))
        yield replace(opened, context=context, citizen_cases=replace(opened.citizen_cases, context=context))


async def asked(stage: Stage, written: PageRenderer) -> tuple[Citizen, str]:
    """A citizen who asked for a person, and the cookies of their browser."""
    citizen = await comes(stage, written)
    answer = await citizen.post("/help", **ASK)
    kept = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-portico-asked="))
    assert "Max-Age=" in kept
    return citizen, f"__Host-portico-browser=my-secret; {kept.partition(';')[0]}"


def words(answer: httpx.Response) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def test_coming_back_from_the_same_service_finds_the_open_case_before_anything_else(
    stage: Stage, written: PageRenderer
) -> None:
    citizen, cookie = await asked(stage, written)
    before = await citizen.case()
    again = replace(citizen, handle=await stage.arrives())
    page = await again.get(cookie=cookie)
    assert "You asked for help before" in words(page)
    assert "ada@example.org" not in page.text
    assert "You asked for help before" not in words(await again.get("?anew=1", cookie=cookie))
    assert "You asked for help before" not in words(await again.get(cookie="__Host-portico-browser=my-secret"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(citizen.app), base_url=ISSUER) as browser:
        token = csrf.token(marks(), ("my-secret",), again.handle)
        done = await browser.post(f"{again.base}/go-on", data={"token": token}, headers={"cookie": cookie})
        twice = await browser.post(f"{again.base}/go-on", data={"token": token}, headers={"cookie": cookie})
    assert done.headers["location"] == again.base
    assert twice.headers["location"] == f"{again.base}?problem=not_now"
    case = await again.case()
    assert (case.id, case.moved) == (before.id, False)
    assert "You are the next in line." in words(await again.get(cookie=cookie))
    status = await stage.status(again.handle)
    assert status.words is not None
    assert "helps you in another" not in words(await citizen.get(cookie=cookie))
    assert case.transaction == (await stage.transaction(again.handle)).id


@pytest.mark.parametrize("change", ["level", "closed", "other browser"])
async def test_a_case_that_cannot_complete_the_request_is_not_offered(
    stage: Stage, written: PageRenderer, change: str
) -> None:
    citizen, cookie = await asked(stage, written)
    level = Level.HIGH if change == "level" else Level.SUBSTANTIAL
    again = replace(citizen, handle=await stage.arrives(level))
    if change == "closed":
        await citizen.post("/withdraw")
    if change == "other browser":
        cookie = f"__Host-portico-browser=my-secret; __Host-portico-asked={'f' * 64}"
    assert "You asked for help before" not in words(await again.get(cookie=cookie))


async def test_the_page_of_open_cases_continues_one_without_a_code_and_shows_nothing_personal(
    stage: Stage, written: PageRenderer
) -> None:
    citizen, cookie = await asked(stage, written)
    before = await citizen.case()
    cookie = cookie.replace("my-secret", "another-secret")  # the browser was closed in between
    async with httpx.AsyncClient(transport=httpx.ASGITransport(citizen.app), base_url=ISSUER) as browser:
        page = await browser.get("/case", headers={"cookie": cookie})
        assert "Library" in page.text
        assert "ada@example.org" not in page.text
        form = {"reference": before.reference, "token": csrf.token(marks(), ("another-secret",), "case")}
        forged = await browser.post("/case", data={**form, "token": "x"}, headers={"cookie": cookie})
        unknown = await browser.post("/case", data={**form, "reference": "BCDF0000"}, headers={"cookie": cookie})
        bare = await browser.post("/case", data=form, headers={"cookie": cookie.partition(";")[0]})
        assert [one.headers["location"] for one in (forged, unknown, bare)] == [
            "/case?problem=again",
            "/case?problem=not_now",
            "/case?problem=not_now",
        ]
        done = await browser.post("/case", data=form, headers={"cookie": cookie})
    handle = done.headers["location"].removeprefix("/journey/")
    assert any(one.startswith("portico-code=") for one in done.headers.get_list("set-cookie"))
    case = await stage.case(handle)
    assert (case.id, case.state, case.moved) == (before.id, CaseState.QUEUED, False)
    assert case.continuation != before.continuation


async def test_without_an_open_case_the_page_says_where_to_go_on(stage: Stage, written: PageRenderer) -> None:
    citizen = await comes(stage, written)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(citizen.app), base_url=ISSUER) as browser:
        page = await browser.get("/case")
    assert "No request for help is open that was asked for in this browser." in words(page)
