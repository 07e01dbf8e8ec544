"""Finishing later: a code moves the request to another browser, and only there can it be finished."""

from urllib.parse import urlencode

from playwright.async_api import expect

from broker.actions.browser import Browser
from broker.journey.transaction import TransactionState
from tests.e2e.app_harness import Ahead, Stage
from tests.e2e.citizen_page import HARBOUR, NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import ClientRequest


async def code_of(citizen: Citizen) -> str:
    """Gets a code on the page of a failure."""
    await citizen.press("Get a code")
    await citizen.press("Show me a code")
    code = await citizen.page.locator(".pt-spoken--large").inner_text()
    # it is still there after a reload, and with the back button
    await citizen.page.reload()
    await expect(citizen.page.locator(".pt-spoken--large")).to_have_text(code)
    return code.strip()


async def continues(citizen: Citizen, code: str) -> None:
    """Types a code in."""
    await citizen.page.goto(f"{citizen.stage.issuer}/continue")
    await citizen.page.get_by_label("Your code").fill(code)
    await citizen.press("Continue")


async def test_a_code_moves_the_request_to_another_browser_and_the_first_never_collects(
    newcomer: Newcomer, shared_stage: Stage, *, script: bool
) -> None:
    first, second = [await newcomer(shared_stage, script=script) for _ in range(2)]
    await first.begin()
    journey = first.page.url
    await first.choose(NORTHBANK)
    await first.at(NORTHBANK)
    provider = first.page.url
    await first.play("cancelled")
    code = await code_of(first)
    # typed as people type
    await continues(second, code.lower().replace("-", " "))
    await second.sees(f"You did not finish with {NORTHBANK}")
    assert second.page.url == journey

    await first.page.goto(journey)
    await first.sees("We lost your place")
    await second.choose(HARBOUR)
    await second.play("ok", "ioan")
    # not the page, not the form that it had open, not an answer from the provider
    await first.page.goto(journey)
    await first.sees("We lost your place")
    await first.page.goto(provider)
    await first.play("ok")
    await first.sees("We lost your place")
    await second.sees("Check what you share")
    await second.share()

    # no code was sent: the service starts again, and the broker's session answers
    await second.arrives()
    await second.reads("Ioan Pryce")
    ended = await second.transaction(journey.rpartition("/")[2])
    assert ended.state is TransactionState.ANSWERED
    assert ended.client_redirect is not None
    assert ended.client_redirect.url == f"{shared_stage.service}/sign-in?{urlencode({'iss': shared_stage.issuer})}"
    await first.page.goto(journey)
    await first.sees("We lost your place")
    await first.begin(prompt="none")
    assert (await first.is_refused())["error"] == "login_required"


async def test_a_code_works_once_and_its_request_is_then_where_it_went(newcomer: Newcomer, shared_stage: Stage) -> None:
    first, second, third = [await newcomer(shared_stage) for _ in range(3)]
    await first.begin()
    await first.choose(NORTHBANK)
    await first.play("cancelled")
    code = await code_of(first)
    await continues(second, code)
    await second.sees(f"You did not finish with {NORTHBANK}")
    await continues(third, code)
    await third.sees("Continue with a code")
    await third.reads("This code does not work")
    await continues(third, "ABCD-EFGH-JKMN-PQRS")
    await third.reads("This code does not work")
    await second.page.reload()
    await second.sees(f"You did not finish with {NORTHBANK}")


async def test_the_same_browser_may_take_its_own_request_up_again(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("paused")
    code = await code_of(citizen)
    await citizen.page.goto(f"{citizen.stage.issuer}/continue?code={code}")
    await expect(citizen.page.get_by_label("Your code")).to_have_value(code)
    await citizen.press("Continue")
    await citizen.sees(f"Your account with {NORTHBANK} is not finished")
    await citizen.press("Go on")
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def test_a_code_that_a_stranger_sent_collects_nothing_for_the_stranger(
    newcomer: Newcomer, shared_stage: Stage
) -> None:
    """The attack: begin, have a code made, let a victim finish, and collect the answer."""
    attacker, victim = [await newcomer(shared_stage) for _ in range(2)]
    library = ClientRequest(shared_stage)
    await attacker.page.goto(library.request(prompt="consent"))
    journey = attacker.page.url
    await attacker.choose(NORTHBANK)
    await attacker.play("cancelled")
    await continues(victim, await code_of(attacker))
    await victim.choose(HARBOUR)
    await victim.play("ok")
    await victim.share()
    # the library registered no address at which a sign-in starts: the victim is on its home page, without a code
    await victim.page.wait_for_url(f"{shared_stage.service}/")
    for path in ("", "/share", "/choose", "/later"):
        shown = await attacker.page.goto(f"{journey}{path}")
        assert shown is not None
        assert shown.status in (404, 405)
    held = {cookie["name"]: cookie["value"] for cookie in await attacker.page.context.cookies()}
    assert "__Host-portico-session" not in held
    browser = Browser(tuple(held["__Host-portico-browser"].split(".")))
    assert not browser.holds((await attacker.transaction(journey.rpartition("/")[2])).browser)


async def test_after_the_answer_timeout_the_service_is_asked_to_start_a_new_sign_in(
    newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead
) -> None:
    citizen = await newcomer(clocked_stage)
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("cancelled")
    ahead.advance(31 * 60)
    await citizen.choose(HARBOUR)
    await citizen.play("ok")
    await citizen.sees("Check what you share")
    handle = citizen.handle
    async with citizen.page.expect_request(f"{clocked_stage.service}/sign-in?iss=**"):
        await citizen.press("Share and continue")
    ended = await citizen.transaction(handle)
    assert ended.client_redirect is not None
    assert "code=" not in ended.client_redirect.url


async def test_a_citizen_with_an_open_case_gets_a_continuation_code_and_may_use_a_provider(
    newcomer: Newcomer, shared_stage: Stage
) -> None:
    first, second = [await newcomer(shared_stage) for _ in range(2)]
    await first.begin()
    await first.ask_for_a_person()
    code = await first.page.locator(".pt-spoken--large").inner_text()
    await continues(second, code)
    await second.sees("You are in line")
    await first.page.reload()
    await first.sees("We lost your place")
    # the next code is on the page already, the one before it is used up
    following = await second.page.locator(".pt-spoken--large").inner_text()
    assert following != code
    third = await newcomer(shared_stage)
    await continues(third, code)
    await third.reads("This code does not work")
    # another way is open all the time
    await second.choose(NORTHBANK)
    await second.play("ok")
    await second.share()
    await second.arrives()


async def test_a_choice_that_was_not_made_is_asked_for_again(citizen: Citizen) -> None:
    await citizen.begin()
    await citizen.press("Continue")
    await citizen.sees(PICKER)
    await expect(citizen.page).to_have_title("Error: How do you want to prove who you are? – Portico")
    await citizen.reads("Choose one of the ways")
