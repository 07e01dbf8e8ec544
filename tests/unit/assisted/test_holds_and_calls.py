"""Holds of a case with their reasons and their clock, and calls by which a citizen proves that they opened a case."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod, Decision, HoldReason, Phrase, Safety
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import due_event
from broker.assisted.transitions import TransitionRefused
from tests.unit.assisted.cases import (
    AGENT,
    LEAD,
    NOW,
    PONDER,
    REVIEWER,
    TERMS,
    binding,
    held_back,
    standing,
    verdict,
    walked,
)

S = CaseState
CALLER = "agent-2"


def spent() -> Case:
    """An approved case whose tries are used up."""
    return walked(ev.AttemptsExhausted(), case=standing(S.APPROVED))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (spent(), HoldReason.BINDING),
        (walked(ev.Held(LEAD, "incident"), case=standing(S.APPROVED)), HoldReason.INCIDENT),
        (walked(ev.Held(LEAD, "safeguarding"), case=standing(S.QUEUED)), HoldReason.SAFEGUARDING),
        (walked(ev.Held(LEAD, "fraud_signals"), case=standing(S.QUEUED)), HoldReason.FRAUD),
        (walked(ev.Held(LEAD, "doubt"), case=standing(S.QUEUED)), HoldReason.JUDGEMENT),
        (walked(ev.Flagged(AGENT, "coached"), case=standing(S.APPROVED)), HoldReason.SAFEGUARDING),
        (walked(ev.InterestDeclared(AGENT), case=standing(S.APPROVED)), HoldReason.JUDGEMENT),
        (walked(*PONDER, ev.Decided(verdict(Decision.REFER))), HoldReason.JUDGEMENT),
    ],
)
def test_every_hold_has_a_reason_and_a_time_by_which_a_lead_looks_at_it(case: Case, reason: HoldReason) -> None:
    hold = case.hold
    assert hold is not None
    assert (case.state, hold.reason, hold.at) == (S.HELD, reason, NOW)
    assert hold.until == case.deadline == TERMS.hours.after(NOW, TERMS.hold)


def test_a_late_hold_is_marked_and_nothing_else_happens_by_time() -> None:
    case = spent()
    assert case.hold is not None
    assert due_event(case, case.hold.until - 1) is None
    assert case.due == case.hold.until
    late = walked(ev.HoldLate(), case=case, now=case.hold.until)
    assert (late.state, late.late, late.verdict) == (S.HELD, True, case.verdict)
    assert due_event(late, case.hold.until) is None
    assert late.due == late.expires


@pytest.mark.parametrize("held", [spent(), walked(ev.Held(LEAD, "incident"), case=standing(S.APPROVED))])
def test_a_lead_gives_new_tries_to_an_approved_case(held: Case) -> None:
    held = replace(held, codes_sent=TERMS.max_codes, calls=TERMS.max_calls)
    now = NOW + 20 * 86400 - 1
    held = replace(held, expires=now + 60)
    again = walked(ev.HoldLate(), ev.HoldEnded(LEAD, "cleared", approved=True), case=held, now=now)
    assert (again.state, again.verdict, again.queue_round) == (S.APPROVED, held.verdict, held.queue_round)
    assert (again.bind_round, again.codes_sent, again.calls) == (1, 0, 0)
    assert (again.late, again.deadline) == (False, now + TERMS.bind)
    assert again.expires >= now + TERMS.bind
    assert again.approved_before
    assert walked(ev.Bound(binding()), case=again, now=now).state is S.BOUND


@pytest.mark.parametrize(
    "held",
    [
        walked(ev.Held(LEAD, "incident"), case=standing(S.QUEUED)),
        walked(ev.Held(LEAD, "fraud_signals"), case=standing(S.APPROVED)),
        walked(ev.Flagged(AGENT, "coached"), case=standing(S.APPROVED)),
        walked(*PONDER, ev.Decided(verdict(Decision.REFER))),
        walked(ev.Held(LEAD, "incident"), case=standing(S.REVIEW)),
        walked(ev.Flagged(AGENT, "coached"), case=spent(), now=NOW + 1),
    ],
)
def test_a_case_that_was_not_approved_or_is_in_doubt_gets_no_new_tries(held: Case) -> None:
    assert held_back(held, ev.HoldEnded(LEAD, "cleared", approved=True), NOW + 1) is TransitionRefused.NOT_NOW
    assert walked(ev.HoldEnded(LEAD, "cleared", Phrase("birch", "window")), case=held, now=NOW + 1).state is S.QUEUED


@pytest.mark.parametrize("who", [AGENT, "helper"])
def test_only_a_lead_without_another_part_in_the_case_gives_new_tries(who: str) -> None:
    held = replace(spent(), requester="helper")
    assert held_back(held, ev.HoldEnded(who, "cleared", approved=True)) is TransitionRefused.SAME_PERSON


# --- calls ---


def approved(**changes: object) -> Case:
    """An approved case whose citizen gave a telephone number."""
    reachable = replace(standing(S.APPROVED), contact=Contact(ContactMethod.PHONE, "+447700900982"))
    return replace(reachable, **changes)  # type: ignore[arg-type]


ASKED = ev.CallBackRequested(NOW, NOW + 3600)
STARTED = ev.CallBackStarted(CALLER, "nonce", NOW + 900)


def test_a_call_is_asked_for_and_made_and_its_code_counts_for_minutes() -> None:
    case = walked(ASKED, STARTED, case=approved())
    assert case.call is not None
    assert (case.call.by, case.call.until, case.call.expires) == (CALLER, NOW + 3600, NOW + 900)
    assert case.due == NOW + 900
    by_call = replace(binding(words=False), call_back=True)
    assert walked(ev.Bound(by_call), case=case).call is None
    over = walked(ev.CallBackLapsed(), case=case, now=NOW + 900)
    assert (over.state, over.call, over.calls) == (S.APPROVED, None, 1)
    assert held_back(over, ev.Bound(by_call), NOW + 900) is TransitionRefused.NOT_PROVEN


def test_a_call_that_was_only_asked_for_proves_nothing() -> None:
    by_call = replace(binding(words=False), call_back=True)
    assert held_back(approved(), ev.Bound(by_call)) is TransitionRefused.NOT_PROVEN
    assert held_back(walked(ASKED, case=approved()), ev.Bound(by_call)) is TransitionRefused.NOT_PROVEN


def test_the_case_waits_for_the_call_that_it_promised() -> None:
    case = approved()
    late = ev.CallBackRequested(NOW, NOW + 3 * 86400)
    assert case.deadline is not None
    assert case.deadline < late.until
    after = walked(late, case=case)
    assert after.deadline == late.until
    assert after.expires >= late.until


@pytest.mark.parametrize(
    "case",
    [
        standing(S.APPROVED),
        approved(safety=Safety(unsafe=True)),
        approved(contact=None),
    ],
)
def test_without_a_number_that_is_safe_to_call_there_is_no_call(case: Case) -> None:
    assert held_back(case, ASKED) is TransitionRefused.NO_NUMBER


def test_calls_are_limited_one_at_a_time_and_taken_once() -> None:
    assert held_back(approved(calls=TERMS.max_calls), ASKED) is TransitionRefused.ENOUGH_CALLS
    assert held_back(approved(), STARTED) is TransitionRefused.NOT_NOW
    case = walked(ASKED, case=approved())
    assert held_back(case, ASKED) is TransitionRefused.NOT_NOW
    case = walked(STARTED, case=case)
    assert held_back(case, replace(STARTED, by="agent-3")) is TransitionRefused.TAKEN


def test_the_reviewer_never_makes_the_call() -> None:
    reviewed = walked(
        ev.ReviewClaimed(REVIEWER),
        case=standing(S.REVIEW),
    )
    case = walked(ASKED, case=replace(approved(), history=reviewed.history, reviewer=REVIEWER))
    assert walked(STARTED, case=case).call is not None
    asked = replace(case, requester=CALLER)
    assert held_back(asked, STARTED) is TransitionRefused.SAME_PERSON


def test_only_the_agent_who_calls_says_that_the_citizen_was_not_reached() -> None:
    case = walked(ASKED, STARTED, case=approved())
    assert held_back(case, ev.CallBackMissed(AGENT, "no_answer")) is TransitionRefused.NOT_HOLDER
    after = walked(ev.CallBackMissed(CALLER, "no_answer"), case=case)
    assert (after.call, after.calls, after.history[-1].reason) == (None, 1, "no_answer")


@pytest.mark.parametrize(
    "event",
    [
        ev.AttemptsExhausted(),
        ev.Held(LEAD, "doubt"),
        ev.MeetingRequested(Phrase("birch", "window"), "mark"),
        ev.Withdrawn(),
        ev.Flagged(AGENT, "coached"),
    ],
)
def test_a_call_ends_when_the_case_leaves_the_approved_state(event: ev.Event) -> None:
    assert walked(event, case=walked(ASKED, STARTED, case=approved())).call is None


def test_a_browser_in_which_a_call_proved_the_citizen_is_the_asking_one_from_then_on() -> None:
    case = walked(ASKED, STARTED, case=approved(moved=True, asker="mark-1"))
    by_call = replace(binding(), call_back=True, asking_browser=False)
    bound = walked(ev.Bound(by_call, "mark-2"), case=case)
    assert (bound.asker, bound.moved) == ("mark-2", False)
