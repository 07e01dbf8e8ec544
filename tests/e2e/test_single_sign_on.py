"""One sign-in serves several requests, as long as the services, the citizen and the operator want it so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from broker.model.kill_switches import KillSwitchKind
from tests.e2e.app_harness import Ahead, Stage
from tests.e2e.citizen_page import HARBOUR, NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.extra_clients import ClientRequest


async def signed_in(citizen: Citizen, provider: str = NORTHBANK, permit: str = "parking") -> None:
    """Signs in at the sample service."""
    await citizen.begin(permit)
    await citizen.choose(provider)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()


async def test_a_second_request_needs_no_page_at_all(newcomer: Newcomer, shared_stage: Stage, *, script: bool) -> None:
    citizen = await newcomer(shared_stage, script=script)
    await signed_in(citizen, permit="move")
    stops: list[str] = []
    citizen.page.on("request", lambda request: stops.append(request.url) if request.method == "POST" else None)
    await citizen.begin("parking", prompt="")
    await citizen.arrives()
    await citizen.reads("See your parking permit: assurance substantial, Amina Hughes")
    assert stops == []


async def test_another_service_asks_only_what_to_share_and_knows_the_citizen_by_another_name(citizen: Citizen) -> None:
    await signed_in(citizen)
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(prompt="consent"))
    await citizen.sees("Check what you share with")
    await citizen.press("Share and continue")
    tokens = (await library.redeem((await library.answer(citizen.page))["code"])).expect().json
    there = (await library.userinfo(tokens["access_token"])).expect().json["sub"]
    await citizen.page.goto(f"{citizen.stage.service}/signed-in")
    here = await citizen.page.locator("dd").first.inner_text()
    assert there not in here
    # and again, now that it was agreed to: without a page, and without showing one
    for asked in ({}, {"prompt": "none"}):
        again = ClientRequest(citizen.stage)
        await citizen.page.goto(again.request(**asked))
        tokens = (await again.redeem((await again.answer(citizen.page))["code"])).expect().json
        assert (await again.userinfo(tokens["access_token"])).expect().json["sub"] == there


async def test_a_request_at_a_higher_level_is_not_answered_by_a_session_below_it(citizen: Citizen) -> None:
    await signed_in(citizen)
    await citizen.begin("passport", prompt="")
    await citizen.sees(PICKER)


async def test_a_service_may_want_a_new_sign_in(citizen: Citizen) -> None:
    await signed_in(citizen)
    await citizen.begin(prompt="login consent")
    await citizen.sees(PICKER)
    await citizen.choose(HARBOUR)
    await citizen.play("ok", "ioan")
    await citizen.share()
    await citizen.arrives()
    await citizen.reads("Ioan Pryce")
    # the session is the new one's, never a mixture
    await citizen.begin(prompt="")
    await citizen.arrives()
    await citizen.reads("Ioan Pryce")


async def test_a_session_older_than_the_service_allows_does_not_answer(
    newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead
) -> None:
    citizen = await newcomer(clocked_stage)
    first, young, old = ClientRequest(clocked_stage), ClientRequest(clocked_stage), ClientRequest(clocked_stage)
    await citizen.page.goto(first.request(prompt="consent"))
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await first.answer(citizen.page)
    ahead.advance(100)
    await citizen.page.goto(young.request(max_age="1000"))
    assert "code" in await young.answer(citizen.page)
    await citizen.page.goto(old.request(max_age="60"))
    await citizen.sees(PICKER)
    await citizen.page.goto(old.request(max_age="60", prompt="none"))
    assert (await old.answer(citizen.page))["error"] == "login_required"


async def test_a_session_ends_when_it_was_idle_too_long_and_at_the_latest_after_a_working_day(
    newcomer: Newcomer, clocked_stage: Stage, ahead: Ahead
) -> None:
    citizen = await newcomer(clocked_stage)

    async def asks(expected: str) -> None:
        library = ClientRequest(clocked_stage)
        await citizen.page.goto(library.request(prompt="none"))
        assert expected in (await library.answer(citizen.page)).get("error", "code")

    async def signs_in() -> None:
        library = ClientRequest(clocked_stage)
        await citizen.page.goto(library.request(prompt="consent login"))
        await citizen.choose(NORTHBANK)
        await citizen.play("ok")
        await citizen.share()
        await library.answer(citizen.page)

    await signs_in()
    ahead.advance(29 * 60)
    await asks("code")
    ahead.advance(31 * 60)
    await asks("login_required")
    await signs_in()
    for _ in range(17):
        ahead.advance(28 * 60)
        await asks("code")
    ahead.advance(5 * 60)
    await asks("login_required")


async def test_a_request_that_may_show_no_page_is_answered_from_the_session_or_not_at_all(citizen: Citizen) -> None:
    await citizen.begin(prompt="none")
    assert (await citizen.is_refused())["error"] == "login_required"
    await signed_in(citizen)
    await citizen.begin(prompt="none")
    await citizen.arrives()
    # what was never agreed to is not shared without a page
    library = ClientRequest(citizen.stage)
    await citizen.page.goto(library.request(prompt="none", claims='{"userinfo":{"email":null}}'))
    assert (await library.answer(citizen.page)).get("error") in ("consent_required", None)


async def test_signing_out_ends_the_session(citizen: Citizen) -> None:
    await signed_in(citizen)
    await citizen.press("Sign out")
    await citizen.goes_back()
    await citizen.page.wait_for_url(f"{citizen.stage.service}/?state=**")
    await citizen.sees("Council services")
    await citizen.begin(prompt="none")
    assert (await citizen.is_refused())["error"] == "login_required"
    await citizen.begin(prompt="")
    await citizen.sees(PICKER)


async def test_a_logout_request_without_an_id_token_needs_confirmation(citizen: Citizen) -> None:
    await signed_in(citizen)
    await citizen.page.goto(f"{citizen.stage.issuer}/logout")
    await citizen.begin(prompt="none")
    await citizen.arrives()
    await citizen.page.goto(f"{citizen.stage.issuer}/logout")
    await citizen.page.locator("main").get_by_role("button").first.click()
    await citizen.sees("You are signed out")
    await citizen.begin(prompt="none")
    assert (await citizen.is_refused())["error"] == "login_required"


async def test_every_page_of_a_signed_in_citizen_offers_logout(citizen: Citizen) -> None:
    out = citizen.page.get_by_role("contentinfo").get_by_role("link", name="Sign out")
    await citizen.page.goto(f"{citizen.stage.issuer}/help")
    await expect(out).to_have_count(0)
    await signed_in(citizen)
    for see in (
        lambda: citizen.page.goto(f"{citizen.stage.issuer}/help"),
        lambda: citizen.begin("passport", prompt=""),
    ):
        await see()
        await expect(out).to_be_visible()
    await out.click()
    await expect(out).to_have_count(0)
    await citizen.page.get_by_role("main").get_by_role("button", name="Sign out").click()
    await citizen.sees("You are signed out")
    await expect(out).to_have_count(0)
    await citizen.begin(prompt="none")
    assert (await citizen.is_refused())["error"] == "login_required"


# --- what an operator turns off is off at the next request ---


@asynccontextmanager
async def off(stage: Stage, kind: KillSwitchKind, target: str) -> AsyncIterator[None]:
    """Turned off meanwhile."""
    board, now = stage.parts.connections.sql_stores.kill_switches, stage.parts.system.now()
    assert await board.turn_off(kind, target, "for a test", "operator", now)
    try:
        yield
    finally:
        await board.turn_on(kind, target, "operator", now)


async def test_a_provider_that_was_turned_off_is_off_on_every_page(citizen: Citizen) -> None:
    stage, northbank = citizen.stage, (KillSwitchKind.PROVIDER, "northbank")
    await citizen.begin()
    async with off(stage, *northbank):
        await citizen.page.reload()
        assert await citizen.page.get_by_role("radio", name=NORTHBANK).count() == 0
    await citizen.page.reload()

    # the form that was open already
    await citizen.page.get_by_role("radio", name=NORTHBANK).check()
    async with off(stage, *northbank):
        await citizen.press("Continue")
        await citizen.sees(PICKER)
    await citizen.page.reload()

    # its answer
    await citizen.choose(NORTHBANK)
    await citizen.decide("ok")
    async with off(stage, *northbank):
        await citizen.page.get_by_role("button").first.click()
        await citizen.sees(f"You can no longer use {NORTHBANK} here")

    # what the provider had returned, before that is shared
    await citizen.begin()
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.sees("Check what you share")
    async with off(stage, *northbank):
        await citizen.press("Share and continue")
        await citizen.sees(f"You can no longer use {NORTHBANK} here")


async def test_a_session_of_a_provider_that_was_turned_off_answers_nothing(citizen: Citizen) -> None:
    await signed_in(citizen)
    async with off(citizen.stage, KillSwitchKind.PROVIDER, "northbank"):
        await citizen.begin(prompt="none")
        assert (await citizen.is_refused())["error"] == "login_required"
        await citizen.begin(prompt="")
        await citizen.sees(PICKER)
    await citizen.begin(prompt="none")
    await citizen.arrives()


async def account_of(stage: Stage, persona: str) -> str:
    """The account of a simulated person at Northbank."""
    known = await stage.parts.connections.sql_stores.authorizations.linked_identity(
        f"{stage.providers}/northbank", persona, "library.example", "library"
    )
    assert known is not None
    return known.account


Which = Callable[[Stage], Awaitable[tuple[KillSwitchKind, str]]]


async def the_provider(_stage: Stage) -> tuple[KillSwitchKind, str]:
    """The provider at which the citizen signed in."""
    return KillSwitchKind.PROVIDER, "northbank"


async def the_service(_stage: Stage) -> tuple[KillSwitchKind, str]:
    """The service that holds the tokens."""
    return KillSwitchKind.SERVICE, "library"


async def the_account(stage: Stage) -> tuple[KillSwitchKind, str]:
    """The citizen's account."""
    return KillSwitchKind.ACCOUNT, await account_of(stage, "ioan")


