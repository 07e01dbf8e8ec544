"""Passkeys in Chromium: added to an account, used on another device, and what happens without script."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.app_harness import Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.staff_page import MEI, TOM, Colleague, review
from tests.e2e.test_account import subject
from tests.e2e.test_assisted_verification import colleagues, id_token, takes_up
from tests.e2e.virtual_authenticator import VirtualAuthenticator, virtual_authenticator

PASSKEY = "Passkey"
REGISTER = "Land Register"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The demonstration as it is, whose queue holds only the cases of these tests."""
    async with staged(tmp_path_factory.mktemp("passkeys")) as running:
        yield running


async def adds_passkey(citizen: Citizen, name: str) -> None:
    """Adds a passkey on the page of the account."""
    await citizen.page.goto(f"{citizen.stage.issuer}/account/ways")
    await citizen.press("Your passkeys, and what we keep")
    await citizen.press("Add a passkey")
    await citizen.page.get_by_label("A name for it").fill(name)
    await citizen.press("Make the passkey")
    await citizen.reads("The passkey was added.")


async def uses_passkey(citizen: Citizen) -> None:
    """Chooses the passkey among the ways, and lets the device use it."""
    await citizen.choose(PASSKEY)
    await citizen.sees("Sign in with your passkey")
    await citizen.press("Use my passkey")


async def signed_up(citizen: Citizen) -> tuple[VirtualAuthenticator, str]:
    """Signs in with a provider and adds a passkey; gives the device and the subject at the service."""
    device = await virtual_authenticator(citizen.page)
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    before = await subject(citizen)
    await adds_passkey(citizen, "My telephone")
    return device, before


