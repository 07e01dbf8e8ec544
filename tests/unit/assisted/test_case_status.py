"""Case status for the citizen, and the order of the queue for staff."""

from dataclasses import replace
from pathlib import Path

import pytest

from broker.assisted import events as ev
from broker.assisted.case_records import Channel, Confirmation, Contact, ContactMethod, Decision, Phrase, Safety
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage, case_status, mask_contact
from broker.assisted.proofs import Needs
from broker.assisted.queue import in_turn, suits
from broker.model.evidence_file import FileSettings
from broker.model.staff import StaffMember, StaffRole
from tests.unit.assisted.cases import AGENT, LEAD, NOW, REVIEW, TERMS, TO, standing, verdict, walked
from tests.unit.assisted.cases import standing as case_in

S = CaseState


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        (S.REQUESTED, CaseStage.ASKED),
        (S.QUEUED, CaseStage.IN_LINE),
        (S.CLAIMED, CaseStage.TALKING),
        (S.IN_SESSION, CaseStage.TALKING),
        (S.DECISION, CaseStage.BEING_DECIDED),
        (S.REVIEW, CaseStage.BEING_DECIDED),
        (S.HELD, CaseStage.BEING_DECIDED),
        (S.APPROVED, CaseStage.TO_TAKE_UP),
        (S.BOUND, CaseStage.DONE),
        (S.DECLINED, CaseStage.OVER),
        (S.EXPIRED, CaseStage.OVER),
    ],
)
def test_each_state_has_a_plain_name_and_nothing_of_what_staff_think_shows(state: CaseState, stage: CaseStage) -> None:
    seen = case_status(case_in(state), TERMS, NOW, asking=True)
    assert seen.stage is stage
    for secret in ("documents_missing", "safeguarding", AGENT, LEAD, "approve", "decline"):
        assert secret not in repr(seen)


def test_every_state_has_a_stage() -> None:
    assert {case_status(case_in(state), TERMS, NOW, asking=True).stage for state in TO} >= set(CaseStage) - {
        CaseStage.MORE_NEEDED,
        CaseStage.STOPPED,
        *REPLACING,
        *SENDING,
    }


REPLACING = {CaseStage.REPLACING, CaseStage.FROZEN}
SENDING = {CaseStage.TO_SEND, CaseStage.SENT, CaseStage.MORE_TO_SEND}


def test_a_citizen_who_sends_everything_reads_of_no_meeting() -> None:
    sent = ev.Submitted(Contact(ContactMethod.EMAIL, "a@example.org"), Channel.SENT)
    steps: tuple[ev.Event, ...] = (
        sent,
        ev.ReadyForSession(everything_sent=True),
        ev.Claimed(AGENT),
        ev.SessionStarted(AGENT, Channel.SENT),
        ev.SessionEnded(AGENT),
        ev.Decided(verdict(Decision.MORE_EVIDENCE)),
    )
    stages = [case_status(walked(*steps[: n + 1]), TERMS, NOW, asking=True).stage for n in range(len(steps))]
    looked_at = [CaseStage.BEING_DECIDED] * 3
    assert stages == [CaseStage.TO_SEND, CaseStage.SENT, *looked_at, CaseStage.MORE_TO_SEND]


def test_files_are_sent_before_a_session_and_only_if_they_can_be_kept() -> None:
    keeping = replace(TERMS, files=FileSettings(folder=Path("evidence")))
    for state in TO:
        case = case_in(state)
        assert case_status(case, keeping, NOW, asking=True).may_send_files is (state in (S.REQUESTED, S.QUEUED))
        assert not case_status(case, TERMS, NOW, asking=True).may_send_files


def test_more_evidence_reads_differently_from_the_first_request() -> None:
    more = walked(*TO[S.DECISION], ev.Decided(verdict(Decision.MORE_EVIDENCE)))
    assert case_status(more, TERMS, NOW, asking=True).stage is CaseStage.MORE_NEEDED


@pytest.mark.parametrize("state", TO)
@pytest.mark.parametrize("asking", [True, False])
def test_the_words_show_in_the_asking_browser_until_the_case_is_approved(state: CaseState, *, asking: bool) -> None:
    case = case_in(state)
    shows = case_status(case, TERMS, NOW, asking=asking).words is not None
    assert shows == (asking and case.open and state is not S.APPROVED)


def test_after_approval_the_words_never_show_again_until_there_are_new_ones() -> None:
    held = walked(ev.AttemptsExhausted(), case=standing(S.APPROVED))
    flagged = walked(ev.Flagged(LEAD, "seen before"), case=standing(S.APPROVED))
    for case in (held, flagged):
        assert case_status(case, TERMS, NOW, asking=True).words is None
    new = Phrase("birch", "window")
    for again in (
        walked(ev.MeetingRequested(new, "mark-2"), case=standing(S.APPROVED)),
        walked(ev.HoldEnded(LEAD, "cleared", new), case=held),
    ):
        assert again.state is S.QUEUED
        assert case_status(again, TERMS, NOW, asking=True).words == new


def test_exhausted_attempts_have_a_stage_of_their_own_until_the_hold_ends() -> None:
    held = walked(ev.AttemptsExhausted(), case=standing(S.APPROVED))
    assert case_status(held, TERMS, NOW, asking=True).stage is CaseStage.STOPPED
    after = walked(ev.HoldEnded(LEAD, "cleared", Phrase("birch", "window")), case=held)
    assert case_status(after, TERMS, NOW, asking=True).stage is CaseStage.IN_LINE


