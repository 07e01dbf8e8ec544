"""A citizen who can use no provider is verified by people, and the request that began it all is answered."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from broker.journey.transaction import TransactionState
from tests.e2e.app_harness import Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import SCRIPT, Newcomer
from tests.e2e.extra_clients import LIBRARY, ClientRequest
from tests.e2e.raw_client import SOON, eventually
from tests.e2e.staff_page import TOM, Colleague, verify

COUNCIL = "Aberlan Council"
CLINIC = LIBRARY.replace("library", "clinic").replace(
    "claims = [", 'claims = [{ claim = "birthdate", reason = { en = "To know you", cy = "I\'ch adnabod" } }, '
)
"""A service that wants to know when a citizen was born."""


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stage whose queue holds only the cases of these tests; each test ends its own."""
    files = {**SCRIPT.files, "services/clinic.toml": CLINIC}
    async with staged(tmp_path_factory.mktemp("help"), replace(SCRIPT, files=files)) as running:
        yield running


async def colleagues(newcomer: Newcomer, stage: Stage, *, script: bool = True) -> tuple[Colleague, Colleague]:
    """Two members of staff, each with a browser of their own."""
    one, other = [await newcomer(stage, script=script) for _ in range(2)]
    return Colleague(one.page, stage), Colleague(other.page, stage)


async def code_in_the_inbox(citizen: Citizen, address: str, sent: int = 1) -> str:
    """The newest of `sent` codes that went out to an address, as the inbox of the demonstration shows them."""
    tab = await citizen.another_tab()
    found: list[str] = []

    async def arrived() -> bool:
        await tab.page.goto(f"{citizen.stage.service}/inbox")
        notices = await tab.page.locator("section.notice").all_inner_texts()
        codes = [code[0] for text in notices if address in text and (code := re.search(r"\b\d{6}\b", text))]
        found[:] = codes[:1]
        return len(codes) >= sent

    await eventually(SOON, arrived)
    await tab.page.close()
    return found[0]


async def takes_up(citizen: Citizen, address: str, words: str = "") -> None:
    """Binds the citizen to the case: with the code that was sent, and the two words."""
    await citizen.page.reload()
    await citizen.sees("Your identity is confirmed")
    await citizen.press("Send me the code")
    code = await code_in_the_inbox(citizen, address)
    await citizen.page.get_by_label("The code we sent you").fill(code)
    await citizen.page.get_by_label("Your two words").fill(words)
    await citizen.press("Continue")


async def test_a_citizen_is_verified_by_two_people_and_arrives_at_the_service(
    newcomer: Newcomer, stage: Stage, *, script: bool
) -> None:
    citizen = await newcomer(stage, script=script)
    address = f"amina.{script}@mail.example"
    await citizen.begin("move")
    await citizen.choose(NORTHBANK)
    await citizen.play("not_verified")
    await citizen.sees(f"{NORTHBANK} could not confirm your identity")
    await citizen.page.goto(f"{citizen.page.url}/help")
    await citizen.page.get_by_role("radio", name="By video").check()
    await citizen.page.get_by_role("radio", name="Email address").check()
    await citizen.page.locator("#email").fill(address)
    await citizen.press("Ask for help")
    await citizen.sees("You are in line")
    shown = await citizen.page.locator(".pt-words dd").all_inner_texts()

    said = await verify(*await colleagues(newcomer, stage, script=script))
    assert list(said) == shown
    await takes_up(citizen, address, " ".join(shown))
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Tell us you have moved: assurance substantial, Amina Hughes")
    claims = await id_token(citizen)
    assert (claims["acr"], claims["amr"]) == ("substantial", ["otp"])


async def id_token(citizen: Citizen) -> dict[str, Any]:
    """The claims of the ID token as the sample service shows them."""
    shown: dict[str, Any] = json.loads(await citizen.page.locator("pre").first.inner_text())
    return shown


@pytest.mark.parametrize(
    ("name", "typed", "born"),
    [(("Suharto", ""), "1977", "1977"), (("", "Suharto"), "\u0661\u0669\u0667\u0667\u2011\u0660\u0664", "1977-04")],
)
async def test_a_person_with_one_name_and_a_partial_birthdate_gets_verified_claims(
    newcomer: Newcomer, stage: Stage, name: tuple[str, str], typed: str, born: str
) -> None:
    citizen, library, address = await newcomer(stage), ClientRequest(stage, "clinic"), f"{born}@b\u00fccher.example"
    wanted = {"verification": {"trust_framework": None}, "claims": {"name": None, "birthdate": None}}
    asked = {"userinfo": {"verified_claims": wanted}}
    await citizen.page.goto(library.request(claims=json.dumps(asked), acr_values="substantial"))
    await citizen.ask_for_a_person(address)
    words = await verify(*await colleagues(newcomer, stage), name, typed)
    await takes_up(citizen, f"{born}@xn--bcher-kva.example", " ".join(words))
    await citizen.reads("Suharto")
    await citizen.share()
    tokens = (await library.redeem((await library.answer(citizen.page))["code"])).expect().json
    userinfo = (await library.userinfo(tokens["access_token"])).expect().json
    assert userinfo["verified_claims"]["claims"] == {"name": "Suharto", "birthdate": born}


