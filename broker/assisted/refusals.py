"""Guards of events: conditions beyond the state and the holder, and the reasons for which an event is refused."""

from enum import StrEnum

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, ContactMethod, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import OUTCOMES
from broker.assisted.deadlines import CasePolicy
from broker.assisted.former import CasePurpose
from broker.assisted.holds import may_return_to_approved
from broker.assisted.oversight import open_question, unseen_flags
from broker.assisted.renewing import binds_from, matched, may_confirm
from broker.assisted.separation_of_duties import is_desk, may_be_agent, may_be_reviewer, may_lead

CODE_INTERVAL = 30
"""Minimum time in seconds between two confirmation codes."""


class TransitionRefused(StrEnum):
    """Reasons for which an event is refused."""

    NOT_NOW = "not_now"
    TIME_RAN_OUT = "time_ran_out"
    NOT_HOLDER = "not_holder"
    TAKEN = "taken"
    SAME_PERSON = "same_person"
    NO_LEVEL = "no_level"
    NO_DETAILS = "no_details"
    WORDS_FIRST = "words_first"
    ENOUGH_ASKED = "enough_asked"
    VIEW_FIRST = "view_first"
    VIEW_GIVEN = "view_given"
    REASON_NEEDED = "reason_needed"
    NOT_PROVEN = "not_proven"
    FORMER_FIRST = "former_first"
    NOT_YET = "not_yet"
    BELOW_NEED = "below_need"
    ENOUGH_MEETINGS = "enough_meetings"
    ENOUGH_CALLS = "enough_calls"
    NO_NUMBER = "no_number"
    ENOUGH_LOOKS = "enough_looks"
    ENOUGH_CODES = "enough_codes"
    JUST_SENT = "just_sent"
    NO_SUCH_TIME = "no_such_time"


def guard(case: Case, event: ev.Event, policy: CasePolicy) -> TransitionRefused | None:
    """The refusal of an event that may happen in this state; None if nothing speaks against it."""
    match event:
        case ev.Claimed() | ev.ReviewClaimed() | ev.Assigned():
            return _claim_refusal(case, event)
        case ev.DeskAccepted() | ev.DeskFileReceived() | ev.SessionEnded():
            return _desk_refusal(case, event)
        case ev.HoldEnded() | ev.HoldDeclined():
            return _hold_refusal(case, event)
        case ev.Acknowledged() | ev.LeadAsked() | ev.LeadAnswered():
            return _oversight_refusal(case, event)
        case ev.Decided() | ev.Recommended():
            return _decision_refusal(case, event, policy)
        case ev.IndependentReviewRecorded():
            return TransitionRefused.VIEW_GIVEN if case.independent_review is not None else None
        case ev.Reviewed():
            return _review_refusal(case, event)
        case ev.Bound() | ev.MeetingRequested() | ev.CodeSent():
            return _binding_refusal(case, event, policy)
        case ev.CallBackRequested() | ev.CallBackStarted() | ev.CallBackMissed():
            return _call_refusal(case, event, policy)
        case ev.Frozen() | ev.Unfrozen() | ev.Released():
            return _freeze_refusal(case, event)
        case ev.Corrected():
            return None if case.unsettled is not None and case.agent == event.by else TransitionRefused.NOT_NOW
        case ev.RedressAsked() | ev.Complained() | ev.ComplaintAnswered():
            return _redress_refusal(case, event)
        case ev.ContactTried() | ev.KeptOpen() | ev.SecondRemoved():
            return _contact_refusal(case, event)
        case ev.PasskeyRegistered() | ev.PasskeyConfirmed() | ev.PasskeyRemoved() | ev.Resumed() | ev.FormerConfirmed():
            return _browser_refusal(case, event)
        case _:
            return None if _suits_channel(case, event) else TransitionRefused.NOT_NOW


def _claim_refusal(case: Case, event: ev.Claimed | ev.ReviewClaimed | ev.Assigned) -> TransitionRefused | None:
    who = event.to if isinstance(event, ev.Assigned) else event.by
    free = may_be_reviewer if case.state is CaseState.REVIEW else may_be_agent
    if not free(case, who):
        return TransitionRefused.SAME_PERSON
    taken = isinstance(event, ev.ReviewClaimed) and case.lease is not None
    return TransitionRefused.TAKEN if taken else None


def _desk_refusal(
    case: Case, event: ev.DeskAccepted | ev.DeskFileReceived | ev.SessionEnded
) -> TransitionRefused | None:
    """A desk takes no visit after the last attempt, and leaves the decision to staff. Only a desk sends its files."""
    if isinstance(event, ev.DeskAccepted):
        return TransitionRefused.NOT_NOW if case.desk is not None and case.desk.final else None
    if isinstance(event, ev.DeskFileReceived):
        return None if case.at_desk else TransitionRefused.NOT_NOW
    return TransitionRefused.SAME_PERSON if is_desk(event.by) else None


