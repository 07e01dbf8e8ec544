"""A citizen who was verified takes the identity up: after closing the browser, elsewhere, with empty fields."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.e2e.app_harness import Stage, staged
from tests.e2e.citizen_page import Citizen
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.staff_page import RHYS, Colleague, verify, verify_again
from tests.e2e.test_assisted_verification import code_in_the_inbox, colleagues


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage whose queue holds only the cases of these tests; each test ends its own."""
    async with staged(tmp_path_factory.mktemp("bind"), SCRIPT) as running:
        yield running


async def asks(newcomer: Newcomer, stage: Stage, address: str) -> tuple[Citizen, str]:
    """A citizen asks for help; returns the continuation code that the page shows."""
    citizen = await newcomer(stage)
    await citizen.begin("move")
    await citizen.ask_for_a_person(address)
    return citizen, await citizen.page.locator(".pt-slip .pt-spoken").inner_text()


async def types_the_code(citizen: Citizen, code: str) -> None:
    """Goes on with a continuation code."""
    await citizen.page.goto(f"{citizen.stage.issuer}/continue")
    await citizen.page.locator("#code").fill(code)
    await citizen.press("Continue")


async def test_closing_the_browser_loses_nothing_and_incomplete_fields_cost_no_try(
    newcomer: Newcomer, stage: Stage
) -> None:
    address = "closed@mail.example"
    citizen, code = await asks(newcomer, stage, address)
    words = " ".join(await verify(*await colleagues(newcomer, stage)))
    context = citizen.page.context
    for cookie in await context.cookies():
        if cookie["expires"] == -1:
            await context.clear_cookies(name=cookie["name"])
    await types_the_code(citizen, code)
    await citizen.sees("Your identity is confirmed")
    await citizen.press("Send me the code")
    sent = await code_in_the_inbox(citizen, address)
    await citizen.page.get_by_label("Your two words").fill(words)
    for _ in range(6):
        await citizen.press("Continue")
        await citizen.reads("Type in the code that we sent you")
        await citizen.reads("This did not count as a try.")
        await expect(citizen.page.get_by_label("Your two words")).to_have_value(words)
    await citizen.page.get_by_label("The code we sent you").fill(sent)
    await citizen.press("Continue")
    await citizen.share()
    await citizen.arrives()


async def test_in_another_browser_a_short_meeting_lets_the_citizen_finish(newcomer: Newcomer, stage: Stage) -> None:
    address = "elsewhere@mail.example"
    _, code = await asks(newcomer, stage, address)
    agent, reviewer = await colleagues(newcomer, stage)
    before = await verify(agent, reviewer)
    citizen = await newcomer(stage)
    await types_the_code(citizen, code)
    await citizen.sees("Your identity is confirmed")
    await citizen.reads("You asked for help in another browser")
    await expect(citizen.page.get_by_label("The code we sent you")).to_have_count(0)
    await citizen.press("Talk to us once more")
    await citizen.sees("You are in line")
    shown = await citizen.page.locator(".pt-words dd").all_inner_texts()
    assert tuple(shown) != before
    assert list(await verify_again(Colleague(agent.page, stage), reviewer)) == shown
    await citizen.page.reload()
    await citizen.press("Send me the code")
    sent = await code_in_the_inbox(citizen, address)
    await citizen.page.get_by_label("The code we sent you").fill(sent)
    await citizen.page.get_by_label("Your two words").fill(" ".join(shown))
    await citizen.press("Continue")
    await citizen.share()
    await citizen.reads("Council")


async def test_spent_tries_say_what_happens_and_a_call_replaces_forgotten_words(
    newcomer: Newcomer, stage: Stage
) -> None:
    number = "07700 900982"
    citizen, _ = await asks(newcomer, stage, number)
    agent, reviewer = await colleagues(newcomer, stage)
    await verify(agent, reviewer)
    await citizen.page.reload()
    await citizen.press("Send me the code")
    for _ in range(5):
        await citizen.page.get_by_label("The code we sent you").fill("000000")
        await citizen.page.get_by_label("Your two words").fill("lemon table")
        await citizen.press("Continue")
    await citizen.sees("We stopped, to protect you")
    await citizen.reads("We look at it by")
    await expect(citizen.page.locator("main")).not_to_contain_text("We are looking at what you showed us")
    reference = await citizen.page.locator(".pt-spoken").first.inner_text()
    lead = Colleague((await newcomer(stage)).page, stage)
    await lead.sign_in(RHYS)
    await lead.open(reference)
    await lead.page.locator("summary", has_text="Let the citizen try again").click()
    await lead.press("Let the citizen try again")
    await citizen.page.reload()
    await citizen.sees("Your identity is confirmed")
    await citizen.press("Call me")
    await citizen.reads("We call you at …982 by")
    read_out = await agent.make_next_call()
    await citizen.page.reload()
    await citizen.press("Send me the code")
    sent = await code_in_the_inbox(citizen, "+447700900982", sent=2)
    await citizen.page.get_by_label("The code we sent you").fill(sent)
    await citizen.page.get_by_label("The number we read out to you").fill(read_out)
    await citizen.press("Continue")
    await citizen.share()
    await citizen.arrives()
