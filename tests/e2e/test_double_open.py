"""One pushed request on two pages, over real HTTP: both pages are true, and no sign-in is lost."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import Forms, HttpSender, RawCitizen
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.e2e.test_rate_limits import words

ALREADY = "This request was answered already"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The whole product."""
    async with staged(tmp_path_factory.mktemp("twice"), Script(files={"services/rides.toml": RIDES_SERVICE})) as one:
        yield one


def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


async def finish(citizen: RawCitizen) -> None:
    """From the picker to the code."""
    await citizen.return_()
    (await citizen.share()).expect(303)
    assert await citizen.collect()


@pytest.mark.parametrize("same", [True, False], ids=["same browser", "another browser"])
async def test_a_pushed_request_opened_again_after_its_answer_says_so_before_any_sign_in(
    stage: Stage, line: HttpSender, *, same: bool
) -> None:
    first = raw_citizen(stage, line)
    await first.begin()
    await finish(first)
    second = raw_citizen(stage, line)
    second.request_uri, second.jar = first.request_uri, first.jar if same else second.jar
    reply = await second.authorize()
    said = words(reply)
    assert reply.status == 400
    assert ALREADY in said
    assert "was told then" in said
    assert "told nothing" not in said
    assert "Your place is kept" not in said
    assert "longer than we keep" not in said


async def test_a_second_tab_says_that_the_first_was_answered_whatever_is_pressed_there(
    stage: Stage, line: HttpSender
) -> None:
    first = raw_citizen(stage, line)
    await first.begin()
    tab = raw_citizen(stage, line)
    tab.request_uri, tab.jar, tab.state = first.request_uri, first.jar, first.state
    (await tab.authorize()).expect(303)
    stop = Forms((await tab.visit(tab.page)).expect().body).found[f"{tab.page}/give-up"]
    await finish(first)
    (await tab.submit(f"{tab.page}/give-up", stop)).expect(303)
    reply = (await tab.visit(tab.page)).expect()
    assert ALREADY in words(reply)
    assert "Refresh" not in reply.headers
