"""The staff console in Chromium: by keyboard alone, without script, and what scripts of its pages do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page

from broker.platform.system import System
from broker.web.staff.evidence_pages import DATE, PARTIAL_DATE
from tests.conftest import NewContext
from tests.unit.web.staff import CARYS, Ready, Stage, staged
from tests.unit.web.staff_forms import prepare_decision

pytestmark = pytest.mark.browser


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console and the staff provider, served on loopback."""
    async with staged(console_ready, tmp_path, system, served=True) as set_up:
        yield set_up


async def test_step_up_authentication_returns_to_the_decision(stage: Stage, new_context: NewContext) -> None:
    case = await stage.case()
    cookie = await stage.session(CARYS)
    at = await prepare_decision(stage.client(cookie), case)
    context = await new_context()
    await known(context, await stage.session(CARYS, auth_time=stage.system.now() - 400))
    page = await context.new_page()
    await page.goto(f"{stage.origin}{at}/decision")
    assert await page.inner_text("h1") == "Show that it is still you"
    async with page.expect_navigation(url="**/staff/authorize**"):
        await page.get_by_role("button", name="Sign in again").click()
    await page.get_by_label("Tom Okafor").check()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url(f"{stage.origin}/callback**")
    assert await page.inner_text("h1") == "That was somebody else"
    await page.goto(f"{stage.origin}{at}/decision")
    async with page.expect_navigation(url="**/staff/authorize**"):
        await page.get_by_role("button", name="Sign in again").click()
    await page.get_by_label("Carys Bevan").check()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url(f"{stage.origin}{at}/decision")
    assert await page.inner_text("h1") == "Decide"


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
