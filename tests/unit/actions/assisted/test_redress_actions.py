"""Actions around a decision that did not work out: correction by the agent, a new look for the citizen, a complaint."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.assisted.redress import DeclinedView, ask_new_look, complain, view_declined
from broker.actions.assisted.staff_results import ActionRefused, CaseView
from broker.actions.browser import Browser
from broker.actions.results import AskingMark, ProofResult
from broker.actions.views import CaseStatusView, ConsentView, DeadEnd, FailureView
from broker.assisted.case import Case
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage
from broker.assisted.transitions import TransitionRefused
from broker.model.failures import FailureClass, NextStep
from broker.model.staff import StaffRole
from tests.unit.actions.assisted.case_harness import ANN, BEN, LEA, ME, STRANGER, Stage, had, member

pytestmark = pytest.mark.store
CARA = member("cara", StaffRole.AGENT, StaffRole.REVIEWER)


@pytest.fixture
async def slow(stage: Stage) -> Stage:
    """A stage on which an agent has five minutes to correct a decision."""
    rules = stage.context.rules
    patient = replace(stage.context, rules=replace(rules, policy=replace(rules.policy, correction=300)))
    cases = replace(stage.citizen_cases, context=patient)
    return replace(
        stage,
        context=patient,
        citizen_cases=cases,
        citizen=replace(stage.citizen, cases=cases),
        console=replace(stage.console, context=patient),
    )


async def declined(stage: Stage) -> tuple[str, str]:
    """A citizen whom an agent declined; the handle and the continuation code."""
    handle = await stage.arrives()
    code = await stage.asks(handle)
    f = await stage.session(ANN)
    had(await stage.console.decide(stage.present(ANN), f.ref, Decision.DECLINE, ("evidence_expired", "coached")))
    return handle, code


async def ended(stage: Stage, handle: str) -> Case:
    """The case of the transaction that ended last."""
    transaction = await stage.transaction(handle)
    found = await stage.facts.cases.load(transaction.case or transaction.ended_case or "")
    assert found is not None
    return found


async def test_nobody_is_told_a_decision_before_the_time_for_corrections_is_over(slow: Stage) -> None:
    handle = await slow.arrives()
    await slow.asks(handle)
    await slow.approves()
    assert (await slow.status(handle)).stage is CaseStage.BEING_DECIDED
    assert [notice.kind for notice in await slow.sent()] == []
    assert await slow.citizen.bind(handle, ME, "123456", "amber kettle") is ProofResult.NOT_ALLOWED
    slow.clock.advance(300)
    assert (await slow.status(handle)).stage is CaseStage.TO_TAKE_UP
    assert [notice.kind for notice in await slow.sent()] == ["result"]
    await slow.binds(handle)
    assert isinstance((await slow.citizen.look(handle, ME))[0], ConsentView)


async def test_an_agent_corrects_a_decision_and_works_on_meanwhile(slow: Stage) -> None:
    handle, other = await slow.arrives(), await slow.arrives(browser=STRANGER)
    await slow.asks(handle)
    f = await slow.session(ANN)
    who, c = slow.present(ANN), slow.console
    f = had(await c.decide(who, f.ref, Decision.DECLINE, ("face_differs",)))
    assert await c.decide(who, f.ref, Decision.APPROVE, ()) is TransitionRefused.NOT_NOW
    await slow.asks(other, browser=STRANGER)
    assert had(await c.next_case(who)).case.id != f.case.id
    assert await c.correct(slow.present(BEN), f.ref) is ActionRefused.UNKNOWN
    f = had(await c.correct(who, f.ref))
    had(await c.decide(who, f.ref, Decision.APPROVE, ()))
    slow.clock.advance(300)
    assert (await slow.status(handle)).stage is CaseStage.TO_TAKE_UP
    assert await c.correct(who, f.ref) is ActionRefused.UNKNOWN
    kinds = [row.kind for row in await slow.audit() if row.kind in ("case_decided", "case_corrected", "case_settled")]
    assert kinds == ["case_decided", "case_corrected", "case_decided", "case_settled"]


async def test_the_page_of_a_declined_case_says_why_and_not_what_would_endanger(stage: Stage) -> None:
    handle, _ = await declined(stage)
    failed, _ = await stage.citizen.look(handle, ME)
    assert isinstance(failed, FailureView)
    assert (failed.failed.failure, NextStep.NEW_LOOK in failed.steps) == (FailureClass.HELP_DECLINED, True)
    view = await view_declined(stage.citizen_cases, handle, ME)
    assert isinstance(view, DeclinedView)
    assert (view.status.reasons, view.status.may_ask) == (("evidence_expired",), True)
    assert isinstance(await view_declined(stage.citizen_cases, handle, STRANGER), DeadEnd)


async def test_a_new_look_is_taken_by_other_people_and_completes_the_request(stage: Stage) -> None:
    handle, _ = await declined(stage)
    await stage.citizen.look(handle, ME)
    before = await ended(stage, handle)
    outcomes = await asyncio.gather(*(ask_new_look(stage.citizen_cases, handle, ME) for _ in range(4)))
    assert sum(isinstance(one, AskingMark) for one in outcomes) == 1
    status = await stage.status(handle)
    assert (status.stage, status.redress_until is not None) == (CaseStage.IN_LINE, True)
    assert status.words is not None
    assert status.words != before.phrase
    assert await stage.console.next_case(stage.present(ANN)) is ActionRefused.NOTHING
    who, c = stage.present(CARA), stage.console
    met = await stage.meets(CARA)
    f = had(await c.end_session(who, met.ref))
    had(await c.decide(who, f.ref, Decision.APPROVE, ()))
    await stage.binds(handle)
    assert isinstance((await stage.citizen.look(handle, ME))[0], ConsentView)


async def test_a_second_decline_is_final_but_for_a_complaint(stage: Stage) -> None:
    handle, _ = await declined(stage)
    await stage.citizen.look(handle, ME)
    assert isinstance(await ask_new_look(stage.citizen_cases, handle, ME), AskingMark)
    met = await stage.meets(CARA)
    f = had(await stage.console.end_session(stage.present(CARA), met.ref))
    had(await stage.console.decide(stage.present(CARA), f.ref, Decision.DECLINE, ("face_differs",)))
    await stage.citizen.look(handle, ME)
    view = await view_declined(stage.citizen_cases, handle, ME)
    assert isinstance(view, DeclinedView)
    assert not view.status.may_ask
    assert await ask_new_look(stage.citizen_cases, handle, ME) is TransitionRefused.NOT_NOW
    assert await complain(stage.citizen_cases, handle, ME, "nobody listened") is None


async def test_a_complaint_reaches_a_lead_who_had_no_part_and_its_answer_the_citizen(stage: Stage) -> None:
    handle, _ = await declined(stage)
    await stage.citizen.look(handle, ME)
    for text in ("", "  ", "x" * 2001):
        assert await complain(stage.citizen_cases, handle, ME, text) is TransitionRefused.REASON_NEEDED
    assert isinstance(await complain(stage.citizen_cases, handle, STRANGER, "mine"), DeadEnd)
    assert await complain(stage.citizen_cases, handle, ME, " nobody listened ") is None
    case = await ended(stage, handle)
    c, lead = stage.console, stage.present(LEA)
    f = had(await c.open_by_reference(lead, case.reference, "complaint"))
    assert f.case.complaint is not None
    assert f.case.complaint.text == "nobody listened"
    visitor = had(await c.open_by_reference(stage.present(BEN), case.reference, "complaint"))
    assert visitor.case.complaint is None
    assert await c.answer_complaint(lead, f.ref, "  ") is ActionRefused.NOTHING
    assert isinstance(await c.answer_complaint(lead, f.ref, "We are sorry."), CaseView)
    view = await view_declined(stage.citizen_cases, handle, ME)
    assert isinstance(view, DeclinedView)
    assert view.status.complaint is not None
    assert (view.status.complaint.answer, view.status.may_complain) == ("We are sorry.", False)
    assert "nobody listened" not in repr(await stage.audit())


async def test_the_declined_page_is_found_again_by_its_code_after_the_transaction_ended(stage: Stage) -> None:
    handle, code = await declined(stage)
    await stage.citizen.look(handle, ME)
    stage.clock.advance(3 * 86400)
    resumed = await stage.resumes(code)
    there = Browser(secrets=(resumed.secret,))
    assert resumed.handle != handle
    assert isinstance((await stage.citizen.look(resumed.handle, there))[0], FailureView)
    assert isinstance(await view_declined(stage.citizen_cases, resumed.handle, there), DeclinedView)
    assert isinstance(await ask_new_look(stage.citizen_cases, resumed.handle, there), AskingMark)
    view, _ = await stage.citizen.look(resumed.handle, there)
    assert isinstance(view, CaseStatusView)
    assert view.status.words is not None


async def test_an_open_request_beside_a_declined_one_is_never_doubled(stage: Stage) -> None:
    handle, _ = await declined(stage)
    await stage.citizen.look(handle, ME)
    await stage.asks(handle)
    assert await view_declined(stage.citizen_cases, handle, ME) is not None
    assert await ask_new_look(stage.citizen_cases, handle, ME) is TransitionRefused.NOT_NOW
    assert (await stage.case(handle)).state is CaseState.QUEUED


async def test_after_its_time_a_declined_case_is_erased_and_shows_nothing(stage: Stage) -> None:
    handle, code = await declined(stage)
    await stage.citizen.look(handle, ME)
    stage.clock.advance(31 * 86400)
    assert await stage.citizen.resume(code) is None
