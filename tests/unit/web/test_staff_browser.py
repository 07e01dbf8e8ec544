"""The staff console in Chromium: by keyboard alone, without script, and what scripts of its pages do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from broker.assisted.case_states import CaseState
from broker.platform.system import System
from broker.web.staff.evidence_pages import DATE, PARTIAL_DATE
from tests.conftest import NewContext
from tests.unit.web.staff import CARYS, Ready, Stage, staged
from tests.unit.web.staff_forms import prepare_decision

pytestmark = pytest.mark.browser

SIMULATED = "simulator-staff"
"""The cookie of the simulated provider's own session: browsers share cookies across the ports of one host."""


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console and the staff provider, served on loopback."""
    async with staged(console_ready, tmp_path, system, served=True) as set_up:
        yield set_up


class Keyboard:
    """A user with a keyboard only."""

    def __init__(self, page: Page) -> None:
        """Uses this page."""
        self.page = page

    async def to(self, what: str) -> None:
        """Presses Tab until the element with this selector has the focus and is inside the viewport."""
        for _ in range(120):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate(f"document.activeElement.matches({what!r})"):
                seen = "const r = document.activeElement.getBoundingClientRect(); r.bottom > 0 && r.top < innerHeight"
                assert await self.page.evaluate(f"(() => {{ {seen.replace('; ', '; return ')} }})()"), what
                return
        raise AssertionError(f"the tab key does not lead to {what} on {self.page.url}")

    async def press(self, what: str, key: str = "Enter") -> None:
        """Presses a key on an element; waits for the navigation after Enter."""
        await self.to(what)
        if key == "Enter":
            async with self.page.expect_navigation():
                await self.page.keyboard.press(key)
        else:
            await self.page.keyboard.press(key)

    async def write(self, what: str, text: str) -> None:
        """Types into a field."""
        await self.to(what)
        await self.page.keyboard.type(text)

    async def answer(self, checks: tuple[str, ...]) -> None:
        """Answers checks with yes: with the space bar, or with arrow keys from an earlier answer."""
        for check in checks:
            await self.press(f'[name="check.{check}"]', "Space")
            while not await self.page.evaluate("document.activeElement.value === 'yes'"):
                await self.page.keyboard.press("ArrowUp")


async def sign_in(hand: Keyboard, origin: str, who: str) -> None:
    """Signs in at the simulated provider."""
    await hand.page.goto(origin)
    async with hand.page.expect_navigation(url="**/staff/authorize**"):
        await hand.to('a[href^="/sign-in/go"]')
        await hand.page.keyboard.press("Enter")
    await hand.page.get_by_label(who).check()
    async with hand.page.expect_navigation(url=f"{origin}/**"):
        await hand.page.get_by_role("button", name="Continue").click()


async def test_two_people_verify_a_citizen_by_keyboard_alone_and_without_script(
    stage: Stage, new_context: NewContext
) -> None:
    case = await stage.case()
    at = f"/cases/{case.id}"
    context = await new_context(java_script_enabled=False, viewport={"width": 1024, "height": 768})
    agent = Keyboard(await context.new_page())
    await sign_in(agent, stage.origin, "Tom Okafor")
    await guarded(context)
    await agent.press('form[action="/next"] button')
    assert agent.page.url == stage.origin + at
    await agent.press(f'form[action="{at}/start"] button[value="right"]')
    await agent.write("#at-number", "PQ8812345")
    await agent.write("#at-country", "GBR")
    await agent.write("#at-expires", "2031-04-09")
    await agent.answer(("seen", "valid", "features", "details_match", "face"))
    await agent.write("#source-issuer", "Passport Office")
    await agent.write("#reference-issuer", "PO-77/2")
    await agent.answer(("record",))
    await agent.press("main form .govuk-button")
    for look_up, source in (("history", "Credit bureau"), ("register", "Register of deaths")):
        await agent.write(f"#source-{look_up}", source)
        await agent.write(f"#reference-{look_up}", "R-2027/1")
        await agent.press(f'[name="lookup.{look_up}"]', "Space")
    await agent.press("main form .govuk-button")
    await agent.write("#at-given_name", "Amina")
    await agent.write("#at-family_name", "Hughes")
    await agent.write("#at-birthdate", "1987-04-12")
    assert "Substantial" in await agent.page.inner_text("aside")
    await agent.press('main form .govuk-button[value="over"]')
    await agent.press("#decision-approve", "Space")
    await agent.press(f'form[action="{at}/decision"] button')
    assert await agent.page.inner_text("h1") == "Your decision is recorded"
    assert await state(stage) is CaseState.REVIEW
    await second_person(stage, await new_context(java_script_enabled=False), at)
    assert await state(stage) is CaseState.APPROVED


async def second_person(stage: Stage, context: BrowserContext, at: str) -> None:
    """Reviews the decision in a separate browser context."""
    reviewer = Keyboard(await context.new_page())
    await sign_in(reviewer, stage.origin, "Mei Lindqvist")
    await reviewer.press('form[action="/next"] button')
    assert "What the agent decided" not in await reviewer.page.inner_text("main")
    await reviewer.press(f'a[href="{at}/view"]')
    seen = await reviewer.page.inner_text("main")
    for text in (
        "PQ8812345",
        "In date until 9 April 2031.",
        "Passport Office, reference PO-77/2",
        "Register of deaths",
    ):
        assert text in seen
    await reviewer.press("#decision-approve", "Space")
    await reviewer.press(f'form[action="{at}/view"] button')
    await reviewer.press(f'a[href="{at}/review"]')
    await reviewer.press("#decision-agree", "Space")
    await reviewer.press(f'form[action="{at}/review"] button')
    assert await reviewer.page.inner_text("h1") == "Your review is recorded"


async def guarded(context: BrowserContext) -> None:
    """Asserts that the only cookie is the session's: HttpOnly, host-only, SameSite=Lax; the login cookie is deleted."""
    cookies = {cookie.get("name"): cookie for cookie in await context.cookies()}
    assert [name for name in cookies if name != SIMULATED] == ["__Host-portico-staff"]
    session = cookies["__Host-portico-staff"]
    kept = (session.get("httpOnly"), session.get("secure"), session.get("sameSite"), session.get("expires"))
    assert kept == (True, True, "Lax", -1)


