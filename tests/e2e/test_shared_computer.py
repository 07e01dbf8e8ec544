"""Shared computers: after a logout the next user of the browser does not get the previous user's session."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import Error, Route, expect

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import EID, HARBOUR, NORTHBANK, Citizen
from tests.e2e.conftest import SCRIPT, Newcomer

AGAIN = "Continue as Amina Hughes"
"""The button of a simulated provider that remembers who is signed in there: one press, and no proof."""

TOO = f"Sign out at {NORTHBANK} too"
EDITS = {**SCRIPT.edits, "providers/harbour.toml": {"[openid]": "[openid]\nend_session = false"}}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage with one provider that has no logout endpoint."""
    async with staged(tmp_path_factory.mktemp("shared computer"), Script(EDITS, SCRIPT.files)) as running:
        yield running


@pytest.fixture
async def citizen(newcomer: Newcomer, stage: Stage, *, script: bool) -> Citizen:
    """A citizen at a shared computer."""
    return await newcomer(stage, script=script)


async def signs_in(citizen: Citizen, provider: str = NORTHBANK, persona: str = "amina") -> None:
    """Signs in at the sample service."""
    await citizen.begin("parking")
    await citizen.choose(provider)
    await citizen.play("ok", persona)
    await citizen.share()
    await citizen.arrives()


async def signs_out(citizen: Citizen) -> None:
    """As the service requests it, with its redirect URI."""
    back = f"{citizen.stage.service}/"
    await citizen.page.goto(f"{citizen.stage.issuer}/logout?client_id=demo-service&post_logout_redirect_uri={back}")
    await citizen.press("Sign out")
    await citizen.sees("You are signed out")


async def sits_down(citizen: Citizen, provider: str = NORTHBANK) -> dict[str, str]:
    """The next person goes as far as the provider; returns the parameters that it received."""
    await citizen.begin("parking")
    await citizen.choose(provider)
    await citizen.at(provider)
    return dict(parse_qsl(urlsplit(citizen.page.url).query))


async def test_a_provider_session_signs_the_next_person_in_without_a_new_login(citizen: Citizen) -> None:
    """Without signing out: what these tests are about."""
    await signs_in(citizen)
    await citizen.page.context.clear_cookies(name="__Host-portico-session")
    asked = await sits_down(citizen)
    assert "prompt" not in asked
    assert "max_age" not in asked
    await citizen.press(AGAIN)
    await citizen.share()
    await citizen.arrives()


async def test_logout_at_the_provider_ends_its_session_and_returns(citizen: Citizen) -> None:
    await signs_in(citizen)
    await signs_out(citizen)
    await citizen.reads(f"You may still be signed in at {NORTHBANK}")
    await citizen.press(TOO)
    await citizen.page.wait_for_url(f"{citizen.stage.issuer}/signed-out/*")
    await citizen.reads(f"You have also been to {NORTHBANK} to sign out there")
    await expect(citizen.page.get_by_role("link", name=TOO)).to_have_count(0)
    await citizen.page.wait_for_url(f"{citizen.stage.service}/")
    kept = await citizen.page.context.cookies(f"{citizen.stage.providers}/northbank")
    assert not [cookie for cookie in kept if cookie["name"].startswith("simulator-")]
    await sits_down(citizen)
    await expect(citizen.page.get_by_role("button", name=AGAIN)).to_have_count(0)


async def test_after_a_logout_at_the_broker_alone_the_provider_must_authenticate_again(citizen: Citizen) -> None:
    await signs_in(citizen)
    await signs_out(citizen)
    await citizen.press("Go to Aberlan Council")
    await citizen.page.wait_for_url(f"{citizen.stage.service}/")
    asked = await sits_down(citizen)
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    await expect(citizen.page.get_by_role("button", name=AGAIN)).to_have_count(0)
    await citizen.play("ok", "ioan")
    await citizen.share()
    await citizen.arrives()
    # after that provider and citizen are as free as before
    await citizen.page.context.clear_cookies(name="__Host-portico-session")
    again = await sits_down(citizen)
    assert "prompt" not in again
    assert "max_age" not in again
    # every other provider is still sent a request for a fresh login, since it may have a session too
    await citizen.page.go_back()
    elsewhere = await sits_down(citizen, EID)
    assert elsewhere["prompt"] == "login"