async def test_verified_claims_describe_the_checks_and_name_no_staff(newcomer: Newcomer, stage: Stage) -> None:
    citizen, library, address = await newcomer(stage), ClientRequest(stage), "told@mail.example"
    wanted = {
        "trust_framework": None,
        "assurance_level": None,
        "assurance_process": None,
        "time": None,
        "verification_process": None,
        "evidence": [{"type": {"value": "document"}, "check_details": None, "document_details": None}],
    }
    asked = {"userinfo": {"verified_claims": {"verification": wanted, "claims": {"name": None}}}}
    await citizen.page.goto(library.request(claims=json.dumps(asked), acr_values="substantial"))
    await citizen.ask_for_a_person(address)
    words = await verify(*await colleagues(newcomer, stage))
    await takes_up(citizen, address, " ".join(words))
    await citizen.share()
    tokens = (await library.redeem((await library.answer(citizen.page))["code"])).expect().json
    userinfo = (await library.userinfo(tokens["access_token"])).expect().json
    verified = userinfo["verified_claims"]
    verification = verified["verification"]
    assert verified["claims"] == {"name": "Amina Hughes"}
    assert verification["trust_framework"] == "portico_demonstration"
    assert verification["assurance_level"] == "substantial"
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}", verification["verification_process"])
    [document] = verification["evidence"]
    assert document["document_details"]["type"] == "passport"
    methods = [check["check_method"] for check in document["check_details"]]
    assert sorted(methods) == ["data", "pvr", "vri", "vri", "vri", "vri"]
    everything = json.dumps(userinfo)
    for name in ("Tom", "Okafor", "Mei", "Lindqvist", "PQ8812345"):
        assert name not in everything


async def test_a_case_taken_up_in_another_browser_is_worth_less_and_the_first_never_collects(
    newcomer: Newcomer, stage: Stage
) -> None:
    first, second = [await newcomer(stage) for _ in range(2)]
    address = "elsewhere@mail.example"
    await first.begin("parking")
    await first.ask_for_a_person(address)
    journey = first.page.url
    code = await first.page.locator(".pt-spoken--large").inner_text()
    words = await verify(*await colleagues(newcomer, stage))

    await second.page.goto(f"{stage.issuer}/continue")
    await second.page.get_by_label("Your code").fill(code)
    await second.press("Continue")
    await first.page.goto(journey)
    await first.sees("We lost your place")
    await takes_up(second, address, " ".join(words))
    await first.page.goto(journey)
    await first.sees("We lost your place")
    await second.share()
    # the service starts again, and the broker's session answers it
    await second.arrives()
    await second.reads("assurance low, Amina Hughes")
    claims = await id_token(second)
    assert (claims["acr"], claims["amr"]) == ("low", ["otp"])
    ended = await second.transaction(journey.rpartition("/")[2])
    assert ended.state is TransactionState.ANSWERED
    assert ended.client_redirect is not None
    assert "code=" not in ended.client_redirect.url
    await first.page.goto(journey)
    await first.sees("We lost your place")
    await first.begin(prompt="none")
    assert (await first.is_refused())["error"] == "login_required"


async def test_a_case_that_was_declined_has_its_page_and_leaves_other_ways(newcomer: Newcomer, stage: Stage) -> None:
    citizen = await newcomer(stage)
    await citizen.begin("move")
    await citizen.ask_for_a_person("declined@mail.example")
    agent, _ = await colleagues(newcomer, stage)
    await agent.sign_in(TOM)
    await agent.take_next()
    await agent.talk()
    await agent.record()
    # the citizen gets no notice before the decision
    await citizen.page.reload()
    await citizen.sees("We are looking at what you showed us")
    reasons = await agent.page.locator(".pt-decision:has(#decision-decline) input[type=checkbox]").all()
    reason = (await reasons[0].get_attribute("id") or "").removeprefix("decline-")
    await agent.decide("decline", reason)
    await agent.sees("Your decision is recorded")
    await citizen.page.reload()
    await citizen.sees("We could not confirm your identity")
    await citizen.reads("Visit the council office, 1 Quay Row")
    # no page gives the reason, and the other providers can still be used
    await citizen.choose(NORTHBANK)
    await citizen.play("cancelled")
    await citizen.press(f"Stop and go back to {COUNCIL}")
    assert (await citizen.is_refused())["error"] == "access_denied"
