"""State table of a case: the target of each event, decisions, binding, and what is erased."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    Confirmation,
    Contact,
    ContactMethod,
    Decision,
    Phrase,
    Role,
)
from broker.assisted.case_states import OPEN, CaseState
from broker.assisted.deadlines import files_until
from broker.assisted.refusals import CODE_INTERVAL
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import EVENTS, RULES, TABLE, TransitionRefused, advance, name
from broker.model.assurance import EvidenceType, Level
from tests.unit.assisted.cases import (
    AGENT,
    LEAD,
    MEET,
    NOW,
    PONDER,
    RECORD,
    TERMS,
    binding,
    draft,
    evidence,
    examples,
    held_back,
    standing,
    verdict,
    walked,
)

S = CaseState


@pytest.mark.parametrize("state", CaseState)
def test_every_state_can_be_reached_and_every_other_event_changes_nothing(state: CaseState) -> None:
    case = standing(state)
    assert case.state is state
    assert {type(event) for event in examples(case)} == set(EVENTS)
    for event in examples(case):
        after = advance(case, event, NOW, TERMS)
        if (state, type(event)) not in TABLE:
            assert after is case, name(event)
        elif after is not case:
            assert after.version == case.version + 1
            assert after.state in {target or state for target in TABLE[state, type(event)].targets}


def test_an_identity_is_never_bound_below_the_level_of_the_service() -> None:
    case = standing(S.APPROVED)
    assert held_back(case, ev.Bound(binding(level=Level.LOW))) is TransitionRefused.BELOW_NEED
    assert walked(ev.Bound(binding(level=Level.HIGH)), case=case).state is S.BOUND
    assert walked(ev.Bound(binding(level=Level.LOW)), case=standing(S.APPROVED, draft(Level.LOW))).state is S.BOUND


def test_another_meeting_keeps_the_evidence_and_begins_with_new_words_and_a_new_check_of_the_person() -> None:
    case = standing(S.APPROVED)
    moved = walked(ev.Resumed("browser-2", "digest-of-a-code", "digest-2"), case=case)
    again = walked(ev.MeetingRequested(Phrase("birch", "window"), "mark-2", ("valid",)), case=moved)
    assert (again.state, again.queue_round, again.meetings) == (S.QUEUED, case.queue_round + 1, 1)
    assert (again.moved, again.asker, again.phrase) == (False, "mark-2", Phrase("birch", "window"))
    assert (again.phrase_verified, again.verdict, again.queued) == (False, None, case.queued)
    assert again.deadline == again.expires
    assert [(one.id, one.details) for one in again.evidence] == [(one.id, one.details) for one in case.evidence]
    assert [check.check for one in again.evidence for check in one.checks] == []
    assert again.details == case.details


def test_meetings_after_approval_are_limited() -> None:
    case = replace(standing(S.APPROVED), meetings=TERMS.max_meetings)
    assert held_back(case, ev.MeetingRequested(Phrase("birch", "window"), "m")) is TransitionRefused.ENOUGH_MEETINGS


@pytest.mark.parametrize("asking", [True, False])
def test_a_continued_case_is_in_the_asking_browser_if_that_is_recognized(*, asking: bool) -> None:
    case = walked(ev.Resumed("browser-2", "digest-of-a-code", "digest-2", asking), case=standing(S.APPROVED))
    assert case.moved is not asking


def test_no_two_rules_of_the_table_are_equal() -> None:
    pairs = [(source, line.event) for line in RULES for source in line.sources]
    assert len(pairs) == len(set(pairs)) == len(TABLE)


def test_each_history_entry_names_actor_event_and_role() -> None:
    moves = [(move.event, move.who, move.role, move.target) for move in standing(S.BOUND).history]
    assert moves[0] == ("submitted", "citizen", Role.CITIZEN, S.REQUESTED)
    assert ("session_started", AGENT, Role.AGENT, S.IN_SESSION) in moves
    assert moves[-1] == ("bound", "citizen", Role.CITIZEN, S.BOUND)


def test_renewing_a_lease_leaves_no_line_in_the_history() -> None:
    case = standing(S.CLAIMED)
    after = walked(ev.Renewed(AGENT), case=case, now=NOW + 60)
    assert after.history == case.history
    assert after.lease == NOW + 60 + TERMS.lease


def corrected() -> Case:
    """A case in which the name was put right."""
    return walked(*RECORD, ev.DetailsRecorded(AGENT, {"name": "Ada Sample", "birthdate": "1990-01-02"}))


@pytest.mark.parametrize(
    ("case", "decided", "reason"),
    [
        (walked(*RECORD), ev.Decided(verdict(level=Level.HIGH)), SecondReviewReason.HIGH_LEVEL),
        (
            walked(*RECORD, ev.EvidenceRecorded(AGENT, evidence(evidence_type=EvidenceType.VOUCH, evidence_id="e2"))),
            ev.Decided(verdict()),
            SecondReviewReason.VOUCH,
        ),
        (
            walked(*RECORD, ev.EvidenceRecorded(AGENT, evidence(CheckOutcome.COULD_NOT, evidence_id="e2"))),
            ev.Decided(verdict()),
            SecondReviewReason.CHECK_NOT_DONE,
        ),
        (
            walked(
                *RECORD, ev.EvidenceRecorded(AGENT, evidence(CheckOutcome.NO)), ev.EvidenceRecorded(AGENT, evidence())
            ),
            ev.Decided(verdict()),
            SecondReviewReason.CHECK_NOT_DONE,
        ),
        (
            walked(
                *RECORD, ev.ChecksRecorded(AGENT, (CheckRecord("alive", CheckOutcome.COULD_NOT, AGENT, NOW, "down"),))
            ),
            ev.Decided(verdict()),
            SecondReviewReason.CHECK_NOT_DONE,
        ),
        (corrected(), ev.Decided(verdict()), SecondReviewReason.CORRECTED),
        (walked(*RECORD, ev.Flagged("agent-2", "seen before")), ev.Decided(verdict()), SecondReviewReason.FLAGGED),
        (walked(*RECORD), ev.Decided(replace(verdict(), in_training=True)), SecondReviewReason.IN_TRAINING),
        (walked(*RECORD), ev.Decided(verdict(), alike=2), SecondReviewReason.SEEN_BEFORE),
        (walked(*RECORD), ev.Decided(verdict(), drawn=True), SecondReviewReason.DRAWN),
    ],
    ids=lambda value: value.value if isinstance(value, SecondReviewReason) else "",
)
def test_an_approval_needs_a_second_person_where_it_matters(
    case: Case, decided: ev.Decided, reason: SecondReviewReason
) -> None:
    after = walked(ev.SessionEnded(AGENT), decided, case=case)
    assert after.state is S.REVIEW
    assert after.second_review_reasons == (reason,)


def test_a_plain_approval_needs_one_person_and_grants_nothing_yet() -> None:
    case = walked(*PONDER, ev.Decided(verdict(), alike=1))
    assert (case.state, case.second_review_reasons, case.binding) == (S.APPROVED, (), None)


def test_nothing_below_the_level_that_was_asked_for_is_approved() -> None:
    case = standing(S.DECISION)
    assert held_back(case, ev.Decided(verdict(level=Level.LOW))) is TransitionRefused.NO_LEVEL
    assert held_back(case, ev.Decided(verdict(level=None))) is TransitionRefused.NO_LEVEL


def test_approval_requires_that_the_mutual_phrase_was_exchanged() -> None:
    case = walked(*MEET, ev.DetailsRecorded(AGENT, {"name": "Ada"}), ev.SessionEnded(AGENT))
    assert held_back(case, ev.Decided(verdict())) is TransitionRefused.WORDS_FIRST


def test_the_mutual_phrase_is_exchanged_again_in_every_session() -> None:
    assert not walked(*RECORD, ev.SessionDropped(AGENT, "line dead")).phrase_verified


def test_only_opening_and_flagging_leave_the_edit_version_unchanged() -> None:
    case = standing(S.IN_SESSION)
    for quiet in (ev.Opened(LEAD, "asked"), ev.Flagged(LEAD, "coached"), ev.Renewed(AGENT), ev.Noted(AGENT, "calm")):
        after = walked(quiet, case=case)
        assert (after.edit_version, after.version) == (case.edit_version, case.version + 1)
    for loud in (ev.EvidenceRecorded(AGENT, evidence()), ev.SessionDropped(AGENT, "x"), ev.Withdrawn()):
        assert walked(loud, case=case).edit_version == case.edit_version + 1


def test_approval_requires_recorded_details() -> None:
    case = walked(*MEET, ev.SessionEnded(AGENT))
    assert held_back(case, ev.Decided(verdict())) is TransitionRefused.NO_DETAILS


@pytest.mark.parametrize("decision", [Decision.DECLINE, Decision.MORE_EVIDENCE, Decision.REFER])
def test_every_decision_but_approval_needs_a_reason(decision: Decision) -> None:
    without = replace(verdict(decision), reasons=())
    assert held_back(standing(S.DECISION), ev.Decided(without)) is TransitionRefused.REASON_NEEDED


def test_more_evidence_is_asked_for_twice_at_most_and_gives_new_time() -> None:
    case, now = standing(S.DECISION), NOW
    for _ in range(2):
        now += 600
        case = walked(ev.Decided(verdict(Decision.MORE_EVIDENCE)), case=case, now=now)
        assert (case.state, case.agent, case.deadline) == (S.REQUESTED, None, now + TERMS.requested)
        case = walked(
            ev.ReadyForSession(), ev.Claimed(AGENT), ev.SessionStarted(AGENT, Channel.VIDEO), case=case, now=now
        )
        case = walked(ev.SessionEnded(AGENT), case=case, now=now)
    assert held_back(case, ev.Decided(verdict(Decision.MORE_EVIDENCE)), now) is TransitionRefused.ENOUGH_ASKED


def test_a_flag_stops_an_approval_that_was_not_bound_yet() -> None:
    assert walked(ev.Flagged("agent-2", "seen again"), case=standing(S.APPROVED)).state is S.HELD


@pytest.mark.parametrize(
    ("code", "words", "expected"), [(True, False, None), (False, True, None), (False, False, True)]
)
def test_an_identity_is_bound_only_with_code_or_words(*, code: bool, words: bool, expected: bool | None) -> None:
    why = held_back(standing(S.APPROVED), ev.Bound(binding(code=code, words=words)))
    assert why is (TransitionRefused.NOT_PROVEN if expected else None)


def test_a_continuation_code_is_good_once_and_for_the_next_code_only() -> None:
    case = standing(S.QUEUED)
    assert held_back(case, ev.Resumed("browser-2", "another-digest", "next")) is TransitionRefused.NOT_PROVEN
    after = walked(ev.Resumed("browser-2", "digest-of-a-code", "next"), case=case)
    assert (after.browser, after.moved, after.continuation) == ("browser-2", True, "next")
    assert held_back(after, ev.Resumed("browser-3", "digest-of-a-code", "third")) is TransitionRefused.NOT_PROVEN


def test_no_state_but_approved_can_be_bound() -> None:
    assert {state for state, event in TABLE if event is ev.Bound} == {S.APPROVED}


def test_at_most_five_codes_go_out_for_one_approval() -> None:
    case = standing(S.APPROVED)
    for number in range(TERMS.max_codes):
        case = walked(sent(NOW + CODE_INTERVAL * number), case=case)
    assert held_back(case, sent(NOW + CODE_INTERVAL * TERMS.max_codes)) is TransitionRefused.ENOUGH_CODES


def test_pressing_twice_sends_one_code() -> None:
    case = walked(sent(NOW), case=standing(S.APPROVED))
    assert held_back(case, sent(NOW + CODE_INTERVAL - 1)) is TransitionRefused.JUST_SENT
    assert held_back(case, sent(NOW + CODE_INTERVAL)) is None


def sent(at: float) -> ev.CodeSent:
    """A code goes out."""
    return ev.CodeSent(Confirmation("digest", ContactMethod.EMAIL, at, at + 60))


def test_an_identity_answers_once_and_leaves_no_personal_data() -> None:
    case = standing(S.RELEASED)
    assert case.erased
    assert not case.details.claims
    assert case.contact is None
    assert held_back(case, ev.Released()) is TransitionRefused.NOT_NOW


@pytest.mark.parametrize("last", [ev.Withdrawn("done"), ev.DeadlinePassed()], ids=name)
def test_personal_data_goes_when_a_case_ends(last: ev.Event) -> None:
    contact = ev.Submitted(Contact(ContactMethod.PHONE, "+441632960001"), Channel.PHONE, marks=("mark-1",))
    full = walked(contact, *PONDER[1:], ev.Noted(AGENT, "calm and sure"))
    end = walked(last, case=full, now=NOW + TERMS.max_duration if isinstance(last, ev.DeadlinePassed) else NOW)
    assert end.erased
    for text in ("Ada Example", "+441632960001", "calm and sure", "amber", "123"):
        assert text in repr(full)
        assert text not in repr(end)
    assert end.fingerprints == ("mark-1",)
    assert end.history[:-1] == full.history
    assert end.evidence[0].checks[0].outcome is CheckOutcome.YES


def test_a_declined_case_keeps_its_data_for_redress_and_then_loses_it() -> None:
    case = standing(S.DECLINED)
    assert held_back(case, ev.RedressEnded()) is TransitionRefused.NOT_NOW
    assert case.details.claims
    after = walked(ev.RedressEnded(), case=case, now=NOW + TERMS.redress)
    assert (after.state, after.erased, dict(after.details.claims), after.due) == (S.DECLINED, True, {}, None)


def test_open_states_are_those_that_may_be_withdrawn() -> None:
    assert {state for state, event in TABLE if event is ev.Withdrawn} == OPEN


SENT: tuple[ev.Event, ...] = (ev.Submitted(Contact(ContactMethod.EMAIL, "a@example.org"), Channel.SENT),)
LOOKING: tuple[ev.Event, ...] = (
    *SENT,
    ev.ReadyForSession(everything_sent=True),
    ev.Claimed(AGENT),
    ev.SessionStarted(AGENT, Channel.SENT),
)


def test_what_is_sent_is_looked_at_once_everything_is_there() -> None:
    waiting = walked(*SENT)
    assert held_back(waiting, ev.ReadyForSession()) is TransitionRefused.NOT_NOW
    assert held_back(waiting, ev.ReadyForSession(everything_sent=True)) is None


def test_prompts_stand_in_for_the_words_only_where_the_citizen_sent_a_video() -> None:
    looking = walked(*LOOKING)
    assert held_back(looking, ev.WordsExchanged(AGENT)) is TransitionRefused.NOT_NOW
    details = ev.DetailsRecorded(AGENT, {"name": "Ada Example"})
    decided = ev.Decided(verdict())
    unproven = walked(details, ev.SessionEnded(AGENT), case=looking)
    assert held_back(unproven, decided) is TransitionRefused.WORDS_FIRST
    proven = walked(ev.PromptsFollowed(AGENT), details, ev.SessionEnded(AGENT), case=looking)
    assert held_back(proven, decided) is None
    meeting = standing(S.IN_SESSION)
    assert held_back(meeting, ev.PromptsFollowed(AGENT)) is TransitionRefused.NOT_NOW


def test_an_agent_cannot_turn_a_meeting_into_something_that_was_sent_but_may_meet_who_sent() -> None:
    assert held_back(standing(S.CLAIMED), ev.SessionStarted(AGENT, Channel.SENT)) is TransitionRefused.NOT_NOW
    claimed = walked(*LOOKING[:-1])
    meeting = walked(ev.SessionStarted(AGENT, Channel.VIDEO), case=claimed)
    assert held_back(meeting, ev.WordsExchanged(AGENT)) is None
    assert held_back(meeting, ev.PromptsFollowed(AGENT)) is TransitionRefused.NOT_NOW


def test_a_new_request_for_evidence_needs_new_prompts() -> None:
    asked = walked(
        ev.PromptsFollowed(AGENT),
        ev.SessionEnded(AGENT),
        ev.Decided(verdict(Decision.MORE_EVIDENCE), phrase=Phrase("birch", "window")),
        case=walked(*LOOKING),
    )
    assert (asked.state, asked.phrase_verified, asked.phrase.first) == (S.REQUESTED, False, "birch")


KEEP = TERMS.files.keep


@pytest.mark.parametrize(
    ("state", "until"),
    [
        (S.REQUESTED, lambda case: case.expires),
        (S.IN_SESSION, lambda case: case.expires),
        (S.HELD, lambda case: case.expires),
        (S.APPROVED, lambda _case: NOW + KEEP),
        (S.BOUND, lambda _case: NOW + KEEP),
        (S.RELEASED, lambda _case: NOW + KEEP),
        (S.DECLINED, lambda _case: NOW + TERMS.redress),
        (S.WITHDRAWN, lambda _case: NOW + 99),
        (S.REVOKED, lambda _case: NOW + 99),
    ],
)
def test_files_are_kept_as_long_as_the_case_needs_them(state: CaseState, until: Callable[[Case], float]) -> None:
    case = standing(state)
    assert files_until(case, NOW + 99, TERMS) == until(case)
