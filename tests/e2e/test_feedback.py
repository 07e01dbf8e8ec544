"""Feedback in the browser: written without script and without an account, published by a lead, read by everybody."""

from playwright.async_api import expect

from tests.conftest import NewContext
from tests.e2e.app_harness import Stage
from tests.e2e.staff_page import RHYS, Colleague


async def test_what_a_citizen_writes_is_published_with_an_answer(shared_stage: Stage, new_context: NewContext) -> None:
    citizen = await (await new_context(java_script_enabled=False)).new_page()
    await citizen.goto(f"{shared_stage.issuer}/help")
    await citizen.get_by_role("link", name="Feedback").click()
    await citizen.get_by_label("What should we know?").fill("The codes are hard to read.")
    await citizen.get_by_label("Everybody may read it here").check()
    await citizen.get_by_role("button", name="Send").click()
    await citizen.get_by_role("link", name="Choose one of the answers").click()
    await expect(citizen.get_by_label("It worked well")).to_be_focused()
    await citizen.get_by_role("button", name="Cymraeg").click()
    await citizen.get_by_role("button", name="English").click()
    await citizen.get_by_label("It worked, but something was not right").check()
    await citizen.get_by_role("button", name="Send").click()
    await expect(citizen.get_by_role("status")).to_have_text("Thank you. A person reads it.")
    await expect(citizen.locator("body")).not_to_contain_text("hard to read")

    lead = Colleague(await (await new_context()).new_page(), shared_stage)
    await lead.sign_in(RHYS)
    await lead.press("Feedback of the public")
    await lead.page.get_by_label("Your answer, for everybody to read").fill("They are larger now.")
    await lead.press("Publish")
    await lead.reads("It is published.")

    await citizen.goto(f"{shared_stage.issuer}/feedback")
    await expect(citizen.get_by_role("main")).to_contain_text("The codes are hard to read.")
    await expect(citizen.get_by_role("main")).to_contain_text("Our answer: They are larger now.")