def test_a_case_with_spent_tries_says_until_when_it_is_looked_at_and_then_gives_new_tries() -> None:
    held = walked(ev.AttemptsExhausted(), case=standing(S.APPROVED))
    assert case_status(held, TERMS, NOW, asking=True).looked_at == held.deadline
    again = walked(ev.HoldEnded(LEAD, "cleared", approved=True), case=held)
    status = case_status(again, TERMS, NOW, asking=True)
    assert (status.stage, status.looked_at, status.words) == (CaseStage.TO_TAKE_UP, None, None)


NOTHING_ENOUGH = Needs(code=False, words=False, call=False, call_and_words=False)
BY_CALL = Needs(code=False, words=False, call=False, call_and_words=True)


def test_a_call_is_offered_to_a_number_if_it_helps_and_the_form_comes_with_the_call() -> None:
    case = replace(standing(S.APPROVED), contact=Contact(ContactMethod.PHONE, "+447700900982"))
    seen = case_status(case, TERMS, NOW, asking=False, needed=BY_CALL)
    assert (seen.may_call, seen.may_finish) == (True, False)
    assert not case_status(case, TERMS, NOW, asking=False, needed=NOTHING_ENOUGH).may_call
    assert not case_status(standing(S.APPROVED), TERMS, NOW, asking=False, needed=BY_CALL).may_call
    unsafe = replace(case, safety=Safety(unsafe=True))
    assert not case_status(unsafe, TERMS, NOW, asking=False, needed=BY_CALL).may_call
    asked = walked(ev.CallBackRequested(NOW, NOW + 3600), case=case)
    seen = case_status(asked, TERMS, NOW, asking=False, needed=BY_CALL)
    assert (seen.may_call, seen.may_finish) == (False, False)
    calling = walked(ev.CallBackStarted("agent-2", "nonce", NOW + 900), case=asked)
    assert case_status(calling, TERMS, NOW, asking=False, needed=BY_CALL).may_finish


def test_a_browser_that_proves_too_little_is_offered_a_meeting_and_no_code() -> None:
    seen = case_status(standing(S.APPROVED), TERMS, NOW, asking=False, needed=NOTHING_ENOUGH)
    assert (seen.may_finish, seen.may_send, seen.may_meet) == (False, False, True)
    enough = replace(standing(S.APPROVED), meetings=TERMS.max_meetings)
    assert not case_status(enough, TERMS, NOW, asking=False, needed=NOTHING_ENOUGH).may_meet


def test_the_status_has_the_attempts_left_and_the_code_until_it_expires() -> None:
    sent = Confirmation("digest", ContactMethod.EMAIL, NOW, NOW + 60)
    case = walked(*TO[S.APPROVED], ev.CodeSent(sent))
    seen = case_status(case, TERMS, NOW + 59, asking=True, attempts=3)
    assert (seen.code, seen.may_send, seen.tries, seen.until) == (sent, True, 2, case.deadline)
    assert case_status(case, TERMS, NOW + 60, asking=True).code is None
    assert not case_status(replace(case, codes_sent=TERMS.max_codes), TERMS, NOW, asking=True).may_send


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        (Contact(ContactMethod.EMAIL, "ada@example.org"), "a…@example.org"),
        (Contact(ContactMethod.PHONE, "+447700900982"), "…982"),
    ],
)
def test_an_address_is_shown_so_that_only_its_owner_knows_it(contact: Contact, shown: str) -> None:
    assert mask_contact(contact).address == shown


# --- the queue ---


def staff(staff_id: str = "x", *roles: StaffRole, **more: object) -> StaffMember:
    """A member of staff."""
    return StaffMember(
        staff_id, f"sub-{staff_id}", "X", frozenset(roles or {StaffRole.AGENT, StaffRole.REVIEWER}), **more
    )


@pytest.mark.parametrize(
    ("member", "fits"),
    [
        (staff(), True),
        (staff("x", StaffRole.REVIEWER, StaffRole.LEAD), False),
        (staff(languages=("cy",)), False),
        (staff(languages=("cy", "en")), True),
        (staff(channels=("phone",)), False),
        (staff(channels=(Channel.VIDEO.value,)), True),
        (staff("helper"), False),
        (staff(in_training=True), True),
    ],
)
def test_a_waiting_case_goes_to_whom_it_suits(member: StaffMember, *, fits: bool) -> None:
    case = replace(case_in(S.QUEUED), requester="helper")
    assert suits(case, member) is fits


@pytest.mark.parametrize(
    ("member", "fits"),
    [(staff(), True), (staff("x", StaffRole.AGENT), False), (staff(in_training=True), False), (staff(AGENT), False)],
)
def test_a_review_goes_to_a_trained_reviewer_without_another_part_in_it(member: StaffMember, *, fits: bool) -> None:
    assert suits(walked(*REVIEW), member) is fits


def test_the_turn_is_late_reviews_then_deadline_then_wait() -> None:
    queued = case_in(S.QUEUED)
    late = replace(walked(*REVIEW), id="late", late=True)
    review = replace(walked(*REVIEW), id="review")
    urgent = replace(queued, id="urgent", deadline=NOW + 60)
    older = replace(queued, id="older", queued=NOW - 60)
    newer = replace(queued, id="newer", queued=NOW)
    held = case_in(S.HELD)
    turn = in_turn([newer, review, held, older, late, urgent], staff())
    assert [case.id for case in turn] == ["late", "urgent", "review", "older", "newer"]
