"""Passkeys in Chromium: added to an account, used on another device, and what happens without script."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.test_account import subject
from tests.e2e.virtual_authenticator import VirtualAuthenticator, virtual_authenticator

PASSKEY = "Passkey"
PROVIDER = 'kind = "passkey"\npreset = "passkey"\n'


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage with passkeys."""
    folder = tmp_path_factory.mktemp("passkeys")
    async with staged(folder, Script(files={"providers/passkey.toml": PROVIDER})) as running:
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