async def state(stage: Stage) -> CaseState | None:
    """The state of the first case."""
    case = await stage.facts.cases.load("case-1")
    return None if case is None else case.state


async def test_step_up_authentication_returns_to_the_decision(stage: Stage, new_context: NewContext) -> None:
    case = await stage.case()
    cookie = await stage.session(CARYS)
    at = await prepare_decision(stage.client(cookie), case)
    context = await new_context()
    await known(context, await stage.session(CARYS, auth_time=stage.system.now() - 400))
    hand = Keyboard(await context.new_page())
    await hand.page.goto(f"{stage.origin}{at}/decision")
    assert await hand.page.inner_text("h1") == "Show that it is still you"
    async with hand.page.expect_navigation(url="**/staff/authorize**"):
        await hand.page.get_by_role("button", name="Sign in again").click()
    await hand.page.get_by_label("Tom Okafor").check()
    await hand.page.get_by_role("button", name="Continue").click()
    await hand.page.wait_for_url(f"{stage.origin}/callback**")
    assert await hand.page.inner_text("h1") == "That was somebody else"
    await hand.page.goto(f"{stage.origin}{at}/decision")
    async with hand.page.expect_navigation(url="**/staff/authorize**"):
        await hand.page.get_by_role("button", name="Sign in again").click()
    await hand.page.get_by_label("Carys Bevan").check()
    await hand.page.get_by_role("button", name="Continue").click()
    await hand.page.wait_for_url(f"{stage.origin}{at}/decision")
    assert await hand.page.inner_text("h1") == "Decide"


async def test_a_warning_comes_before_the_time_runs_out_and_nothing_typed_is_lost(
    stage: Stage, new_context: NewContext
) -> None:
    case = await stage.case()
    cookie, at = await stage.session(CARYS), f"/cases/{case.id}"
    client = stage.client(cookie)
    await client.send("/next", "/")
    await client.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    context = await new_context()
    await known(context, cookie)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(f"{stage.origin}{at}/details")
    await page.locator("#at-given_name").fill("Amina")
    assert not await page.locator("#idle").is_visible()
    await page.clock.fast_forward(12 * 60 * 1000)
    assert await page.locator("#idle").is_visible()
    await page.get_by_role("button", name="Keep it longer").click()
    await page.get_by_text("what you typed is kept").wait_for()
    assert await page.locator("#at-given_name").input_value() == "Amina"
    assert not await page.locator("#idle").is_visible()


async def known(context: BrowserContext, cookie: str) -> None:
    """Replaces the session cookie of a browser."""
    await context.clear_cookies()
    name = "__Host-portico-staff"
    await context.add_cookies([{"name": name, "value": cookie, "domain": "localhost", "path": "/", "secure": True}])


@pytest.mark.parametrize(
    ("typed", "whole", "partial"),
    [
        ("1977-04-12", True, True),
        ("1977/4/2", True, True),
        ("12.04.1977", True, True),
        ("\u202d1977\u201104\u201112\u202c", True, True),
        ("\u0661\u0669\u0667\u0667-\u0660\u0664-\u0661\u0662", True, True),
        ("1977", False, True),
        ("1977-04", False, True),
        ("0000-04-12", True, True),
        ("04/12/1977", False, False),
        ("April 1977", False, False),
    ],
)
async def test_a_browser_lets_pass_what_can_be_a_date_or_part_of_one(
    page: Page, typed: str, *, whole: bool, partial: bool
) -> None:
    """The field's pattern only checks the form in the browser; the broker validates the date."""
    await page.set_content(f"<input id=whole pattern='{DATE}'><input id=partial pattern='{PARTIAL_DATE}'>")
    for field, passes in (("whole", whole), ("partial", partial)):
        await page.fill(f"#{field}", typed)
        assert await page.evaluate("field => document.getElementById(field).validity.valid", field) is passes
