"""Separation of duties: the requester, the agent and the reviewer of a case are different people."""

import pytest

from broker.assisted import events as ev
from broker.assisted.case_records import Channel, Decision, IndependentReview, Review
from broker.assisted.case_states import CaseState
from broker.assisted.transitions import TransitionRefused
from tests.unit.assisted.cases import (
    AGENT,
    LEAD,
    NOW,
    RECORD,
    REVIEW,
    REVIEWER,
    TERMS,
    TO,
    draft,
    evidence,
    held_back,
    standing,
    verdict,
    walked,
)

S = CaseState


def test_the_requester_is_never_the_agent() -> None:
    case = standing(S.QUEUED, case=draft(requester=AGENT))
    assert held_back(case, ev.Claimed(AGENT)) is TransitionRefused.SAME_PERSON
    assert held_back(case, ev.Claimed("agent-2")) is None


@pytest.mark.parametrize("who", [AGENT, "helper-1"])
def test_neither_agent_nor_requester_reviews(who: str) -> None:
    case = standing(S.REVIEW, case=draft(requester="helper-1"))
    assert held_back(case, ev.ReviewClaimed(who)) is TransitionRefused.SAME_PERSON


def test_an_agent_of_an_earlier_round_never_reviews_the_case() -> None:
    dropped = walked(*RECORD, ev.SessionDropped(AGENT, "line dead"))
    again = walked(
        ev.Claimed("agent-2"),
        ev.SessionStarted("agent-2", Channel.VIDEO),
        ev.WordsExchanged("agent-2"),
        ev.SessionEnded("agent-2"),
        ev.Decided(verdict(by="agent-2"), drawn=True),
        case=dropped,
    )
    assert held_back(again, ev.ReviewClaimed(AGENT)) is TransitionRefused.SAME_PERSON
    assert held_back(again, ev.ReviewClaimed(REVIEWER)) is None


def test_a_reviewer_of_an_earlier_round_never_becomes_the_agent_nor_settles_the_case_as_a_lead() -> None:
    stopped = walked(
        *REVIEW,
        ev.ReviewClaimed(REVIEWER),
        ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.DECLINE)),
        ev.Reviewed(Review(REVIEWER, NOW, agrees=False, reasons=("document_doubtful",))),
    )
    assert stopped.state is S.HELD
    for who in (AGENT, REVIEWER):
        assert held_back(stopped, ev.HoldEnded(who, "looked")) is TransitionRefused.SAME_PERSON
        assert held_back(stopped, ev.HoldDeclined(who, ("fraud_signals",))) is TransitionRefused.SAME_PERSON
    queued = walked(ev.HoldEnded(LEAD, "another try"), case=stopped)
    assert held_back(queued, ev.Claimed(REVIEWER)) is TransitionRefused.SAME_PERSON
    assert held_back(queued, ev.Claimed(AGENT)) is None


def test_taking_a_case_and_giving_it_straight_back_is_no_part_in_it() -> None:
    case = walked(*TO[S.CLAIMED], ev.Returned(AGENT, "wrong language"), ev.Claimed("agent-2"))
    decided = walked(
        ev.SessionStarted("agent-2", Channel.VIDEO),
        ev.WordsExchanged("agent-2"),
        ev.DetailsRecorded("agent-2", {"name": "Ada"}),
        ev.SessionEnded("agent-2"),
        ev.Decided(verdict(by="agent-2"), drawn=True),
        case=case,
    )
    assert held_back(decided, ev.ReviewClaimed(AGENT)) is None


def test_only_the_holder_records_and_decides() -> None:
    case = standing(S.DECISION)
    for event in (
        ev.EvidenceRecorded("agent-2", evidence()),
        ev.DetailsRecorded("agent-2", {"name": "Eve"}),
        ev.Decided(verdict(by="agent-2")),
    ):
        assert held_back(case, event) is TransitionRefused.NOT_HOLDER


def test_a_review_is_held_by_one_person_at_a_time() -> None:
    case = walked(*REVIEW, ev.ReviewClaimed(REVIEWER))
    assert held_back(case, ev.ReviewClaimed("reviewer-2")) is TransitionRefused.TAKEN
    lapsed = walked(ev.LeaseLapsed(), case=case, now=NOW + TERMS.lease)
    assert (lapsed.state, lapsed.reviewer) == (S.REVIEW, None)
    assert held_back(lapsed, ev.ReviewClaimed("reviewer-2"), NOW + TERMS.lease) is None


def test_the_reviewer_gives_their_own_view_before_they_judge_the_verdict_and_only_once() -> None:
    case = walked(*REVIEW, ev.ReviewClaimed(REVIEWER))
    agree = ev.Reviewed(Review(REVIEWER, NOW, agrees=True))
    assert held_back(case, agree) is TransitionRefused.VIEW_FIRST
    viewed = walked(ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.APPROVE)), case=case)
    assert (
        held_back(viewed, ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.DECLINE)))
        is TransitionRefused.VIEW_GIVEN
    )
    assert walked(agree, case=viewed).state is S.APPROVED


@pytest.mark.parametrize(
    ("view", "agrees", "reasons", "expected"),
    [
        (Decision.APPROVE, True, (), None),
        (Decision.DECLINE, True, (), TransitionRefused.REASON_NEEDED),
        (Decision.DECLINE, True, ("convinced",), None),
        (Decision.APPROVE, False, (), TransitionRefused.REASON_NEEDED),
        (Decision.APPROVE, False, ("document_doubtful",), None),
    ],
)
def test_changing_ones_mind_and_disagreeing_need_a_reason(
    view: Decision, reasons: tuple[str, ...], expected: TransitionRefused | None, *, agrees: bool
) -> None:
    case = walked(
        *REVIEW, ev.ReviewClaimed(REVIEWER), ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, view))
    )
    assert held_back(case, ev.Reviewed(Review(REVIEWER, NOW, agrees, reasons))) is expected


@pytest.mark.parametrize(
    ("state", "who", "after"),
    [
        (S.QUEUED, AGENT, S.QUEUED),
        (S.CLAIMED, AGENT, S.QUEUED),
        (S.CLAIMED, "agent-2", S.CLAIMED),
        (S.IN_SESSION, AGENT, S.HELD),
        (S.DECISION, AGENT, S.HELD),
        (S.APPROVED, AGENT, S.HELD),
        (S.APPROVED, "agent-2", S.APPROVED),
    ],
)
def test_a_conflict_of_interest_removes_the_agent_and_holds_their_case(
    state: CaseState, who: str, after: CaseState
) -> None:
    case = walked(ev.InterestDeclared(who), case=standing(state))
    assert case.state is after
    if after is S.QUEUED:
        assert held_back(case, ev.Claimed(who)) is TransitionRefused.SAME_PERSON


def test_a_reviewer_who_knows_the_citizen_leaves_the_review_to_another() -> None:
    case = walked(*REVIEW, ev.ReviewClaimed(REVIEWER), ev.InterestDeclared(REVIEWER))
    assert (case.state, case.reviewer, case.lease) == (S.REVIEW, None, None)
    assert held_back(case, ev.ReviewClaimed(REVIEWER)) is TransitionRefused.SAME_PERSON
