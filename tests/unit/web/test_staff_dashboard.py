"""Staff console: the queue of cases and the search by reference."""

import pytest

from tests.unit.web.staff import CARYS, MEI, TOM, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store


async def test_the_next_case_is_assigned_and_no_second_one_while_it_is_held(stage: Stage) -> None:
    first = await stage.case()
    await stage.case()
    context = await stage.sign_in(CARYS)
    for _ in range(2):
        assert (await context.send("/next", "/")).headers["location"] == f"/cases/{first.id}"
    assert (await now(stage, first)).agent == CARYS.id
    home = (await context.get("/")).text
    assert "BCDF 0001" in home
    assert "BCDF 0002" not in home


async def test_two_who_take_the_next_case_at_once_get_two_cases(stage: Stage) -> None:
    await stage.case()
    await stage.case()
    taken = {(await (await stage.sign_in(who)).send("/next", "/")).headers["location"] for who in (CARYS, MEI)}
    assert taken == {"/cases/case-1", "/cases/case-2"}


async def test_an_empty_queue_is_shown_on_the_home_page(stage: Stage) -> None:
    context = await stage.sign_in(CARYS)
    led = await context.send("/next", "/")
    assert led.headers["location"] == "/?problem=nothing"
    assert "No case waits that you can serve" in (await context.get(led.headers["location"])).text


async def test_a_case_opens_by_its_exact_reference_with_a_reason_that_is_kept_and_shows_nothing_personal(
    stage: Stage,
) -> None:
    case = await stage.case()
    context = await stage.sign_in(TOM)
    for reference, reason, problem in (
        ("BCDF000", "citizen_called", "reference"),
        ("BCDF%", "citizen_called", "reference"),
        ("BCDF 0001", "curiosity", "reason"),
    ):
        refused = await context.send("/open", "/", {"reference": reference, "reason": reason})
        assert refused.headers["location"] == f"/?problem={problem}"
    assert (await context.get(f"/cases/{case.id}")).status_code == 404
    opened = await context.send("/open", "/", {"reference": "bcdf 0001", "reason": "citizen_called"})
    page = (await context.get(opened.headers["location"])).text
    assert "The citizen waits" in page
    assert "+441632960001" not in page
    assert case.phrase.first not in page
    last = (await now(stage, case)).history[-1]
    assert (last.event, last.who, last.reason) == ("opened", TOM.id, "citizen_called")


async def test_a_case_held_by_another_agent_cannot_be_opened_by_its_url(stage: Stage) -> None:
    case = await stage.case()
    await (await stage.sign_in(CARYS)).send("/next", "/")
    page = await (await stage.sign_in(MEI)).get(f"/cases/{case.id}")
    assert page.status_code == 404
    assert "This case is not open to you" in page.text