async def test_a_provider_that_ignores_max_age_is_refused(citizen: Citizen) -> None:
    """It returns the sign-in that has just ended, for any request."""
    await signs_in(citizen)
    await signs_out(citizen)
    await citizen.press("Go to Aberlan Council")

    async def forgetful(route: Route) -> None:
        """As a provider that ignores prompt and max_age."""
        url = route.request.url.replace("prompt=login", "prompt=").replace("max_age=0", "max_age=86400")
        await route.continue_(url=url)

    await citizen.page.route(f"{citizen.stage.providers}/northbank/authorize?**", forgetful)
    await sits_down(citizen)
    await citizen.press(AGAIN)
    await citizen.sees("We could not trust")
    assert (await citizen.transaction()).identity is None


async def test_a_provider_without_an_end_of_sessions_is_asked_anew_and_the_page_says_so(citizen: Citizen) -> None:
    await signs_in(citizen, HARBOUR)
    await signs_out(citizen)
    await citizen.reads(f"When {HARBOUR} is next chosen in this browser, we ask for a new sign-in there.")
    await expect(citizen.page.get_by_role("link", name="Sign out at")).to_have_count(0)
    await citizen.page.wait_for_url(f"{citizen.stage.service}/")  # by itself, as nothing is to be chosen
    assert (await sits_down(citizen, HARBOUR))["prompt"] == "login"
    await expect(citizen.page.get_by_role("button", name=AGAIN)).to_have_count(0)


@pytest.mark.parametrize("manner", ["down", "slow", "never back"])
async def test_a_provider_that_never_ends_its_session_does_not_lock_citizens_out(citizen: Citizen, manner: str) -> None:
    await signs_in(citizen)
    await signs_out(citizen)
    page = citizen.page.url

    async def answered(route: Route) -> None:
        if manner == "down":
            await route.abort("connectionrefused")
        elif manner == "never back":
            await route.fulfill(status=200, content_type="text/html", body="<h1>Goodbye</h1>")
        # slow: nothing ever comes

    onward = citizen.page.get_by_role("link", name="Go to Aberlan Council")
    place = await onward.bounding_box()
    assert place is not None
    await citizen.page.route(f"{citizen.stage.providers}/northbank/logout?**", answered)
    async with citizen.page.expect_request(f"{citizen.stage.providers}/northbank/logout?**"):
        await citizen.page.get_by_role("link", name=TOO).click(no_wait_after=True)
    if manner == "slow":
        # what leads on stays on the screen while the provider is waited for
        assert citizen.page.url == page
        await citizen.page.mouse.click(place["x"] + 5, place["y"] + 5)
    else:
        await returns(citizen, page)
        await onward.click()
    await citizen.page.wait_for_url(f"{citizen.stage.service}/")
    assert (await sits_down(citizen))["prompt"] == "login"


async def returns(citizen: Citizen, page: str) -> None:
    """Goes back to a page. Navigations that are under way interrupt the visit: the one to the provider, that to
    Chromium's own page about an address that cannot be reached, and a visit that was interrupted before.
    """
    for _ in range(5):
        try:
            await citizen.page.goto(page)
            return
        except Error as interrupted:
            if "is interrupted by another navigation" not in str(interrupted):
                raise
            await citizen.page.wait_for_load_state()
    raise AssertionError(f"every visit of {page} was interrupted")


async def test_a_way_back_of_another_browser_or_a_made_up_one_changes_nothing(
    citizen: Citizen, newcomer: Newcomer
) -> None:
    await signs_in(citizen)
    await signs_out(citizen)
    handle = citizen.page.url.rpartition("/")[2]
    stranger = await newcomer(citizen.stage)
    for address in (f"/signed-out/{handle}", f"/signed-out?state={handle}", "/signed-out?state=x", "/signed-out"):
        await stranger.page.goto(f"{citizen.stage.issuer}{address}")
        await stranger.sees("You are signed out")
        assert "Aberlan" not in await stranger.page.locator("main").inner_text()
    await citizen.page.reload()
    await expect(citizen.page.get_by_role("link", name=TOO)).to_have_count(1)
