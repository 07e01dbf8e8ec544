"""Backchannel authentication: a citizen confirms a request of a service or of staff on another device."""

import re
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from playwright.async_api import expect

from tests.e2e.app_harness import Stage, staged
from tests.e2e.citizen_page import HARBOUR, NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.extra_clients import LIBRARY_NAME, ClientRequest
from tests.e2e.raw_client import eventually
from tests.e2e.staff_page import TOM, Colleague

MESSAGE = "Order 17: two books until May"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage whose queue holds only the cases of these tests."""
    async with staged(tmp_path_factory.mktemp("own-device"), SCRIPT) as running:
        yield running


def claims_of(token: str) -> dict[str, Any]:
    """Claims of a token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def known(newcomer: Newcomer, stage: Stage, persona: str) -> tuple[ClientRequest, str, str]:
    """A citizen signs in at the library with Harbour. Returns the library, the `sub` and the ID token."""
    citizen, library = await newcomer(stage), ClientRequest(stage)
    await citizen.page.goto(library.request(prompt="consent"))
    await citizen.choose(HARBOUR)
    await citizen.play("ok", persona)
    await citizen.share()
    tokens = (await library.redeem((await library.answer(citizen.page))["code"])).expect().json
    return library, claims_of(tokens["id_token"])["sub"], tokens["id_token"]


async def takes_code(citizen: Citizen, code: str) -> None:
    """Enters the user code."""
    await citizen.page.goto(f"{citizen.stage.issuer}/confirm")
    await citizen.sees("Confirm on this device")
    await citizen.page.get_by_label("The code you were given").fill(code)
    await citizen.press("Continue")


async def test_a_service_asks_and_the_citizen_confirms_elsewhere_with_a_provider_of_choice_after_one_failed(
    newcomer: Newcomer, stage: Stage, *, script: bool
) -> None:
    library, sub, _ = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, login_hint=sub)).expect().json
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert (await library.poll(asked["auth_req_id"])).expect(400).json["error"] == "authorization_pending"

    citizen = await newcomer(stage, script=script)
    await takes_code(citizen, asked["user_code"].lower().replace("-", " "))
    await citizen.sees(PICKER)
    for page in (1, 2):
        await _reads_head(citizen, MESSAGE, LIBRARY_NAME)
        if page == 1:
            await citizen.choose(NORTHBANK)
            await citizen.play("cancelled")
            await citizen.sees(f"You did not finish with {NORTHBANK}")
    pending = (await library.poll(asked["auth_req_id"])).expect(400).json["error"]
    assert pending in ("authorization_pending", "slow_down")
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "ioan")
    await citizen.sees("Do you confirm this?")
    await citizen.reads(MESSAGE)
    await citizen.press("Confirm")
    await citizen.sees("You are done here")
    tokens = (await library.poll(asked["auth_req_id"])).expect().json
    claims = claims_of(tokens["id_token"])
    assert claims["sub"] == sub
    assert claims["aud"] == "library"
    assert "sid" not in claims
    answer = (await library.userinfo(tokens["access_token"])).expect()
    assert answer.json["sub"] == sub
    assert answer.json["name"]
    assert len(answer.headers["x-fapi-interaction-id"]) == 36
    # once, and never by another name
    assert (await library.poll(asked["auth_req_id"])).expect(400).json["error"] == "invalid_grant"
    assert (await library.redeem(asked["auth_req_id"])).expect(400).json["error"] == "invalid_grant"
    # this browser got no session by it
    await citizen.page.goto(library.request(prompt="none"))
    assert (await library.answer(citizen.page))["error"] == "login_required"


async def _reads_head(citizen: Citizen, *texts: str) -> None:
    head = await citizen.page.locator("header").inner_text()
    for text in texts:
        assert text in head


async def test_another_account_cannot_confirm_and_sees_an_explanation(newcomer: Newcomer, stage: Stage) -> None:
    library, _, id_token = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, id_token_hint=id_token)).expect().json
    citizen = await newcomer(stage)
    await takes_code(citizen, asked["user_code"])
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "amina")
    await citizen.sees("This was asked of somebody else")
    assert (await library.poll(asked["auth_req_id"])).expect(400).json["error"] == "access_denied"


@pytest.mark.parametrize("early", [True, False], ids=["before signing in", "after"])
async def test_a_decline_is_returned_to_the_service(newcomer: Newcomer, stage: Stage, *, early: bool) -> None:
    library, sub, _ = await known(newcomer, stage, "ioan")
    asked = (await library.ask(MESSAGE, login_hint=sub)).expect().json
    citizen = await newcomer(stage)
    await takes_code(citizen, asked["user_code"])
    if early:
        await citizen.press("I do not want to confirm this")
    else:
        await citizen.choose(HARBOUR)
        await citizen.play("ok", "ioan")
        await citizen.press("Decline")
    await citizen.sees("You declined")
    assert (await library.poll(asked["auth_req_id"])).expect(400).json["error"] == "access_denied"
    await takes_code(citizen, asked["user_code"])
    await citizen.reads("This code does not work")