def _freeze_refusal(case: Case, event: ev.Frozen | ev.Unfrozen | ev.Released) -> TransitionRefused | None:
    """A frozen identity is released to no service, until a lead who did not work on the case lets it go on. Before an
    identity is bound there is nothing to freeze but a passkey that is to be replaced.
    """
    if case.state is CaseState.APPROVED and case.purpose is not CasePurpose.REBIND:
        return TransitionRefused.NOT_NOW
    if isinstance(event, ev.Unfrozen) and not may_lead(case, event.by):
        return TransitionRefused.SAME_PERSON
    fits = (case.frozen is not None) is isinstance(event, ev.Unfrozen)
    return None if fits else TransitionRefused.NOT_NOW


def _redress_refusal(
    case: Case, event: ev.RedressAsked | ev.Complained | ev.ComplaintAnswered
) -> TransitionRefused | None:
    """A new look is taken once, by people without an earlier part; so is a complaint answered."""
    if case.erased:
        return TransitionRefused.NOT_NOW
    answered = case.complaint is not None and case.complaint.answered_by is not None
    match event:
        case ev.RedressAsked():
            return TransitionRefused.ENOUGH_LOOKS if case.redress_until is not None else None
        case ev.Complained():
            return TransitionRefused.NOT_NOW if answered else None
        case ev.ComplaintAnswered() if case.complaint is None or answered:
            return TransitionRefused.NOT_NOW
        case ev.ComplaintAnswered():
            return None if may_lead(case, event.by) else TransitionRefused.SAME_PERSON


def _oversight_refusal(case: Case, event: ev.Acknowledged | ev.LeadAsked | ev.LeadAnswered) -> TransitionRefused | None:
    match event:
        case ev.Acknowledged():
            fits = unseen_flags(case)
        case ev.LeadAsked():
            fits = not open_question(case)
        case ev.LeadAnswered():
            fits = open_question(case)
    return None if fits else TransitionRefused.NOT_NOW


def _hold_refusal(case: Case, event: ev.HoldEnded | ev.HoldDeclined) -> TransitionRefused | None:
    if not may_lead(case, event.by):
        return TransitionRefused.SAME_PERSON
    unfit = isinstance(event, ev.HoldEnded) and event.approved and not may_return_to_approved(case)
    return TransitionRefused.NOT_NOW if unfit else None


def _suits_channel(case: Case, event: ev.Event) -> bool:
    """Whether the event belongs to the channel of the case. What was sent is looked at only if the citizen chose to
    send it, and sent everything; no conversation takes place there, and prompts stand in for the words.
    """
    sent = case.channel is Channel.SENT
    match event:
        case ev.ReadyForSession(everything_sent):
            return everything_sent or not sent
        case ev.SessionStarted(_, channel):
            return sent or channel is not Channel.SENT
        case ev.WordsExchanged():
            return not sent
        case ev.PromptsFollowed():
            return sent
        case _:
            return True


def _contact_refusal(case: Case, event: ev.ContactTried | ev.KeptOpen | ev.SecondRemoved) -> TransitionRefused | None:
    """Only before a session can the citizen be missed, and the next attempt lies ahead, before the end of the case."""
    match event:
        case ev.KeptOpen():
            return None if case.closing is not None else TransitionRefused.NOT_NOW
        case ev.SecondRemoved():
            return None if case.second_contact is not None else TransitionRefused.NOT_NOW
        case ev.ContactTried(attempt) if attempt.outcome not in OUTCOMES[attempt.channel]:
            return TransitionRefused.NOT_NOW
        case ev.ContactTried(attempt) if attempt.missed and case.state is not CaseState.CLAIMED:
            return TransitionRefused.NOT_NOW
        case ev.ContactTried(attempt):
            ahead = attempt.again is None or attempt.at < attempt.again < case.expires
            return None if ahead else TransitionRefused.NO_SUCH_TIME


def _decision_refusal(case: Case, event: ev.Decided | ev.Recommended, policy: CasePolicy) -> TransitionRefused | None:
    verdict = event.verdict
    if verdict.decision is Decision.MORE_EVIDENCE and case.more_asked >= policy.max_evidence_requests:
        return TransitionRefused.ENOUGH_ASKED
    if verdict.decision is not Decision.APPROVE:
        return None if verdict.reasons else TransitionRefused.REASON_NEEDED
    if verdict.level is None or verdict.level < case.level:
        return TransitionRefused.NO_LEVEL
    if not case.details.claims:
        return TransitionRefused.NO_DETAILS
    if not matched(case):
        return TransitionRefused.FORMER_FIRST
    return None if case.phrase_verified else TransitionRefused.WORDS_FIRST


