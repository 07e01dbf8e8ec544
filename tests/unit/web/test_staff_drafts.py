"""Staff console: what was typed into a form that was refused is kept and filled in again."""

import re

import pytest

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from tests.support.system import FakeClock
from tests.unit.web.staff import CARYS, FRESH, IDLE, RHYS, TERMS, TOM, StaffClient, Stage, hidden
from tests.unit.web.staff_forms import DETAILS, PASSPORT, PERSON, now, prepare_decision

pytestmark = pytest.mark.store

NOTE = "The photograph was hard to see at first"
DECLINE = {"decision": "decline", "decline.details_differ": "yes", "note": NOTE}
KEPT = "What you typed is still here. It is not saved yet."


async def deciding(stage: Stage) -> tuple[Case, StaffClient, str, dict[str, str]]:
    """A case before its decision, the agent's client, its path, and the hidden fields of the form."""
    case, context = await stage.case(), await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    return case, context, at, hidden((await context.get(f"{at}/decision")).text)


def shows_the_decision(page: str) -> bool:
    """Whether the form of the decision is filled with DECLINE."""
    return (
        KEPT in page
        and NOTE in page
        and bool(re.search(r'id="decision-decline"[^>]* checked', page))
        and bool(re.search(r'id="decline-details_differ"[^>]* checked', page))
    )


async def post(context: StaffClient, path: str, form: dict[str, str]) -> str:
    """Posts a form as it is; returns where the response leads."""
    response = await context.client.post(path, data=form, headers=dict(context.headers))
    assert response.status_code == 303
    location = response.headers["location"]
    assert NOTE.split()[1] not in location
    return str(location)


async def test_a_decision_survives_a_fresh_sign_in(stage: Stage, clock: FakeClock) -> None:
    case, context, at, filled = await deciding(stage)
    clock.advance(FRESH)
    assert await post(context, f"{at}/decision", filled | DECLINE) == f"{at}/decision"
    again = await stage.sign_in(CARYS)
    assert shows_the_decision((await again.get(f"{at}/decision")).text)
    assert "You typed something here that is not saved yet." in (await again.get(at)).text
    done = await again.send(f"{at}/decision", f"{at}/decision", DECLINE)
    assert done.headers["location"] == "/done/decided"
    assert (await now(stage, case)).state is CaseState.DECLINED
    assert await stage.facts.staff_drafts.of_case(CARYS.id, case.id, clock.now()) == []


async def test_a_decision_survives_the_end_of_an_idle_session(stage: Stage, clock: FakeClock) -> None:
    _, context, at, filled = await deciding(stage)
    clock.advance(IDLE)
    assert await post(context, f"{at}/decision", filled | DECLINE) == f"/sign-in?then={at.replace('/', '%2F')}"
    again = await stage.sign_in(CARYS)
    assert shows_the_decision((await again.get(f"{at}/decision")).text)


async def test_a_session_that_was_ended_or_a_forged_form_keeps_nothing(stage: Stage, clock: FakeClock) -> None:
    case, context, at, filled = await deciding(stage)
    forged = filled | DECLINE | {"token": "forged"}
    clock.advance(IDLE)
    assert await post(context, f"{at}/decision", forged) == "/sign-in?then=%2F"
    clock.advance(-IDLE)
    await context.send("/sign-out", "/")
    assert await post(context, f"{at}/decision", filled | DECLINE) == "/sign-in?then=%2F"
    assert await stage.facts.staff_drafts.of_case(CARYS.id, case.id, clock.now()) == []


async def test_a_decision_survives_a_conflict_and_a_lapsed_lease(stage: Stage, clock: FakeClock) -> None:
    case, context, at, filled = await deciding(stage)
    await context.send(f"{at}/details", f"{at}/details", DETAILS | {"field.given_name": "Aminah"})
    assert await post(context, f"{at}/decision", filled | DECLINE) == f"{at}/overtaken"
    assert shows_the_decision((await context.get(f"{at}/decision")).text)
    clock.advance(TERMS.lease + 1)
    context = await stage.sign_in(CARYS)
    filled["token"] = hidden((await context.get("/")).text)["token"]
    longer = DECLINE | {"note": f"{NOTE} again"}
    assert await post(context, f"{at}/decision", filled | longer) == f"{at}/lapsed"
    [kept] = await stage.facts.staff_drafts.of_case(CARYS.id, case.id, clock.now())
    assert kept.fields["note"] == longer["note"]


