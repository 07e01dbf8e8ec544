"""Deadlines of a case: each passes at its second, not before."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted import events as ev
from broker.assisted.case_records import Channel, Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import HOUR, CasePolicy, due_event
from broker.assisted.opening import DAY, BusinessHours
from broker.assisted.transitions import TransitionRefused, advance, refusal
from tests.unit.assisted.cases import (
    AGENT,
    LEAD,
    NOW,
    PONDER,
    REVIEW,
    TERMS,
    binding,
    standing,
    verdict,
    walked,
)

S = CaseState


@pytest.mark.parametrize(
    ("state", "after", "event", "leads_to"),
    [
        (S.DRAFT, 24 * HOUR, ev.DeadlinePassed(), S.EXPIRED),
        (S.REQUESTED, 14 * DAY, ev.DeadlinePassed(), S.EXPIRED),
        (S.QUEUED, 14 * DAY, ev.DeadlinePassed(), S.EXPIRED),
        (S.CLAIMED, 30 * 60, ev.LeaseLapsed(), S.QUEUED),
        (S.IN_SESSION, 30 * 60, ev.LeaseLapsed(), S.QUEUED),
        (S.DECISION, 30 * 60, ev.LeaseLapsed(), S.QUEUED),
        (S.REVIEW, 5 * HOUR, ev.ReviewLate(), S.REVIEW),
        (S.HELD, 9 * HOUR, ev.HoldLate(), S.HELD),
        (S.APPROVED, 48 * HOUR, ev.DeadlinePassed(), S.EXPIRED),
        (S.BOUND, 24 * HOUR, ev.DeadlinePassed(), S.EXPIRED),
        (S.DECLINED, 30 * DAY, ev.RedressEnded(), S.DECLINED),
    ],
)
def test_each_deadline_takes_effect_on_its_second(
    state: CaseState, after: float, event: ev.ByClock, leads_to: CaseState
) -> None:
    case = standing(state)
    assert case.due == NOW + after
    assert due_event(case, NOW + after - 0.001) is None
    assert advance(case, event, NOW + after - 0.001, TERMS) is case
    assert due_event(case, NOW + after) == event
    assert walked(event, case=case, now=NOW + after).state is leads_to


@pytest.mark.parametrize("state", [S.RELEASED, S.WITHDRAWN, S.EXPIRED, S.REVOKED])
def test_an_ended_case_has_no_deadline(state: CaseState) -> None:
    case = standing(state)
    assert case.due is None
    assert due_event(case, NOW + 1000 * DAY) is None


def test_a_code_that_travels_by_post_gives_seven_days_to_bind_beyond_the_end_of_the_case() -> None:
    asked = ev.Submitted(Contact(ContactMethod.PHONE, "+441632960001"), Channel.PHONE_AND_POST)
    case = walked(asked, ev.ReadyForSession())
    late = NOW + 13 * DAY
    for event in (
        ev.Claimed(AGENT),
        ev.SessionStarted(AGENT, Channel.PHONE_AND_POST),
        ev.WordsExchanged(AGENT),
        ev.DetailsRecorded(AGENT, {"name": "Ada"}),
        ev.SessionEnded(AGENT),
        ev.Decided(verdict()),
    ):
        case = walked(event, case=case, now=late)
    assert case.due == case.deadline == late + 7 * DAY
    assert due_event(case, NOW + 17 * DAY) is None


def test_an_overdue_case_rejects_other_events_before_its_expiry() -> None:
    case = standing(S.APPROVED)
    late = NOW + 2 * DAY
    assert refusal(case, ev.Bound(binding()), late, TERMS) is TransitionRefused.TIME_RAN_OUT
    assert refusal(case, ev.Held(LEAD, "doubt"), late, TERMS) is TransitionRefused.TIME_RAN_OUT
    assert refusal(case, ev.DeadlinePassed(), late, TERMS) is None


def test_going_back_to_the_queue_wins_no_time() -> None:
    case = standing(S.QUEUED)
    again = walked(ev.Claimed(AGENT), ev.Returned(AGENT, "break"), case=case, now=NOW + DAY)
    assert (again.deadline, again.queued) == (case.deadline, case.queued)


def test_a_late_review_is_recorded_once_and_stays_in_review() -> None:
    late = NOW + 5 * HOUR
    case = walked(ev.ReviewLate(), case=walked(*REVIEW), now=late)
    assert (case.state, case.late) == (S.REVIEW, True)
    assert due_event(case, late) is None
    assert case.due == case.expires


def test_a_lead_gives_a_stopped_case_the_time_that_is_left() -> None:
    stopped = walked(*PONDER, ev.Held(LEAD, "doubt"))
    again = walked(ev.HoldLate(), ev.HoldEnded(LEAD, "cleared"), case=stopped, now=NOW + 15 * DAY)
    assert again.due == again.expires == NOW + 16 * DAY


FRIDAY = datetime(2027, 1, 15, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("start", "work", "end"),
    [
        ("2027-01-15 10:00", 4, "2027-01-15 14:00"),
        ("2027-01-15 08:00", 4, "2027-01-15 13:00"),
        ("2027-01-15 13:00", 4, "2027-01-15 17:00"),
        ("2027-01-15 15:00", 4, "2027-01-18 11:00"),
        ("2027-01-16 12:00", 4, "2027-01-18 13:00"),
        ("2027-01-15 09:00", 40, "2027-01-21 17:00"),
    ],
)
def test_working_hours_pass_only_when_people_work(start: str, work: int, end: str) -> None:
    begins, ends = (datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (start, end))
    assert BusinessHours().after(begins, work * HOUR) == ends


def test_working_hours_follow_the_clock_of_their_place() -> None:
    summer = datetime(2027, 7, 15, 8, 30, tzinfo=UTC).timestamp()
    assert BusinessHours(time_zone="Europe/London").after(summer, HOUR) == summer + HOUR
    assert BusinessHours().after(summer, HOUR) == summer + 1.5 * HOUR


@given(st.floats(FRIDAY, FRIDAY + 30 * DAY), st.integers(0, 20 * HOUR), st.integers(0, 20 * HOUR))
def test_more_work_never_ends_earlier_and_never_takes_less_time_than_itself(start: float, one: int, more: int) -> None:
    hours = BusinessHours()
    first, second = hours.after(start, one), hours.after(start, one + more)
    assert start + one <= first <= second


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"days": ()}, "working days are one or more"),
        ({"days": ("someday",)}, "working days are one or more"),
        ({"opens": "17:00"}, "must open before they close"),
        ({"time_zone": "Atlantis/Capital"}, "unknown time zone"),
        ({"closes": "x"}, "'x'"),
    ],
)
def test_empty_business_hours_are_rejected(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BusinessHours(**wrong).after(FRIDAY, HOUR)


@given(st.sampled_from(CaseState), st.floats(0, 200 * DAY))
def test_a_case_is_due_if_and_only_if_a_deadline_has_passed(state: CaseState, passed: float) -> None:
    case = standing(state)
    assert (case.due is not None and NOW + passed >= case.due) == (due_event(case, NOW + passed) is not None)


@given(st.sampled_from(CaseState), st.floats(0, 200 * DAY))
def test_applying_the_deadlines_of_a_case_terminates(state: CaseState, passed: float) -> None:
    case, now, spoken = standing(state), NOW + passed, 0
    while (event := due_event(case, now)) is not None:
        case, spoken = walked(event, case=case, now=now), spoken + 1
        assert spoken < 5


def test_the_terms_may_be_changed_without_shortening_what_was_promised() -> None:
    case = standing(S.APPROVED)
    shorter = CasePolicy(bind=60)
    assert advance(case, ev.Bound(binding()), NOW + DAY, shorter).state is S.BOUND
