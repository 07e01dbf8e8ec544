"""A lost passkey in Chromium: replaced by a person, stopped by "was this you?", and released by a lead."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.staff_page import MEI, RHYS, TOM, Colleague, review
from tests.e2e.test_assisted_verification import colleagues, id_token
from tests.e2e.test_passkeys import PASSKEY, asks_with_passkey, uses_passkey, verifies
from tests.e2e.virtual_authenticator import VirtualAuthenticator, virtual_authenticator

NO_WAIT = {"broker.toml": {"[assisted]": '[assisted]\nrebind_wait = "0 seconds"'}}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage with passkeys, on which a new passkey counts at once."""
    folder = tmp_path_factory.mktemp("lost")
    async with staged(folder, Script(edits=NO_WAIT)) as running:
        yield running


async def reports_loss(citizen: Citizen) -> VirtualAuthenticator:
    """Says at the sign-in that the passkey is lost, asks a person, and makes a new one while waiting."""
    device = await virtual_authenticator(citizen.page)
    await citizen.begin("move")
    await citizen.choose(PASSKEY)
    await citizen.press("I no longer have this passkey")
    await citizen.sees("Get a new passkey for what we keep")
    await citizen.page.get_by_role("radio", name="By video").check()
    await citizen.page.get_by_role("radio", name="Email address").check()
    await citizen.page.locator("#email").fill("new@mail.example")
    await citizen.press("Ask for help")
    await citizen.sees("You are in line")
    await citizen.press("Make a passkey")
    await citizen.press("Make the passkey")
    await citizen.reads("Your passkey is made.")
    return device


async def replaces(agent: Colleague, reviewer: Colleague) -> None:
    """An agent compares the citizen with what is kept and approves, a reviewer agrees."""
    await agent.take_next()
    await agent.reads("A new passkey for what we keep")
    await agent.talk()
    evidence = agent.page.url
    await agent.press("They made a passkey: confirm it")
    await agent.press("Yes, the passkey is theirs")
    await agent.page.goto(evidence)
    await agent.record()
    await agent.reads("what we keep was not compared")
    await agent.page.goto(re.sub(r"/decision.*", "", agent.page.url))
    await agent.press("Compare with what we keep")
    await agent.reads("What we keep agrees with what you recorded.")
    await agent.press("Decide")
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await review(reviewer)


async def signs_in(citizen: Citizen) -> None:
    """Signs in at the service with the passkey of the browser."""
    await citizen.begin("move", prompt="login")
    await uses_passkey(citizen)


async def test_a_lost_passkey_is_replaced_and_the_person_can_stop_and_get_back_what_is_kept(
    stage: Stage, newcomer: Newcomer
) -> None:
    citizen = await newcomer(stage)
    old = await asks_with_passkey(citizen)
    agent, reviewer = await colleagues(newcomer, stage)
    await agent.sign_in(TOM)
    await reviewer.sign_in(MEI)
    await verifies(agent, reviewer)
    first = await newcomer(stage)
    await (await virtual_authenticator(first.page)).takes_from(old)
    await signs_in(first)
    await first.share()
    await first.arrives()
    subject = (await id_token(first))["sub"]

    loser = await newcomer(stage)
    new = await reports_loss(loser)
    await replaces(agent, reviewer)
    again = await newcomer(stage)
    await (await virtual_authenticator(again.page)).takes_from(new)
    await signs_in(again)
    await again.arrives()
    assert (await id_token(again))["sub"] == subject

    gone = await newcomer(stage)
    await (await virtual_authenticator(gone.page)).takes_from(old)
    await signs_in(gone)
    await gone.sees("This passkey cannot be used now")

    await citizen.page.goto(f"{stage.service}/inbox")
    await citizen.reads("A new passkey in your name: was this you?")
    said = await citizen.page.locator("body").inner_text()
    reference = re.findall(r"Your reference: ([A-Z0-9-]+)", said)
    link = re.findall(re.escape(stage.issuer) + r"/freeze/[\w-]+", said)
    assert reference, said
    stopper = await newcomer(stage)
    await stopper.page.goto(link[0])
    await stopper.page.get_by_role("button").last.click()
    await signs_in(again)
    await again.sees("This passkey cannot be used now")

    lead = Colleague((await newcomer(stage)).page, stage)
    await lead.sign_in(RHYS)
    await lead.open(reference[0])
    await lead.reads("The identity is stopped since")
    await lead.page.locator("summary").filter(has_text="Release the identity").click()
    await lead.page.locator("#unfreeze-reason").select_option("citizen_called")
    await lead.page.get_by_role("button", name="Release the identity").click()
    await signs_in(again)
    await again.arrives()
    assert (await id_token(again))["sub"] == subject
