"""A citizen confirms on a device of their own what a service, or staff, ask of them."""

from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

from tests.whole.citizen import HARBOUR, NORTHBANK, PICKER, Citizen
from tests.whole.conftest import SCRIPT, Newcomer
from tests.whole.library import LIBRARY_NAME, Library
from tests.whole.stage import Stage, staged

MESSAGE = "Order 17: two books until May"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage in whose queue stand the cases of these tests alone."""
    async with staged(tmp_path_factory.mktemp("own-device"), SCRIPT) as running:
        yield running


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    told: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return told


async def known(newcomer: Newcomer, stage: Stage, persona: str) -> tuple[Library, str, str]:
    """Somebody signs in at the library with Harbour; gives the library, their `sub` there, and the ID token."""
    citizen, library = await newcomer(stage), Library(stage)
    await citizen.page.goto(library.request(prompt="consent"))
    await citizen.choose(HARBOUR)
    await citizen.play("ok", persona)
    await citizen.share()
    tokens = (await library.redeem((await library.answer(citizen.page))["code"])).right().told
    return library, claims_of(tokens["id_token"])["sub"], tokens["id_token"]


async def takes_code(citizen: Citizen, code: str) -> None:
    """Types in the code that was told."""
    await citizen.page.goto(f"{citizen.stage.issuer}/confirm")
    await citizen.sees("Confirm on this device")
    await citizen.page.get_by_label("The code you were given").fill(code)
    await citizen.press("Continue")


async def test_a_service_asks_and_the_citizen_confirms_elsewhere_with_a_provider_of_choice_after_one_failed(
    newcomer: Newcomer, stage: Stage, script: bool
) -> None:
    library, sub, _ = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, login_hint=sub)).right().told
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert (await library.poll(asked["auth_req_id"])).right(400).told["error"] == "authorization_pending"

    citizen = await newcomer(stage, script=script)
    await takes_code(citizen, asked["user_code"].lower().replace("-", " "))
    await citizen.sees(PICKER)
    for page in (1, 2):
        await _reads_head(citizen, MESSAGE, LIBRARY_NAME)
        if page == 1:
            await citizen.choose(NORTHBANK)
            await citizen.play("cancelled")
            await citizen.sees(f"You did not finish with {NORTHBANK}")
    assert (await library.poll(asked["auth_req_id"])).right(400).told["error"] == "slow_down"
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "ioan")
    await citizen.sees("Do you confirm this?")
    await citizen.reads(MESSAGE)
    await citizen.press("Confirm")
    await citizen.sees("You are done here")
    tokens = (await library.poll(asked["auth_req_id"])).right().told
    claims = claims_of(tokens["id_token"])
    assert claims["sub"] == sub and claims["aud"] == "library" and "sid" not in claims
    told = (await library.userinfo(tokens["access_token"])).right().told
    assert told["sub"] == sub and told["name"]
    # once, and never by another name
    assert (await library.poll(asked["auth_req_id"])).right(400).told["error"] == "invalid_grant"
    assert (await library.redeem(asked["auth_req_id"])).right(400).told["error"] == "invalid_grant"
    # this browser got no session by it
    await citizen.page.goto(library.request(prompt="none"))
    assert (await library.answer(citizen.page))["error"] == "login_required"


async def _reads_head(citizen: Citizen, *texts: str) -> None:
    head = await citizen.page.locator("header").inner_text()
    for text in texts:
        assert text in head


async def test_somebody_else_cannot_confirm_and_is_told_so(newcomer: Newcomer, stage: Stage) -> None:
    library, _, id_token = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, id_token_hint=id_token)).right().told
    citizen = await newcomer(stage)
    await takes_code(citizen, asked["user_code"])
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "amina")
    await citizen.sees("This was asked of somebody else")
    assert (await library.poll(asked["auth_req_id"])).right(400).told["error"] == "access_denied"


@pytest.mark.parametrize("early", [True, False], ids=["before signing in", "after"])
async def test_declining_is_told_to_the_service(newcomer: Newcomer, stage: Stage, early: bool) -> None:
    library, sub, _ = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, login_hint=sub)).right().told
    citizen = await newcomer(stage)
    await takes_code(citizen, asked["user_code"])
    if early:
        await citizen.press("I do not want to confirm this")
    else:
        await citizen.choose(HARBOUR)
        await citizen.play("ok", "ioan")
        await citizen.press("Decline")
    await citizen.sees("You declined")
    assert (await library.poll(asked["auth_req_id"])).right(400).told["error"] == "access_denied"
    await takes_code(citizen, asked["user_code"])
    await citizen.reads("This code does not work")


async def test_a_hint_that_names_nobody_and_a_code_that_is_none_lead_nowhere(newcomer: Newcomer, stage: Stage) -> None:
    library = Library(stage)
    assert (await library.ask(MESSAGE, login_hint="nobody")).right(400).told["error"] == "unknown_user_id"
    citizen = await newcomer(stage)
    await takes_code(citizen, "BCDF-GHJK")
    await citizen.reads("This code does not work")