@pytest.mark.parametrize("which", [the_provider, the_service, the_account])
async def test_what_was_turned_off_is_off_for_codes_and_tokens_too(citizen: Citizen, which: Which) -> None:
    stage = citizen.stage
    library, later = ClientRequest(stage), ClientRequest(stage)

    async def code(of: ClientRequest) -> str:
        await citizen.page.goto(of.request(scope="openid profile offline_access", prompt="consent login"))
        await citizen.choose(NORTHBANK)
        await citizen.play("ok", "ioan")
        await citizen.share()
        return (await of.answer(citizen.page))["code"]

    tokens = (await library.redeem(await code(library))).expect().json
    waiting = await code(later)
    async with off(stage, *await which(stage)):
        assert (await library.userinfo(tokens["access_token"])).status == 401
        refused = await library.refresh(tokens["refresh_token"])
        assert refused.json["error"] in ("invalid_grant", "unauthorized_client")
        unredeemed = await later.redeem(waiting)
        assert unredeemed.json["error"] in ("invalid_grant", "unauthorized_client")
        # a session answers neither
        silent = ClientRequest(stage)
        await citizen.page.goto(silent.request(prompt="none"))
        assert (await silent.answer(citizen.page))["error"] in ("login_required", "interaction_required")
    # nothing was used up or revoked by it, but that an account's sessions are over, and what depends on them
    assert (await library.userinfo(tokens["access_token"])).expect().json["name"] == "Ioan Pryce"
    (await library.refresh(tokens["refresh_token"])).expect()
    unredeemed = await later.redeem(waiting)
    assert unredeemed.status == (400 if which is the_account else 200)


async def test_an_account_that_was_turned_off_signs_in_nowhere(citizen: Citizen) -> None:
    await citizen.page.goto(ClientRequest(citizen.stage).request(prompt="consent"))
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "ioan")
    await citizen.share()
    await citizen.page.wait_for_url("**/try?**")
    account = await account_of(citizen.stage, "ioan")
    await citizen.begin(prompt="consent login")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", "ioan")
    await citizen.sees("Check what you share")
    async with off(citizen.stage, KillSwitchKind.ACCOUNT, account):
        await citizen.press("Share and continue")
        await citizen.sees("Your account with us is turned off")
        await citizen.begin(prompt="login")
        await citizen.choose(NORTHBANK)
        await citizen.play("ok", "ioan")
        await citizen.sees("Your account with us is turned off")
        await citizen.begin(prompt="none")
        assert (await citizen.is_refused())["error"] == "login_required"