def _review_refusal(case: Case, event: ev.Reviewed) -> TransitionRefused | None:
    if case.independent_review is None:
        return TransitionRefused.VIEW_FIRST
    decided = None if case.verdict is None else case.verdict.decision
    needs_reason = not event.review.agrees or case.independent_review.decision is not decided
    return TransitionRefused.REASON_NEEDED if needs_reason and not event.review.reasons else None


def _binding_refusal(
    case: Case, event: ev.Bound | ev.MeetingRequested | ev.CodeSent, policy: CasePolicy
) -> TransitionRefused | None:
    """A case is never bound below the level that its service needs: it would be used up for nothing."""
    match event:
        case ev.CodeSent():
            return _code_refusal(case, event, policy)
        case ev.MeetingRequested():
            return TransitionRefused.ENOUGH_MEETINGS if case.meetings >= policy.max_meetings else None
        case ev.Bound() if case.frozen is not None:
            return TransitionRefused.NOT_NOW
        case ev.Bound(binding) if binding.at < binds_from(case, policy):
            return TransitionRefused.NOT_YET
        case ev.Bound() if not matched(case):
            return TransitionRefused.NOT_PROVEN
        case ev.Bound(binding) if binding.passkey is not None and not _confirmed(case, binding.passkey):
            return TransitionRefused.NOT_PROVEN
        case ev.Bound(binding) if not (binding.code or binding.words or binding.passkey):
            return TransitionRefused.NOT_PROVEN
        case ev.Bound(binding) if binding.call_back and (case.call is None or case.call.by is None):
            return TransitionRefused.NOT_PROVEN
        case ev.Bound(binding):
            return TransitionRefused.BELOW_NEED if binding.level < case.level else None


def _confirmed(case: Case, digest: str) -> bool:
    return case.passkey is not None and case.passkey.digest == digest and case.passkey.confirmed is not None


def _browser_refusal(
    case: Case, event: ev.PasskeyRegistered | ev.PasskeyConfirmed | ev.PasskeyRemoved | ev.Resumed | ev.FormerConfirmed
) -> TransitionRefused | None:
    """A continuation code proves another browser. A passkey stands for the asking browser and its words: it is made
    there, and confirmed after they were said.
    """
    made = case.passkey
    match event:
        case ev.Resumed(_, used, _):
            return None if used == case.continuation else TransitionRefused.NOT_PROVEN
        case ev.FormerConfirmed():
            return None if may_confirm(case, event) else TransitionRefused.NOT_PROVEN
        case ev.PasskeyRemoved():
            return TransitionRefused.NOT_NOW if made is None else None
        case ev.PasskeyRegistered(passkey) if passkey.asker != case.asker:
            return TransitionRefused.NOT_PROVEN
        case ev.PasskeyRegistered():
            return TransitionRefused.TAKEN if made is not None and made.confirmed is not None else None
        case ev.PasskeyConfirmed(_, digest) if made is None or made.digest != digest or made.asker != case.asker:
            return TransitionRefused.NOT_PROVEN
        case ev.PasskeyConfirmed():
            return None if case.phrase_verified else TransitionRefused.WORDS_FIRST


def _call_refusal(
    case: Case, event: ev.CallBackRequested | ev.CallBackStarted | ev.CallBackMissed, policy: CasePolicy
) -> TransitionRefused | None:
    """The call goes to the number of the session, which does not change any more, by an agent who had no other part."""
    call = case.call
    match event:
        case ev.CallBackRequested() if call is not None:
            return TransitionRefused.NOT_NOW
        case ev.CallBackRequested() if not may_be_called(case):
            return TransitionRefused.NO_NUMBER
        case ev.CallBackRequested():
            return TransitionRefused.ENOUGH_CALLS if case.calls >= policy.max_calls else None
        case ev.CallBackStarted() if call is None or call.by is not None:
            return TransitionRefused.TAKEN if call is not None else TransitionRefused.NOT_NOW
        case ev.CallBackStarted():
            return None if may_be_agent(case, event.by) else TransitionRefused.SAME_PERSON
        case ev.CallBackMissed():
            return None if call is not None and call.by == event.by else TransitionRefused.NOT_HOLDER


def may_be_called(case: Case) -> bool:
    """Whether the citizen can be called: their contact is a telephone number that they did not call unsafe."""
    return case.contact is not None and case.contact.way is ContactMethod.PHONE and not case.safety.unsafe


def _code_refusal(case: Case, event: ev.CodeSent, policy: CasePolicy) -> TransitionRefused | None:
    if case.confirmation is not None and event.confirmation.sent < case.confirmation.sent + CODE_INTERVAL:
        return TransitionRefused.JUST_SENT
    return TransitionRefused.ENOUGH_CODES if case.codes_sent >= policy.max_codes else None