async def test_an_unknown_login_hint_and_an_unknown_user_code_are_refused(newcomer: Newcomer, stage: Stage) -> None:
    library = ClientRequest(stage)
    assert (await library.ask(MESSAGE, login_hint="nobody")).expect(400).json["error"] == "unknown_user_id"
    citizen = await newcomer(stage)
    await takes_code(citizen, "BCDF-GHJK")
    await citizen.reads("This code does not work")


async def test_a_known_address_gets_the_code_and_the_service_does_not(newcomer: Newcomer, stage: Stage) -> None:
    library, sub, _ = await known(newcomer, stage, "amina")
    asked = (await library.ask(MESSAGE, login_hint=sub)).expect().json
    assert "user_code" not in asked
    assert "verification_uri" not in asked
    citizen = await newcomer(stage)
    code = await _code_in_the_inbox(citizen)
    await takes_code(citizen, code)
    await citizen.choose(HARBOUR)
    await citizen.play("ok")
    await citizen.press("Confirm")
    await citizen.sees("You are done here")
    assert (await library.poll(asked["auth_req_id"])).expect().json["token_type"] == "Bearer"


async def _code_in_the_inbox(citizen: Citizen) -> str:
    """The code of the question that went out to Amina, as the inbox of the demonstration shows it."""
    found: list[str] = []

    async def arrived() -> bool:
        await citizen.page.goto(f"{citizen.stage.service}/inbox")
        for notice in await citizen.page.locator("section.notice").all_inner_texts():
            code = re.search(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b", notice)
            if "amina.hughes@mail.example" in notice and MESSAGE in notice and code:
                found.append(code[0])
        return bool(found)

    await eventually(20, arrived)
    return found[-1]


async def test_the_sample_service_shows_how_it_is_done(newcomer: Newcomer, stage: Stage) -> None:
    caller, elsewhere = [await newcomer(stage) for _ in range(2)]
    await caller.begin()
    await caller.choose(HARBOUR)
    await caller.play("ok", "ioan")
    await caller.share()
    await caller.arrives()
    await caller.press("Ask me on another device")
    await caller.sees("Asked on your own device")
    asked = await caller.page.locator(".notice strong").inner_text()
    await takes_code(elsewhere, await caller.page.locator("strong.code").inner_text())
    await _reads_head(elsewhere, asked, "Aberlan Council")
    await elsewhere.choose(HARBOUR)
    await elsewhere.play("ok", "ioan")
    await elsewhere.press("Confirm")
    await elsewhere.sees("You are done here")
    await caller.press("Look again")
    await caller.reads("Confirmed, by whoever we know as")


CALL = "Your call with us on Tuesday"


async def test_staff_ask_the_citizen_of_a_case_and_the_answer_is_evidence(
    newcomer: Newcomer, stage: Stage, *, script: bool
) -> None:
    waiting, elsewhere, console = [await newcomer(stage, script=script) for _ in range(3)]
    await waiting.begin("move")
    await waiting.ask_for_a_person(f"asked-{script}@mail.example")
    agent = Colleague(console.page, stage)
    await agent.sign_in(TOM)
    await agent.take_next()
    await agent.talk()
    await agent.record()
    await agent.press("Back to the case")
    await agent.page.get_by_label("What do you ask the citizen to confirm?").fill(CALL)
    await agent.press("Ask the citizen")
    asked = agent.page.locator(".pt-panel", has_text=CALL)
    code = await asked.locator(".pt-spoken").inner_text()

    # the waiting page in the browser that started the request shows the result
    await waiting.page.reload()
    await waiting.reads(CALL)
    # and any other device of theirs, with any provider
    await takes_code(elsewhere, code)
    await _reads_head(elsewhere, CALL, "asks you to confirm")
    await elsewhere.choose(NORTHBANK)
    await elsewhere.play("cancelled")
    await elsewhere.choose(HARBOUR)
    await elsewhere.play("ok")
    await elsewhere.sees("Do you confirm this?")
    await elsewhere.press("Confirm")
    await elsewhere.sees("You are done here")

    await agent.page.reload()
    await expect(asked).to_contain_text("Confirmed. It is recorded as evidence")
    evidence = agent.page.locator(".pt-evidence", has_text="Confirmed on the citizen's own device")
    await expect(evidence).to_contain_text(f"Confirmed with{HARBOUR}")
    await expect(evidence).to_contain_text("The details match what the person says: Yes")
    # the service continues to poll: this decided nothing
    await waiting.page.reload()
    await waiting.sees("We are looking at what you showed us")
    await agent.press("Decide")
    await agent.decide("decline", await _first_reason(agent))
    await agent.sees("Your decision is recorded")


async def _first_reason(agent: Colleague) -> str:
    reason = agent.page.locator(".pt-decision:has(#decision-decline) input[type=checkbox]").first
    return (await reason.get_attribute("id") or "").removeprefix("decline-")
