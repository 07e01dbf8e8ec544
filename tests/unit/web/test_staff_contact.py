"""Agents record attempts to reach the citizen; the case leaves them if they do not try again; nothing typed is lost."""

from dataclasses import replace

import pytest

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import ContactOutcome
from broker.model.notification import NotificationKind
from tests.unit.web.staff import CARYS, StaffClient, Stage

pytestmark = pytest.mark.store


async def claimed(stage: Stage) -> tuple[Case, StaffClient, str]:
    """A case that Carys holds, and the path of its page."""
    case, context = await stage.case(), await stage.sign_in(CARYS)
    await context.send("/next", "/")
    return case, context, f"/cases/{case.id}"


async def now(stage: Stage, case: Case) -> Case:
    """The case as it stands."""
    found = await stage.facts.cases.load(case.id)
    assert found is not None
    return found


async def sent(stage: Stage) -> list[NotificationKind]:
    """The kinds of the notices to citizens."""
    at = stage.system.now()
    lanes = [stage.facts.notices.lane(way) for way in ("email", "phone")]
    return [one.kind for lane in lanes for one in await lane.claim(at, at + 60, 20)]


async def test_an_attempt_without_another_one_gives_the_case_back_to_the_citizen(stage: Stage) -> None:
    case, context, at = await claimed(stage)
    assert f'href="{at}/contact"' in (await context.get(at)).text
    page = (await context.get(f"{at}/contact")).text
    assert "the citizen then says on their page when they are ready" in page
    answer = await context.send(f"{at}/contact", f"{at}/contact", {"result": "call.no_answer", "again": ""})
    assert answer.headers["location"] == "/done/missed"
    assert "you missed each other" in (await context.get("/done/missed")).text
    after = await now(stage, case)
    assert (after.state, after.missed, after.agent) == (CaseState.REQUESTED, 1, None)
    assert await sent(stage) == [NotificationKind.MISSED]


async def test_a_next_attempt_is_shown_with_the_case_that_stays(stage: Stage) -> None:
    case, context, at = await claimed(stage)
    answer = await context.send(f"{at}/contact", f"{at}/contact", {"result": "call.made", "again": "2027-01-15T10:30"})
    assert answer.headers["location"] == f"{at}?told=noted"
    page = (await context.get(at)).text
    assert "Call: Made, left word; next attempt:" in page
    assert "10:30" in page
    after = await now(stage, case)
    assert (after.state, after.contacts[0].outcome) == (CaseState.CLAIMED, ContactOutcome.MADE)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"result": "", "again": "2027-01-15T10:30"}, "choice"),
        ({"result": "call.sent", "again": "2027-01-15T10:30"}, "choice"),
        ({"result": "visit.no_answer", "again": "next week"}, "next_time"),
        ({"result": "visit.no_answer", "again": "2020-01-15T10:30"}, "next_time"),
        ({"result": "visit.no_answer", "again": "2029-01-15T10:30"}, "next_time"),
    ],
)
async def test_what_was_typed_into_a_refused_form_is_filled_in_again(
    stage: Stage, typed: dict[str, str], problem: str
) -> None:
    case, context, at = await claimed(stage)
    answer = await context.send(f"{at}/contact", f"{at}/contact", typed)
    assert answer.headers["location"] == f"{at}/contact?problem={problem}"
    page = (await context.get(answer.headers["location"])).text
    assert f'value="{typed["again"]}"' in page
    assert "What you typed is still here" in page
    assert (page.count(" checked") == 1) == (typed["result"] in ("visit.no_answer",))
    assert (await now(stage, case)).contacts == ()


async def test_the_third_time_the_page_says_what_follows_and_the_citizen_is_told(stage: Stage) -> None:
    case, context, at = await claimed(stage)
    held = await now(stage, case)
    assert await stage.facts.cases.save(replace(held, missed=2, version=held.version + 1), ())
    assert "Missed once more, the request closes in" in (await context.get(f"{at}/contact")).text
    answer = await context.send(
        f"{at}/contact", f"{at}/contact", {"result": "call.no_answer", "again": "2027-01-15T10:30"}
    )
    assert answer.headers["location"] == "/done/missed"
    after = await now(stage, case)
    assert (after.state, after.closing) == (CaseState.REQUESTED, after.deadline)
    assert await sent(stage) == [NotificationKind.CLOSING]
