"""Staff console: sign-in, session and sign-out."""

import pytest

from broker.actions.assisted.staff_login import LoginFailure
from broker.web.staff.login import TELLINGS
from tests.support.system import FakeClock
from tests.unit.web.staff import CARYS, IDLE, Stage


async def test_an_unauthenticated_request_is_redirected_to_the_sign_in_and_back(stage: Stage) -> None:
    anonymous = stage.client(None)
    led = await anonymous.get("/cases/case-1/details")
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?then=%2Fcases%2Fcase-1%2Fdetails")
    page = await anonymous.get(led.headers["location"])
    assert '/sign-in/go?then=/cases/case-1/details"' in page.text


@pytest.mark.parametrize("then", ["//evil.test/", "https://evil.test/", "/\\evil.test", "/ok?next=//evil.test"])
async def test_a_sign_in_leads_back_to_a_path_of_ours_and_nowhere_else(stage: Stage, then: str) -> None:
    page = await stage.client(None).get(f"/sign-in?then={then}")
    assert "evil" not in page.text
    assert '/sign-in/go?then=/"' in page.text


async def test_a_session_ends_when_nothing_is_done_in_it(stage: Stage, clock: FakeClock) -> None:
    context = await stage.sign_in(CARYS)
    clock.advance(IDLE - 1)
    assert (await context.get("/")).status_code == 200
    clock.advance(IDLE)
    assert (await context.get("/")).headers["location"].startswith("/sign-in")


async def test_signing_out_ends_the_session_for_good(stage: Stage) -> None:
    context = await stage.sign_in(CARYS)
    out = await context.send("/sign-out", "/")
    assert out.headers["location"] == "/signed-out"
    assert "__Host-portico-staff=; Max-Age=0" in out.headers["set-cookie"]
    assert (await context.get("/")).status_code == 303


async def test_a_callback_without_a_login_request_creates_no_session(stage: Stage) -> None:
    answer = await stage.client(None).get("/callback?code=abc&state=staff_made-up")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_every_way_of_being_turned_away_has_words_of_its_own() -> None:
    assert set(TELLINGS) == set(LoginFailure)
    assert len(set(TELLINGS.values())) == len(LoginFailure)