async def test_a_passkey_is_the_same_person_on_another_device_until_it_is_removed(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen = await newcomer(stage)
    device, before = await signed_up(citizen)
    await citizen.reads("My telephone")
    await citizen.reads("Not used yet")

    other = await newcomer(stage)
    copy = await virtual_authenticator(other.page)
    await copy.takes_from(device)
    await other.begin("move", prompt="")
    await uses_passkey(other)
    assert await subject(other) == before
    await other.reads("substantial")

    await citizen.page.reload()
    await citizen.reads("Last used on")
    await citizen.page.get_by_label("Another name").fill("Old telephone")
    await citizen.press("Change the name of My telephone")
    await citizen.reads("The name was changed.")
    await citizen.press("Remove Old telephone")
    await citizen.reads("The passkey was removed.")

    third = await newcomer(stage)
    await (await virtual_authenticator(third.page)).takes_from(device)
    await third.begin("move", prompt="")
    await uses_passkey(third)
    await third.sees("This passkey cannot be used now")


async def test_a_device_that_does_not_recognise_its_user_and_one_without_passkeys_can_try_again(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen = await newcomer(stage)
    device = await virtual_authenticator(citizen.page)
    await citizen.begin("move")
    await uses_passkey(citizen)
    await citizen.reads("That did not work, or it was stopped. You can try again.")
    await device.verifies(user=False)
    await citizen.press("Use my passkey")
    await citizen.reads("That did not work, or it was stopped. You can try again.")
    await citizen.press("Use another way")
    await citizen.sees("You did not finish with")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def test_without_script_the_page_says_so_and_leads_to_the_other_ways(stage: Stage, newcomer: Newcomer) -> None:
    citizen = await newcomer(stage, script=False)
    await citizen.begin("move")
    await citizen.choose(PASSKEY)
    await citizen.reads("Passkeys need script, which this browser does not run, or it does not know passkeys.")
    await citizen.press("Use another way")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def asks_with_passkey(citizen: Citizen) -> VirtualAuthenticator:
    """Asks for a person after a provider failed, and makes a passkey while waiting."""
    device = await virtual_authenticator(citizen.page)
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("not_verified")
    await citizen.page.goto(f"{citizen.page.url}/help")
    await citizen.page.get_by_role("radio", name="By video").check()
    await citizen.page.get_by_role("radio", name="Email address").check()
    await citizen.page.locator("#email").fill("amina@mail.example")
    await citizen.press("Ask for help")
    await citizen.sees("You are in line")
    await citizen.press("Make a passkey")
    await citizen.press("Make the passkey")
    await citizen.reads("Your passkey is made. Tell the person you talk to that you made one")
    return device


async def verifies(agent: Colleague, reviewer: Colleague) -> None:
    """Two people verify the next case; the agent confirms the passkey after the words."""
    await agent.take_next()
    await agent.talk()
    evidence = agent.page.url
    await agent.press("They made a passkey: confirm it")
    await agent.press("Yes, the passkey is theirs")
    await agent.reads("Passkey confirmed.")
    await agent.page.goto(evidence)
    await agent.record()
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await review(reviewer)


async def test_a_verified_person_finishes_on_another_device_and_is_no_stranger_next_week(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen = await newcomer(stage)
    device = await asks_with_passkey(citizen)
    other = await newcomer(stage)
    await (await virtual_authenticator(other.page)).takes_from(device)
    await other.begin("move")
    await uses_passkey(other)
    await other.sees("This passkey cannot be used now")

    agent, reviewer = await colleagues(newcomer, stage)
    await agent.sign_in(TOM)
    await reviewer.sign_in(MEI)
    await verifies(agent, reviewer)
    await citizen.page.reload()
    await citizen.reads("Finish with your passkey")

    fourth = await newcomer(stage)
    await (await virtual_authenticator(fourth.page)).takes_from(device)
    await fourth.begin("move")
    await uses_passkey(fourth)
    await fourth.share()
    await fourth.arrives()
    await fourth.reads("Tell us you have moved: assurance substantial, Amina Hughes")
    claims = await id_token(fourth)
    assert (claims["acr"], claims["amr"]) == ("substantial", ["user", "swk"])

    await citizen.page.reload()
    await citizen.sees("Your request for help goes on elsewhere")

    next_week = await newcomer(stage)
    await (await virtual_authenticator(next_week.page)).takes_from(device)
    register = await signs_in_at_the_register(next_week)
    assert register != claims["sub"]
    await next_week.begin("move", prompt="login")
    await uses_passkey(next_week)
    await next_week.arrives()
    assert (await id_token(next_week))["sub"] == claims["sub"]
    await renews(next_week, agent, reviewer)
    await next_week.begin("move", prompt="login")
    await uses_passkey(next_week)
    await next_week.share()  # the renewal proved an address, which is new to the service
    await next_week.arrives()
    assert (await id_token(next_week))["sub"] == claims["sub"]


async def signs_in_at_the_register(citizen: Citizen) -> str:
    """Signs in with the passkey at the other service of the demonstration; gives the subject there."""
    await citizen.page.goto(f"{citizen.stage.service}/land-register")
    await citizen.press("Order an extract: sign in")
    await uses_passkey(citizen)
    await citizen.share()
    await citizen.sees(REGISTER)
    await citizen.reads("You are signed in to the Land Register: assurance substantial, Amina Hughes")
    return await citizen.page.locator("dd").first.inner_text()


async def renews(citizen: Citizen, agent: Colleague, reviewer: Colleague) -> None:
    """A person renews what is kept before its end, by a shorter check, and the citizen finishes with the passkey."""
    await citizen.page.goto(f"{citizen.stage.issuer}/account/ways")
    await citizen.press("Your passkeys, and what we keep")
    await citizen.reads("From the check by a person")
    await citizen.press("Renew it with a person")
    await citizen.page.get_by_role("radio", name="By video").check()
    await citizen.page.get_by_role("radio", name="Email address").check()
    await citizen.page.locator("#email").fill("amina@mail.example")
    await citizen.press("Ask for help")
    await citizen.sees("You are in line")
    said = " ".join(await citizen.page.locator(".pt-words dd").all_inner_texts())
    await agent.take_next()
    await agent.reads("A renewal of what we keep")
    await agent.talk()
    case = agent.page.url.partition("/evidence")[0]
    await agent.record()
    await agent.page.goto(case)
    await agent.press("Compare with what we keep")
    await agent.reads("What we keep agrees with what you recorded.")
    await agent.press("Decide")
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await review(reviewer)
    await takes_up(citizen, "amina@mail.example", said)
    await citizen.page.wait_for_url(f"{citizen.stage.issuer}/account/kept")
    await citizen.reads("From the check by a person")
