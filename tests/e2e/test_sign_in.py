"""A citizen signs in, with script and without, and does on the way what people do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.app_harness import Ahead, Stage
from tests.e2e.citizen_page import EID, HARBOUR, NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import ClientRequest

COUNCIL = "Aberlan Council"


@pytest.fixture
async def citizen(newcomer: Newcomer, shared_stage: Stage, *, script: bool) -> Citizen:
    """A citizen with a fresh browser, once with script and once without."""
    return await newcomer(shared_stage, script=script)


async def test_a_citizen_signs_in(citizen: Citizen) -> None:
    await citizen.begin("move")
    await citizen.sees(PICKER)
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Tell us you have moved: assurance substantial, Amina Hughes")


async def test_a_citizen_cancels_at_one_provider_and_finishes_with_another(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("cancelled")
    await citizen.sees(f"You did not finish with {NORTHBANK}")
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "ioan")
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Ioan Pryce")


async def test_a_citizen_whose_provider_is_down_tries_again_and_then_uses_another(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(HARBOUR)
    await citizen.play("provider_down")
    await citizen.sees(f"{HARBOUR} was not working")
    await citizen.press("Try again")
    await citizen.at(HARBOUR)
    await citizen.play("provider_down")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def test_an_unavailable_provider_is_listed_with_the_reason_and_cannot_be_chosen(citizen: Citizen) -> None:
    page, stage = citizen.page, citizen.stage
    harbour = stage.parts.monitoring.health_monitor.providers["harbour"]
    switch = page.locator(f"form[action='{stage.providers}/harbour/order'] button")
    await citizen.begin()
    journey = page.url
    await page.goto(stage.providers)
    await switch.click()
    try:
        await page.goto(journey)
        # the health check runs every half minute; one failed check alone does not count
        for _ in range(2):
            await harbour.check()
        await page.reload()
        await citizen.reads("Not working right now")
        await citizen.reads(f"{HARBOUR} – Not working since")
        await expect(page.get_by_role("radio", name=HARBOUR)).to_have_count(0)
        await citizen.choose(NORTHBANK)
        await citizen.play("ok")
        await citizen.share()
        await citizen.arrives()
    finally:
        await page.goto(stage.providers)
        await switch.click()
        await harbour.check()
    await citizen.begin(prompt="login")
    await expect(page.get_by_role("radio", name=HARBOUR)).to_have_count(1)


async def test_a_citizen_with_a_level_too_low_sees_it_and_finishes_with_another_provider(
    citizen: Citizen,
) -> None:
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "noor")
    await citizen.sees(f"This account does not reach the level {COUNCIL} needs")
    await citizen.press(f"Go to {NORTHBANK}")
    await citizen.play("ok", "amina")
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("assurance substantial, Amina Hughes")


async def test_a_provider_that_cannot_reach_the_level_is_not_offered(citizen: Citizen) -> None:
    await citizen.begin("passport")
    await expect(citizen.page.get_by_role("radio")).to_have_count(1)
    await citizen.choose(EID)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("assurance high")


async def test_a_reload_changes_nothing_at_any_step(citizen: Citizen) -> None:
    page = citizen.page
    await citizen.begin()
    await citizen.sees(PICKER)
    await page.reload()
    await citizen.sees(PICKER)

    async with held_back(page, f"{citizen.stage.providers}/**") as left:
        await citizen.choose(NORTHBANK)
        await left.wait()
        await citizen.sees(f"You are going to {NORTHBANK}")
        await stays(page, f"You are going to {NORTHBANK}")
    journey = page.url
    await citizen.press(f"Go to {NORTHBANK}")
    await citizen.at(NORTHBANK)
    await page.reload()
    await citizen.at(NORTHBANK)

    async with page.expect_request(f"{citizen.stage.issuer}/callback/**") as callback:
        await citizen.play("ok")
    await citizen.sees("Check what you share")
    await page.reload()
    await citizen.sees("Check what you share")
    await page.goto((await callback.value).url)
    await citizen.sees("Check what you share")
    assert page.url == journey

    async with held_back(page, f"{citizen.stage.service}/**") as left:
        await citizen.press("Share and continue")
        await left.wait()
        await citizen.sees(f"You are going to {COUNCIL}")
        await stays(page, f"You are going to {COUNCIL}")
    await citizen.press(f"Go to {COUNCIL}")
    await citizen.arrives()
    await page.reload()
    await citizen.arrives()


async def test_the_back_button_shows_where_one_was_going_and_does_not_leave_again_by_itself(citizen: Citizen) -> None:
    page, stage = citizen.page, citizen.stage
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.at(NORTHBANK)
    waits(await citizen.returns())
    await citizen.sees(f"You are going to {NORTHBANK}")
    await citizen.reads("You were on your way there")
    assert page.url.startswith(f"{stage.issuer}/journey/")
    await citizen.choose(HARBOUR)
    await citizen.at(HARBOUR)
    await citizen.play("ok")
    await citizen.sees("Check what you share")

    # back at the provider, which answers again: its second answer belongs to an attempt that is over
    await citizen.returns()
    while page.url.startswith(stage.issuer):
        await citizen.returns()
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()

    waits(await citizen.returns())
    assert page.url.startswith(f"{stage.issuer}/journey/")
    await citizen.sees(f"You are going to {COUNCIL}")
    await citizen.reads("You were on your way back there")


async def test_a_double_click_counts_once_at_every_step(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.page.get_by_role("radio", name=NORTHBANK).check()
    await citizen.press_twice("Continue")
    await citizen.at(NORTHBANK)
    await citizen.returns()
    await citizen.press_twice(f"Go to {NORTHBANK}")
    await citizen.at(NORTHBANK)
    await citizen.decide("ok")
    await citizen.press_twice("Continue")
    await citizen.sees("Check what you share")
    await citizen.press_twice("Share and continue")
    await citizen.arrives()
    await citizen.reads("Amina Hughes")


async def test_one_request_in_two_tabs_goes_on_from_wherever_it_stands(citizen: Citizen) -> None:
    first, second = citizen, await citizen.another_tab()
    await first.begin()
    await second.page.goto(first.page.url)
    await second.sees(PICKER)
    await first.choose(NORTHBANK)
    await first.at(NORTHBANK)
    # the other tab still shows the picker, and chooses again
    await second.choose(HARBOUR)
    await second.at(HARBOUR)
    # so what the first tab brings back belongs to an attempt that was given up
    await first.play("ok")
    await first.sees(f"You are going to {HARBOUR}")
    await second.play("ok", "ioan")
    await second.sees("Check what you share")
    await first.page.reload()
    await first.share()
    await first.arrives()
    await first.reads("Ioan Pryce")
    # the second tab, which still offers to share, sends no second response
    await second.press("Share and continue")
    await second.sees(f"You are going to {COUNCIL}")
    await second.reads("You were on your way back there")


async def test_two_requests_in_two_tabs_do_not_meet(citizen: Citizen) -> None:
    first, second = citizen, await citizen.another_tab()
    library = ClientRequest(citizen.stage)
    await first.page.goto(library.request(prompt="consent"))
    await second.begin("move")
    await first.choose(NORTHBANK)
    await second.choose(HARBOUR)
    await second.play("ok", "ioan")
    await first.at(NORTHBANK)
    await second.share()
    await second.arrives()
    await second.reads("assurance substantial, Ioan Pryce")
    # the browser has a new secret since; a tab from before keeps its place
    await first.play("ok", "amina")
    await first.share()
    tokens = (await library.redeem((await library.answer(first.page))["code"])).expect().json
    assert (await library.userinfo(tokens["access_token"])).json["name"] == "Amina Hughes"


async def test_two_tabs_at_the_sample_service_both_arrive_whichever_began_first(citizen: Citizen) -> None:
    first, second = citizen, await citizen.another_tab()
    await first.begin()
    await second.begin("move")
    await first.choose(NORTHBANK)
    await second.choose(HARBOUR)
    await first.play("ok", "amina")
    await second.play("ok", "ioan")
    await first.share()
    await first.arrives()
    await first.reads("Amina Hughes")
    await second.share()
    await second.arrives()
    await second.reads("Ioan Pryce")


async def test_a_bookmarked_journey_shows_how_and_when_it_ended(
    newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead, *, script: bool
) -> None:
    stage = clocked_stage
    left_open, finished, forgotten = [await newcomer(stage, script=script) for _ in range(3)]
    library = ClientRequest(stage)
    bookmarks = []
    for one in (left_open, finished, forgotten):
        if one is finished:
            await one.page.goto(library.request(prompt="consent"))
        else:
            await one.begin()
        bookmarks.append(one.page.url)
        await one.choose(NORTHBANK)
        await one.at(NORTHBANK)
    await finished.play("ok")
    await finished.share()
    await library.answer(finished.page)

    ahead.advance(12 * 3600)
    await finished.page.goto(bookmarks[1])
    await finished.sees("You are done here")
    await finished.press("Go to City Library")
    await finished.sees("Council services")

    ahead.advance(14 * 3600)
    await left_open.page.goto(bookmarks[0])
    await left_open.sees("Your request has ended")
    await left_open.press(f"Go to {COUNCIL}")
    answer = await left_open.is_refused()
    assert answer["error"] == "access_denied"
    assert answer["error_uri"] == f"{stage.issuer}/errors/request_expired"

    await forgotten.page.context.clear_cookies()
    await forgotten.page.goto(bookmarks[2])
    await forgotten.sees("We lost your place")
    await forgotten.press("Type in a code")
    await forgotten.sees("Continue with a code")

    # after one more day nothing is left, not even that
    ahead.advance(24 * 3600)
    for one, bookmark in ((left_open, bookmarks[0]), (finished, bookmarks[1])):
        await one.page.goto(bookmark)
        await one.sees("We lost your place")


@asynccontextmanager
async def held_back(page: Page, address: str) -> AsyncIterator[asyncio.Event]:
    """Blocks pages of this address, so that the page that leaves for it stays; reports an attempt to open one."""
    left = asyncio.Event()

    async def hold(route: Route) -> None:
        await route.abort("aborted")
        left.set()

    await page.route(address, hold)
    yield left
    await page.unroute(address)


async def stays(page: Page, heading: str) -> None:
    """A reloaded page that leaves has no automatic refresh and waits for the citizen's click."""
    again = await page.reload()
    assert again is not None
    waits(again)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


def waits(response: object) -> None:
    """A page that does not go on by itself."""
    headers = getattr(response, "headers", {})
    assert "refresh" not in headers, headers["refresh"]
