"""Attempts to reach the citizen, the notice that a request closes, and keeping it open: pure clocks and effects."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Role
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage, case_status
from broker.assisted.contact_log import OUTCOMES, ContactAttempt, ContactChannel, ContactOutcome
from broker.assisted.deadlines import due_event
from broker.assisted.notices import address_notices, outdated_notices
from broker.assisted.opening import DAY
from broker.assisted.transitions import TransitionRefused, advance, refusal
from broker.model.notification import WARNINGS, NotificationKind
from tests.unit.assisted.cases import AGENT, NOW, SUBMIT, TERMS, appointment, standing, walked

S, Came = CaseState, ContactOutcome
SECOND = Contact(ContactMethod.PHONE, "+447700900982")
METHODS = frozenset({"email", "phone"})


def attempt(
    outcome: ContactOutcome = Came.NO_ANSWER, again: float | None = None, channel: ContactChannel = ContactChannel.CALL
) -> ev.ContactTried:
    """An attempt of the agent."""
    return ev.ContactTried(ContactAttempt(AGENT, NOW, channel, outcome, again))


def missed(times: int, second: Contact | None = SECOND) -> Case:
    """A case whose citizen was missed so often, the last time by a call."""
    case = replace(standing(S.REQUESTED), second_contact=second)
    for _ in range(times):
        case = walked(ev.ReadyForSession(), ev.Claimed(AGENT), attempt(), case=case)
    return case


@pytest.mark.parametrize("channel", ContactChannel)
@pytest.mark.parametrize("outcome", ContactOutcome)
def test_an_attempt_has_an_outcome_of_its_channel_and_an_audit_row(
    channel: ContactChannel, outcome: ContactOutcome
) -> None:
    claimed = standing(S.CLAIMED)
    after = advance(claimed, attempt(outcome, channel=channel), NOW, TERMS)
    assert (after is not claimed) == (outcome in OUTCOMES[channel])
    if after is not claimed:
        row = after.history[-1]
        assert (row.event, row.who, row.role, row.reason) == (
            "contact_tried",
            AGENT,
            Role.AGENT,
            f"{channel} {outcome}",
        )
        assert after.contacts[-1].outcome is outcome
        assert (after.state is S.REQUESTED) == (outcome in (Came.NO_ANSWER, Came.WRONG_NUMBER))


def test_with_a_next_attempt_the_case_stays_with_its_agent() -> None:
    case = walked(attempt(again=NOW + 600), case=standing(S.CLAIMED))
    assert (case.state, case.agent, case.missed, case.lease) == (S.CLAIMED, AGENT, 1, NOW + TERMS.lease)
    case = walked(attempt(again=NOW + 900), attempt(again=NOW + 1200), case=case)
    assert case.state is S.REQUESTED, "after too many the request closes whatever the agent plans"
    assert case.closing == NOW + TERMS.closing


@pytest.mark.parametrize("again", [NOW - 1, NOW, NOW + 365 * DAY])
def test_the_next_attempt_lies_ahead_and_before_the_end_of_the_case(again: float) -> None:
    assert refusal(standing(S.CLAIMED), attempt(again=again), NOW, TERMS) is TransitionRefused.NO_SUCH_TIME


def test_only_the_holder_records_and_only_before_the_session_is_the_citizen_missed() -> None:
    other = ev.ContactTried(replace(attempt().attempt, by="agent-2"))
    assert refusal(standing(S.CLAIMED), other, NOW, TERMS) is TransitionRefused.NOT_HOLDER
    assert refusal(standing(S.IN_SESSION), attempt(), NOW, TERMS) is TransitionRefused.NOT_NOW
    letter = attempt(Came.SENT, channel=ContactChannel.LETTER)
    assert refusal(standing(S.IN_SESSION), letter, NOW, TERMS) is None


def test_what_was_sent_is_not_closed_since_a_call_failed() -> None:
    sent = replace(standing(S.CLAIMED), channel=Channel.SENT)
    after = walked(attempt(), attempt(), attempt(), attempt(), case=sent)
    assert (after.state, after.missed, len(after.contacts)) == (S.CLAIMED, 0, 4)


def test_speaking_and_a_session_begin_the_count_anew() -> None:
    spoke = walked(attempt(again=NOW + 600), attempt(Came.SPOKE), case=standing(S.CLAIMED))
    met = walked(attempt(again=NOW + 600), ev.SessionStarted(AGENT, Channel.VIDEO), case=standing(S.CLAIMED))
    assert spoke.missed == met.missed == 0


def test_missed_calls_and_missed_appointments_count_together() -> None:
    case = walked(*SUBMIT, ev.ReadyForSession(), ev.Claimed(AGENT), attempt(), ev.ReadyForSession())
    late = appointment(NOW + 10)
    case = replace(case, appointment=late)
    case = advance(case, ev.NoShow(AGENT), NOW + 11, TERMS)
    assert (case.state, case.missed, case.closing) == (S.REQUESTED, 2, None)
    case = walked(ev.ReadyForSession(), ev.Claimed(AGENT), attempt(), case=case, now=NOW + 20)
    assert (case.missed, case.closing) == (3, NOW + 20 + TERMS.closing)


def test_the_third_time_brings_a_closing_notice_to_both_addresses_and_a_deadline_on_the_page() -> None:
    before, after = missed(2), missed(3)
    assert before.closing is None
    assert after.closing == after.deadline == NOW + TERMS.closing
    told = address_notices(walked(ev.ReadyForSession(), ev.Claimed(AGENT), case=before), after, METHODS)
    assert [(one.kind, one.to.way, dict(one.fields), one.expires) for one in told] == [
        (NotificationKind.CLOSING, way, {"ends": after.closing}, after.closing) for way in ("email", "phone")
    ]
    status = case_status(after, TERMS, NOW, asking=True)
    assert (status.stage, status.closing, status.missed) == (CaseStage.ASKED, after.closing, 3)
    assert due_event(after, after.closing - 1) is None
    assert due_event(after, after.closing) == ev.DeadlinePassed()


def test_one_press_keeps_the_request_open_with_its_whole_time_and_a_new_count() -> None:
    closing = missed(3)
    kept = walked(ev.KeptOpen(), case=closing)
    assert (kept.state, kept.missed, kept.closing) == (S.REQUESTED, 0, None)
    assert kept.deadline == NOW + TERMS.requested
    assert kept.history[-1].event == "kept_open"
    assert outdated_notices(closing, kept) >= {NotificationKind.CLOSING}
    assert refusal(kept, ev.KeptOpen(), NOW, TERMS) is TransitionRefused.NOT_NOW
    assert missed(0).closing is None


@pytest.mark.parametrize(
    "event", [ev.ReadyForSession(), ev.Scheduled(appointment()), ev.SlotMoved(AGENT, appointment()), ev.WalkedIn(AGENT)]
)
def test_whatever_brings_citizen_and_staff_together_keeps_it_open_too(event: ev.Event) -> None:
    after = walked(event, case=missed(3))
    assert (after.closing, after.missed) == (None, 0)


def test_after_the_deadline_it_closes_with_a_notice_to_both_addresses_and_nothing_else_is_sent() -> None:
    closing = missed(3)
    at = closing.deadline or 0.0
    over = advance(closing, ev.DeadlinePassed(), at, TERMS)
    assert (over.state, over.erased, over.contact) == (S.EXPIRED, True, None)
    told = address_notices(closing, over, METHODS)
    assert [(one.kind, one.to) for one in told] == [
        (NotificationKind.CLOSED, closing.contact),
        (NotificationKind.CLOSED, SECOND),
    ]
    assert outdated_notices(closing, over) == frozenset(NotificationKind) - WARNINGS


def test_a_request_never_closes_later_than_its_case() -> None:
    case = replace(standing(S.CLAIMED), missed=2, expires=NOW + 600)
    assert walked(attempt(), case=case).closing == NOW + 600


def test_a_removed_second_address_and_the_first_one_are_told() -> None:
    case = missed(0)
    after = walked(ev.SecondRemoved(), case=case)
    assert after.second_contact is None
    told = address_notices(case, after, METHODS)
    assert [(one.kind, one.to, dict(one.fields)) for one in told] == [
        (NotificationKind.ADDRESS_REMOVED, to, {"address": "…982"}) for to in (case.contact, SECOND)
    ]
    assert refusal(after, ev.SecondRemoved(), NOW, TERMS) is TransitionRefused.NOT_NOW
    assert address_notices(case, walked(ev.Withdrawn(), case=case), METHODS) == ()
    unsafe = replace(case, safety=replace(case.safety, unsafe=True))
    assert address_notices(unsafe, walked(ev.SecondRemoved(), case=unsafe), METHODS) == ()


def test_a_second_address_that_no_notice_reaches_gets_none() -> None:
    case = missed(0)
    told = address_notices(case, walked(ev.SecondRemoved(), case=case), frozenset({"email"}))
    assert [one.to for one in told] == [case.contact]
