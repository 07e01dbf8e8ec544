"""Decisions that may be corrected before they take effect, and what the citizen does about a declined case."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Complaint, Decision, IndependentReview, Phrase, Review
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy, due_event
from broker.assisted.separation_of_duties import may_be_agent, may_be_reviewer, may_lead
from broker.assisted.transitions import TransitionRefused, advance, refusal
from tests.unit.assisted.cases import (
    AGENT,
    LEAD,
    MEET,
    NOW,
    PONDER,
    REVIEWER,
    TERMS,
    binding,
    evidence,
    held_back,
    standing,
    verdict,
    walked,
)

S = CaseState
SLOW = CasePolicy(correction=300)
WORDS = Phrase("birch", "window")
ASKED = ev.RedressAsked(WORDS, "browser-2", "mark-2", NOW + TERMS.redress_within)
EVERY_DECISION = [
    (Decision.APPROVE, S.APPROVED),
    (Decision.DECLINE, S.DECLINED),
    (Decision.MORE_EVIDENCE, S.REQUESTED),
    (Decision.REFER, S.HELD),
]


def decided(decision: Decision, **more: object) -> Case:
    """A case with a decision that may still be corrected."""
    event = ev.Decided(verdict(decision), phrase=WORDS, **more)  # type: ignore[arg-type]
    return advance(walked(*PONDER), event, NOW, SLOW)


@pytest.mark.parametrize(("decision", "target"), EVERY_DECISION)
def test_a_decision_takes_effect_when_its_agent_can_no_longer_correct_it(decision: Decision, target: CaseState) -> None:
    case = decided(decision)
    assert (case.state, case.lease, case.holder, case.due) == (S.DECISION, None, AGENT, NOW + 300)
    assert case.phrase != WORDS
    assert due_event(case, NOW + 299) is None
    settled = advance(case, ev.Settled(), NOW + 300, SLOW)
    assert (settled.state, settled.unsettled) == (target, None)
    assert settled == replace(
        advance(walked(*PONDER), ev.Decided(verdict(decision), phrase=WORDS), NOW, TERMS),
        version=settled.version,
        edit_version=settled.edit_version,
        changed=NOW + 300,
        deadline=settled.deadline,
        hold=settled.hold,
        history=settled.history,
    )
    assert [move.event for move in settled.history[-2:]] == ["decided", "settled"]


@pytest.mark.parametrize("decision", Decision)
def test_the_agent_takes_a_decision_back_and_decides_again(decision: Decision) -> None:
    case = advance(decided(decision), ev.Corrected(AGENT), NOW + 299, SLOW)
    assert (case.state, case.verdict, case.unsettled, case.holder) == (S.DECISION, None, None, AGENT)
    again = advance(case, ev.Decided(verdict(Decision.APPROVE)), NOW + 299, SLOW)
    assert advance(again, ev.Settled(), NOW + 599, SLOW).state is S.APPROVED


def test_nobody_else_corrects_a_decision_and_nobody_changes_what_it_rests_on() -> None:
    case = decided(Decision.APPROVE)
    for event in (
        ev.Corrected("agent-2"),
        ev.Corrected(LEAD),
        ev.EvidenceRecorded(AGENT, evidence()),
        ev.DetailsRecorded(AGENT, {"name": "Eve"}),
        ev.Decided(verdict()),
        ev.Renewed(AGENT),
        ev.Returned(AGENT, "break"),
        ev.DeviceConfirmed(evidence("q-1")),  # type: ignore[arg-type]
        ev.Bound(binding()),
        ev.Settled(),
    ):
        assert refusal(case, event, NOW + 1, SLOW) is not None, event
    assert refusal(case, ev.Corrected(AGENT), NOW + 300, SLOW) is TransitionRefused.TIME_RAN_OUT


@pytest.mark.parametrize("event", [ev.Held(LEAD, "doubt"), ev.Reassigned(LEAD, "shift over"), ev.Withdrawn()])
def test_a_decision_that_is_overtaken_never_takes_effect(event: ev.Event) -> None:
    case = advance(decided(Decision.APPROVE), event, NOW + 1, SLOW)
    assert (case.unsettled, case.state is S.DECISION) == (None, False)
    assert due_event(case, NOW + 300) is None


def test_a_flag_in_the_time_of_correction_leads_to_a_second_review() -> None:
    case = advance(decided(Decision.APPROVE), ev.Flagged(AGENT, "coached"), NOW + 1, SLOW)
    assert advance(case, ev.Settled(), NOW + 300, SLOW).state is S.REVIEW


def test_a_decision_made_in_time_takes_effect_after_the_end_of_the_case() -> None:
    case = replace(decided(Decision.APPROVE), expires=NOW + 60)
    assert due_event(case, NOW + 60) is None
    assert advance(case, ev.Settled(), NOW + 300, SLOW).state is S.APPROVED


# --- a new look ---


def declined() -> Case:
    """A case that an agent and a lead had a part in, and that was declined."""
    return walked(ev.HoldDeclined(LEAD, ("details_differ",)), case=walked(*PONDER, ev.Decided(verdict(Decision.REFER))))


def test_a_new_look_begins_with_new_words_keeps_the_evidence_and_has_a_deadline() -> None:
    before = declined()
    now = NOW + 29 * 86400
    case = walked(replace(ASKED, until=now + TERMS.redress_within), case=before, now=now)
    assert (case.state, case.phrase, case.asker, case.moved) == (S.QUEUED, WORDS, "mark-2", False)
    assert (case.evidence, case.details) == (before.evidence, before.details)
    assert (case.verdict, case.phrase_verified, case.agent) == (None, False, None)
    assert case.deadline == case.redress_until == now + TERMS.redress_within
    assert case.expires > case.deadline
    assert not case.approved_before


def test_a_new_look_goes_to_people_without_an_earlier_part() -> None:
    reviewed = walked(
        ev.ReviewClaimed(REVIEWER),
        ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.DECLINE, ("details_differ",))),
        ev.Reviewed(Review(REVIEWER, NOW, agrees=False, reasons=("not_convinced",))),
        ev.HoldDeclined(LEAD, ("details_differ",)),
        case=standing(S.REVIEW),
    )
    case = walked(ASKED, case=reviewed)
    for who in (AGENT, REVIEWER, LEAD):
        assert (may_be_agent(case, who), may_be_reviewer(case, who), may_lead(case, who)) == (False, False, False)
        assert held_back(case, ev.Claimed(who)) is TransitionRefused.SAME_PERSON
    assert may_be_agent(case, "agent-2")
    assert walked(ev.Claimed("agent-2"), case=case).agent == "agent-2"


def test_a_new_look_is_taken_once_and_in_time() -> None:
    again = walked(
        ASKED,
        ev.Claimed("agent-2"),
        ev.SessionStarted("agent-2", MEET[-1].channel),  # type: ignore[union-attr]
        ev.SessionEnded("agent-2"),
        ev.Decided(verdict(Decision.DECLINE, by="agent-2")),
        case=declined(),
    )
    assert again.state is S.DECLINED
    assert held_back(again, ASKED) is TransitionRefused.ENOUGH_LOOKS
    case = declined()
    assert case.deadline is not None
    assert held_back(case, ASKED, case.deadline) is TransitionRefused.TIME_RAN_OUT
    over = walked(ev.RedressEnded(), case=case, now=case.deadline)
    assert held_back(over, ASKED, case.deadline) is TransitionRefused.NOT_NOW


def test_a_complaint_is_answered_once_by_a_lead_without_a_part() -> None:
    written = Complaint(NOW, "nobody listened")
    case = walked(ev.Complained(written), case=standing(S.DECLINED))
    assert case.complaint == written
    case = walked(ev.Complained(replace(written, text="nobody listened to me")), case=case)
    assert held_back(case, ev.ComplaintAnswered(AGENT, "sorry")) is TransitionRefused.SAME_PERSON
    answered = walked(ev.ComplaintAnswered(LEAD, "we are sorry"), case=case)
    assert answered.complaint == Complaint(NOW, "nobody listened to me", "we are sorry", LEAD, NOW)
    assert held_back(answered, ev.ComplaintAnswered(LEAD, "again")) is TransitionRefused.NOT_NOW
    assert held_back(answered, ev.Complained(written)) is TransitionRefused.NOT_NOW
    assert answered.deadline is not None
    assert walked(ev.RedressEnded(), case=answered, now=answered.deadline).complaint is None


def test_a_declined_case_is_found_again_by_its_continuation_code() -> None:
    case = walked(ev.Resumed("browser-2", "digest-of-a-code", "digest-2"), case=standing(S.DECLINED))
    assert (case.state, case.browser, case.continuation) == (S.DECLINED, "browser-2", "digest-2")