async def test_a_note_that_seems_to_hold_a_code_is_not_kept_and_the_rest_is(stage: Stage, clock: FakeClock) -> None:
    case, context, at, filled = await deciding(stage)
    assert await post(context, f"{at}/decision", filled | DECLINE | {"note": "the code was 493027"}) == (
        f"{at}/decision?problem=note"
    )
    [kept] = await stage.facts.staff_drafts.of_case(CARYS.id, case.id, clock.now())
    assert kept.fields == {"decision": "decline", "decline.details_differ": "yes"}


@pytest.mark.parametrize(
    ("form", "page", "typed", "shown"),
    [
        (
            "evidence/new",
            "evidence/new?kind=passport",
            PASSPORT | {"field.expires": "soon", "check.seen": "no"},
            ['value="PQ8812345"', 'value="soon"', 'name="check.seen" value="no" required checked'],
        ),
        (
            "person",
            "person",
            PERSON | {"check.not_deceased": "could_not.nothing"},
            ['name="check.active_months" value="yes" checked'],
        ),
        ("details", "details", DETAILS | {"field.birthdate": "someday"}, ['value="Amina"', 'value="someday"']),
        ("note", "", {"note": "N" * 2001}, ["N" * 2001]),
    ],
)
async def test_invalid_input_is_shown_again_as_it_was_typed(
    stage: Stage, form: str, page: str, typed: dict[str, str], shown: list[str]
) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    await context.send(f"{at}/start", at, {"channel": "video"})
    shown_at = f"{at}/{page}".rstrip("/")
    response = await context.send(f"{at}/{form}", shown_at, typed)
    assert "problem=" in response.headers["location"]
    text = (await context.get(shown_at)).text
    for part in shown:
        assert part in text
    assert (await now(stage, case)).evidence == ()


async def test_drafts_are_of_their_own_member_and_go_with_the_case(stage: Stage, clock: FakeClock) -> None:
    case, context, at, filled = await deciding(stage)
    clock.advance(FRESH)
    await post(context, f"{at}/decision", filled | DECLINE)
    lead = await stage.sign_in(RHYS)
    await lead.send("/open", "/", {"reference": "BCDF0001", "reason": "safeguarding"})
    assert NOTE not in (await lead.get(at)).text
    other = await stage.sign_in(TOM)
    await post(other, f"{at}/decision", {"token": hidden((await other.get("/")).text)["token"]} | DECLINE)
    assert await stage.facts.staff_drafts.of_case(TOM.id, case.id, clock.now()) == []


@pytest.mark.parametrize(
    ("form", "page", "typed", "shown"),
    [
        ("evidence/new", "evidence/new?kind=passport", {"kind": "passport", "field.number": "PQ1"}, 'value="PQ1"'),
        ("person", "person", {"source.history": "Credit bureau"}, 'value="Credit bureau"'),
        ("details", "details", {"field.given_name": "Am"}, 'value="Am"'),
    ],
)
async def test_keeping_the_case_longer_keeps_what_was_typed(
    stage: Stage, clock: FakeClock, form: str, page: str, typed: dict[str, str], shown: str
) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    await context.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    clock.advance(IDLE - 1)
    kept = await context.send(f"{at}/{form}", f"{at}/{page}", typed, do="keep")
    assert kept.headers["location"] in (f"{at}/{page}&told=kept", f"{at}/{page}?told=kept")
    after = (await context.get(kept.headers["location"])).text
    assert shown in after
    assert "what you typed is kept" in after
    stored = await now(stage, case)
    assert stored.lease == clock.now() + TERMS.lease
    assert (stored.evidence, stored.checks, dict(stored.details.claims)) == ((), (), {})
