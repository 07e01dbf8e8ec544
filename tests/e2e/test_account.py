"""The citizen's own page: ways are linked, moved and removed, and services know the citizen as before."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.app_harness import Stage, staged
from tests.e2e.citizen_page import EID, HARBOUR, NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer

WAYS = "Your ways to sign in"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage at which no service knows the personas by two providers."""
    async with staged(tmp_path_factory.mktemp("account")) as running:
        yield running


async def subject(citizen: Citizen) -> str:
    """Signs in at the sample service, by single sign-on or as the page that is shown says; gives the subject there."""
    await citizen.page.wait_for_url(f"{citizen.stage.service}/signed-in")
    return await citizen.page.locator("dd").first.inner_text()


async def proves_second(citizen: Citizen, provider: str) -> None:
    """Chooses a second way and signs in there."""
    await citizen.sees("Which way do you want to add?")
    await citizen.choose(provider)
    await citizen.play("ok")
    await citizen.sees("Are both of these you?")


async def test_a_citizen_links_moves_and_removes_a_way_and_services_know_them_as_before(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen = await newcomer(stage, script=False)
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    before = await subject(citizen)

    await citizen.page.goto(f"{stage.issuer}/account/ways")
    await citizen.reads(NORTHBANK)
    await citizen.press("Add another way")
    await proves_second(citizen, HARBOUR)
    await citizen.press("Yes, both are me: join them")
    await citizen.reads("The way was added.")

    other = await newcomer(stage, script=False)
    await other.begin("move", prompt="")
    await other.choose(HARBOUR)
    await other.play("ok")
    assert await subject(other) == before

    await citizen.press(f"Move from {NORTHBANK} to another way")
    await proves_second(citizen, EID)
    await citizen.press("Yes, both are me: move")
    await citizen.reads("You moved to the new way.")
    await citizen.begin("move", prompt="")
    assert await subject(citizen) == before

    await citizen.page.goto(f"{stage.issuer}/account/ways")
    await citizen.press(f"Remove {HARBOUR}")
    await citizen.sees(f"Remove {HARBOUR}?")
    await citizen.press(f"Remove {HARBOUR}")
    await citizen.reads("The way was removed.")
    await other.page.goto(f"{stage.issuer}/account/ways")
    await other.reads("Sign in to see it.")


async def test_the_last_way_is_removed_only_after_a_warning(stage: Stage, newcomer: Newcomer) -> None:
    citizen = await newcomer(stage)
    await citizen.page.goto(f"{stage.issuer}/account/ways")
    await citizen.press("Sign in")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "ioan")
    await citizen.press(f"Remove {NORTHBANK}")
    await citizen.reads("This is your only way.")
    await citizen.press(f"Remove {NORTHBANK}")
    await citizen.reads("Tick the box if you really want this")
    await citizen.page.get_by_role("checkbox").check()
    await citizen.press(f"Remove {NORTHBANK}")
    await citizen.reads("The way was removed.")
    await citizen.reads("Sign in to see it.")


async def test_a_citizen_takes_an_agreement_back_and_blocks_the_service(stage: Stage, newcomer: Newcomer) -> None:
    citizen = await newcomer(stage, script=False)
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "noor")
    await citizen.share()
    before = await subject(citizen)

    await citizen.page.goto(f"{stage.issuer}/privacy")
    await citizen.page.get_by_role("link", name="Your account", exact=True).click()
    await citizen.page.get_by_role("link", name="Services", exact=True).click()
    await citizen.reads("Aberlan Council")
    await citizen.page.get_by_role("link", name="Take back or block: Aberlan Council").click()
    await citizen.press("Take it back")
    await citizen.reads("You took it back.")
    await citizen.begin(prompt="")
    await citizen.share()
    assert await subject(citizen) == before

    await citizen.page.goto(f"{stage.issuer}/account/services")
    await citizen.page.get_by_role("link", name="Take back or block: Aberlan Council").click()
    await citizen.press("Block the service")
    await citizen.begin(prompt="")
    await citizen.sees("You blocked Aberlan Council")
    await citizen.page.get_by_role("link", name="Go to your account").click()
    await citizen.press("Lift the block of Aberlan Council")
    await citizen.reads("The block is lifted.")

    await citizen.press("Back to your account")
    await citizen.page.get_by_role("link", name="What happened in your account").click()
    await citizen.reads("You lifted the block of Aberlan Council")
    await citizen.page.goto(f"{stage.issuer}/account/sessions")
    await citizen.press("End all, also here")
    await citizen.sees("Your account")
    await citizen.reads("Sign in to see it.")
