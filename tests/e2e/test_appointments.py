"""A citizen comes by appointment and closes the browser in between, in Chromium and without script."""

from playwright.async_api import expect

from tests.e2e.app_harness import Stage
from tests.e2e.citizen_page import PERSON
from tests.e2e.conftest import Newcomer


async def test_a_request_and_its_appointment_are_found_again_after_the_browser_was_closed(
    newcomer: Newcomer, shared_stage: Stage
) -> None:
    citizen = await newcomer(shared_stage, script=False, viewport={"width": 320, "height": 700})
    page = citizen.page
    await citizen.begin()
    await citizen.choose(PERSON)
    await citizen.reads("Central library, 1 High Street, Ardle")
    await page.get_by_role("radio", name="In person").check()
    await page.get_by_label("What should we call you?").fill("Amina")
    await page.get_by_label("I do not hear well").check()
    await citizen.press("Ask for help")
    await expect(page.get_by_role("alert")).to_contain_text("Choose how we may reach you")
    await expect(page.get_by_label("What should we call you?")).to_have_value("Amina")
    await page.locator("input[name=way][value=email]").check()
    await page.locator("#email").fill("amina@mail.example")
    await citizen.press("Ask for help")
    await citizen.press("Choose when you come")
    await citizen.sees("Choose a time")
    await page.get_by_role("radio").first.check()
    await citizen.press("Take this time")
    await citizen.sees("You have an appointment")
    await citizen.reads("I do not hear well")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    kept = [cookie for cookie in await page.context.cookies() if cookie["expires"] > 0]

    later = await newcomer(shared_stage, script=False)
    await later.page.context.add_cookies(kept)  # type: ignore[arg-type]
    await later.begin()
    await later.sees("You asked for help before")
    await later.press("Go on with it")
    await later.sees("You have an appointment")
    await later.press("Change or cancel it")
    await later.press("Cancel the appointment")
    await later.press("Take it back")
    await later.press("Yes, take it back")
    await later.sees("You took back your request for help")
