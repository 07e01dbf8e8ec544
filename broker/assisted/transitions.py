"""State machine of a verification case: the table of transitions, and the one function that changes a case."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, get_args

from broker.assisted import events as ev
from broker.assisted.appointment_rules import appointment_refusal
from broker.assisted.case import Case
from broker.assisted.case_records import HistoryEntry, Hold, Role
from broker.assisted.case_states import ATTEMPTS_EXHAUSTED, OPEN, WITH_AGENT, CaseState
from broker.assisted.deadlines import CasePolicy, deadline, due_event, promised
from broker.assisted.holds import why_held
from broker.assisted.refusals import TransitionRefused as TransitionRefused
from broker.assisted.refusals import guard
from broker.assisted.separation_of_duties import holds, is_desk
from broker.assisted.updates import apply

STAY = None
"""Target of a rule that records something: state and deadline do not change."""

S = CaseState
RECORDING = frozenset({S.IN_SESSION, S.DECISION})
AFTER = frozenset({S.BOUND, S.RELEASED})
DECIDED = (S.APPROVED, S.REVIEW, S.REQUESTED, S.DECLINED, S.HELD)
TO_BE_MET = frozenset({S.REQUESTED, S.SCHEDULED, S.QUEUED})


@dataclass(frozen=True, slots=True)
class TransitionRule:
    """One rule of the table: the event, the states it may happen in, the states it can lead to, and the role of the
    actor.

    `in_history` is False if the event is too frequent for the history.
    """

    event: type[ev.Event]
    sources: frozenset[CaseState]
    targets: tuple[CaseState | None, ...]
    role: Role
    in_history: bool = True


def _rule(
    event: type[ev.Event],
    sources: CaseState | frozenset[CaseState],
    targets: CaseState | tuple[CaseState | None, ...] | None,
    role: Role,
) -> TransitionRule:
    return TransitionRule(
        event,
        frozenset({sources}) if isinstance(sources, CaseState) else sources,
        targets if isinstance(targets, tuple) else (targets,),
        role,
        in_history=event is not ev.Renewed,
    )


RULES: tuple[TransitionRule, ...] = (
    # request
    _rule(ev.Submitted, S.DRAFT, S.REQUESTED, Role.CITIZEN),
    _rule(ev.ReadyForSession, S.REQUESTED, S.QUEUED, Role.CITIZEN),
    _rule(ev.Changed, TO_BE_MET, STAY, Role.CITIZEN),
    _rule(ev.SecondRemoved, TO_BE_MET, STAY, Role.CITIZEN),
    _rule(ev.KeptOpen, S.REQUESTED, S.REQUESTED, Role.CITIZEN),
    # the appointment
    _rule(ev.Scheduled, TO_BE_MET, S.SCHEDULED, Role.CITIZEN),
    _rule(ev.SlotCancelled, S.SCHEDULED, S.REQUESTED, Role.CITIZEN),
    _rule(ev.SlotMoved, TO_BE_MET, S.SCHEDULED, Role.STAFF),
    _rule(ev.SlotReleased, S.SCHEDULED, S.REQUESTED, Role.STAFF),
    _rule(ev.NoShow, frozenset({S.QUEUED, S.CLAIMED}), S.REQUESTED, Role.STAFF),
    _rule(ev.WalkedIn, frozenset({S.REQUESTED, S.SCHEDULED}), S.QUEUED, Role.STAFF),
    _rule(ev.SlotReached, S.SCHEDULED, S.QUEUED, Role.CLOCK),
    _rule(ev.ReminderDue, S.SCHEDULED, STAY, Role.CLOCK),
    # the session
    _rule(ev.Claimed, S.QUEUED, S.CLAIMED, Role.AGENT),
    _rule(ev.ContactTried, S.CLAIMED, (STAY, S.REQUESTED), Role.AGENT),
    _rule(ev.ContactTried, RECORDING, STAY, Role.AGENT),
    _rule(ev.RoomOpened, WITH_AGENT, STAY, Role.AGENT),
    _rule(ev.SessionStarted, S.CLAIMED, S.IN_SESSION, Role.AGENT),
    _rule(ev.WordsExchanged, S.IN_SESSION, STAY, Role.AGENT),
    _rule(ev.PromptsFollowed, S.IN_SESSION, STAY, Role.AGENT),
    _rule(ev.PasskeyRegistered, WITH_AGENT | {S.REQUESTED, S.QUEUED}, STAY, Role.CITIZEN),
    _rule(ev.PasskeyRemoved, WITH_AGENT | TO_BE_MET | {S.REVIEW, S.APPROVED}, STAY, Role.CITIZEN),
    _rule(ev.PasskeyConfirmed, RECORDING, STAY, Role.AGENT),
    _rule(ev.FormerConfirmed, RECORDING, STAY, Role.AGENT),
    _rule(ev.EvidenceRecorded, RECORDING, STAY, Role.AGENT),
    _rule(ev.EvidenceRemoved, RECORDING, STAY, Role.AGENT),
    _rule(ev.ChecksRecorded, RECORDING, STAY, Role.AGENT),
    _rule(ev.DetailsRecorded, RECORDING, STAY, Role.AGENT),
    _rule(ev.DeviceConfirmed, RECORDING, STAY, Role.CITIZEN),
    _rule(ev.SessionEnded, S.IN_SESSION, S.DECISION, Role.AGENT),
    _rule(ev.SessionDropped, S.IN_SESSION, S.QUEUED, Role.AGENT),
    _rule(ev.Returned, frozenset({S.CLAIMED, S.DECISION}), S.QUEUED, Role.AGENT),
    _rule(ev.Renewed, WITH_AGENT, STAY, Role.AGENT),
    _rule(ev.LeaseLapsed, WITH_AGENT, S.QUEUED, Role.CLOCK),
    _rule(ev.Reassigned, WITH_AGENT, S.QUEUED, Role.LEAD),
    _rule(ev.Assigned, WITH_AGENT | {S.QUEUED}, S.CLAIMED, Role.LEAD),
    # a partner desk
    _rule(ev.DeskAccepted, frozenset({S.REQUESTED, S.SCHEDULED, S.QUEUED}), S.IN_SESSION, Role.DESK),
    _rule(ev.DeskFileReceived, S.IN_SESSION, STAY, Role.DESK),
    _rule(ev.Recommended, S.IN_SESSION, S.REVIEW, Role.DESK),
    # the decision
    _rule(ev.Decided, S.DECISION, (STAY, *DECIDED), Role.AGENT),
    _rule(ev.Corrected, S.DECISION, STAY, Role.AGENT),
    _rule(ev.Settled, S.DECISION, DECIDED, Role.CLOCK),
    # the review
    _rule(ev.ReviewClaimed, S.REVIEW, STAY, Role.REVIEWER),
    _rule(ev.Renewed, frozenset({S.REVIEW}), STAY, Role.REVIEWER),
    _rule(ev.Returned, frozenset({S.REVIEW}), STAY, Role.REVIEWER),
    _rule(ev.LeaseLapsed, S.REVIEW, STAY, Role.CLOCK),
    _rule(ev.Reassigned, S.REVIEW, STAY, Role.LEAD),
    _rule(ev.Assigned, S.REVIEW, STAY, Role.LEAD),
    _rule(ev.IndependentReviewRecorded, S.REVIEW, STAY, Role.REVIEWER),
    _rule(ev.Reviewed, S.REVIEW, (S.APPROVED, S.DECLINED, S.HELD), Role.REVIEWER),
    _rule(ev.PromiseMissed, frozenset({S.QUEUED, S.CLAIMED}), STAY, Role.CLOCK),
    _rule(ev.ReviewLate, S.REVIEW, STAY, Role.CLOCK),
    # binding of the identity
    _rule(ev.CodeSent, S.APPROVED, STAY, Role.CITIZEN),
    _rule(ev.AttemptsExhausted, S.APPROVED, S.HELD, Role.CLOCK),
    _rule(ev.MeetingRequested, S.APPROVED, S.QUEUED, Role.CITIZEN),
    _rule(ev.CallBackRequested, S.APPROVED, STAY, Role.CITIZEN),
    _rule(ev.CallBackStarted, S.APPROVED, STAY, Role.AGENT),
    _rule(ev.CallBackMissed, S.APPROVED, STAY, Role.AGENT),
    _rule(ev.CallBackLapsed, S.APPROVED, STAY, Role.CLOCK),
    _rule(ev.Bound, S.APPROVED, S.BOUND, Role.CITIZEN),
    _rule(ev.Released, S.BOUND, S.RELEASED, Role.CITIZEN),
    _rule(ev.Frozen, AFTER | {S.APPROVED}, STAY, Role.CITIZEN),
    _rule(ev.Unfrozen, AFTER | {S.APPROVED}, STAY, Role.LEAD),
    _rule(ev.Repudiated, AFTER, S.REVOKED, Role.CITIZEN),
    _rule(ev.Revoked, AFTER, S.REVOKED, Role.LEAD),
    # in several states
    _rule(ev.RedressAsked, S.DECLINED, S.QUEUED, Role.CITIZEN),
    _rule(ev.Complained, S.DECLINED, STAY, Role.CITIZEN),
    _rule(ev.ComplaintAnswered, OPEN | {S.DECLINED}, STAY, Role.LEAD),
    _rule(ev.Resumed, OPEN | {S.BOUND, S.DECLINED}, STAY, Role.CITIZEN),
    _rule(ev.TransactionReplaced, OPEN | {S.BOUND, S.DECLINED}, STAY, Role.CITIZEN),
    _rule(ev.ContinuationCodeIssued, OPEN | {S.DECLINED}, STAY, Role.CITIZEN),
    _rule(ev.Withdrawn, OPEN, S.WITHDRAWN, Role.CITIZEN),
    _rule(ev.Opened, frozenset(S), STAY, Role.STAFF),
    _rule(ev.Noted, OPEN, STAY, Role.STAFF),
    _rule(ev.Acknowledged, OPEN | AFTER, STAY, Role.LEAD),
    _rule(ev.LeadAsked, OPEN, STAY, Role.STAFF),
    _rule(ev.LeadAnswered, OPEN, STAY, Role.LEAD),
    _rule(ev.Flagged, (OPEN | AFTER) - {S.APPROVED}, STAY, Role.STAFF),
    _rule(ev.Flagged, S.APPROVED, S.HELD, Role.STAFF),
    _rule(ev.InterestDeclared, frozenset({S.DRAFT, S.HELD}) | TO_BE_MET, STAY, Role.STAFF),
    _rule(ev.InterestDeclared, S.CLAIMED, (STAY, S.QUEUED), Role.STAFF),
    _rule(ev.InterestDeclared, frozenset({S.IN_SESSION, S.DECISION, S.REVIEW, S.APPROVED}), (STAY, S.HELD), Role.STAFF),
    _rule(ev.Held, OPEN - {S.HELD}, S.HELD, Role.LEAD),
    _rule(ev.HoldEnded, S.HELD, (S.QUEUED, S.APPROVED), Role.LEAD),
    _rule(ev.HoldLate, S.HELD, STAY, Role.CLOCK),
    _rule(ev.HoldDeclined, S.HELD, S.DECLINED, Role.LEAD),
    _rule(ev.DeadlinePassed, OPEN | {S.BOUND}, S.EXPIRED, Role.CLOCK),
    _rule(ev.RedressEnded, S.DECLINED, STAY, Role.CLOCK),
)

TABLE: Mapping[tuple[CaseState, type[ev.Event]], TransitionRule] = {
    (source, rule.event): rule for rule in RULES for source in rule.sources
}


_QUIET = (
    ev.Renewed
    | ev.Resumed
    | ev.TransactionReplaced
    | ev.ContinuationCodeIssued
    | ev.CodeSent
    | ev.PasskeyRegistered
    | ev.PasskeyRemoved
    | ev.Opened
    | ev.Noted
    | ev.Acknowledged
    | ev.LeadAsked
    | ev.LeadAnswered
    | ev.Flagged
    | ev.PromiseMissed
    | ev.ReviewLate
    | ev.HoldLate
    | ev.CallBackRequested
    | ev.CallBackLapsed
    | ev.Complained
    | ev.ReminderDue
)
"""Events that do not change `edit_version`, since staff may continue without seeing them. A flag is silent."""

_HOLDER_ONLY = (
    ev.Renewed
    | ev.Returned
    | ev.ContactTried
    | ev.RoomOpened
    | ev.SessionStarted
    | ev.WordsExchanged
    | ev.PromptsFollowed
    | ev.PasskeyConfirmed
    | ev.FormerConfirmed
    | ev.EvidenceRecorded
    | ev.EvidenceRemoved
    | ev.ChecksRecorded
    | ev.DetailsRecorded
    | ev.SessionDropped
    | ev.SessionEnded
    | ev.Decided
    | ev.DeskFileReceived
    | ev.Recommended
    | ev.IndependentReviewRecorded
    | ev.Reviewed
)
"""Events that only the holder of the lease may cause."""


def refusal(case: Case, event: ev.Event, now: float, policy: CasePolicy) -> TransitionRefused | None:
    """Checks whether the event may happen to the case now. Returns the reason if not, else None."""
    if (case.state, type(event)) not in TABLE:
        return TransitionRefused.NOT_NOW
    ran_out = due_event(case, now)
    if isinstance(event, ev.ByClock) and not isinstance(event, ev.AttemptsExhausted):
        return None if ran_out == event else TransitionRefused.NOT_NOW
    if ran_out is not None:
        return TransitionRefused.TIME_RAN_OUT
    if isinstance(event, _HOLDER_ONLY) and not holds(case, event.by):
        return TransitionRefused.NOT_HOLDER
    if case.unsettled is not None and isinstance(event, _HOLDER_ONLY | ev.DeviceConfirmed):
        return TransitionRefused.NOT_NOW
    if isinstance(event, ev.SlotEvent | ev.Changed):
        return appointment_refusal(case, event, now)
    return guard(case, event, policy)


def advance(case: Case, event: ev.Event, now: float, policy: CasePolicy) -> Case:
    """Applies an event: returns the case with the next version, or the same object if `refusal` rejects the event."""
    if refusal(case, event, now, policy) is not None:
        return case
    rule = TABLE[case.state, type(event)]
    outcome = apply(case, event, now, policy)
    after, target = outcome.case, outcome.target
    if target not in rule.targets:
        raise RuntimeError(f"{name(event)} leads from {case.state} to {target}, which is not in the transition table")
    if target is not None:
        after = replace(after, changed=now, deadline=deadline(after, target, now, policy), state=target)
    after = replace(after, promise=promised(case, after, now, policy))
    if target is S.HELD and after.deadline is not None:
        why = why_held(event, outcome.reason)
        after = replace(after, hold=Hold(why, case.state, now, after.deadline), late=False)
    if target is S.APPROVED and after.deadline is not None:
        after = replace(after, expires=max(after.expires, after.deadline))
    if rule.in_history:
        who = actor(event)
        role = Role.DESK if is_desk(who) else rule.role
        entry = HistoryEntry(now, name(event), who, role, case.state, after.state, outcome.reason)
        after = replace(after, history=(*case.history, entry))
    edit_version = case.edit_version if isinstance(event, _QUIET) else case.edit_version + 1
    return replace(after, version=case.version + 1, edit_version=edit_version)


def actor(event: ev.Event) -> str:
    """Actor of an event as the history names it: the id of a member of staff or of a desk, "citizen" or "broker"."""
    if isinstance(event, ev.ByStaff):
        return event.by
    return "broker" if isinstance(event, ev.ByClock) else "citizen"


_STORED_NAMES: Final[Mapping[type[ev.Event], str]] = MappingProxyType(
    {
        ev.ReadyForSession: "readied",
        ev.Returned: "put_back",
        ev.Reassigned: "taken_back",
        ev.AttemptsExhausted: ATTEMPTS_EXHAUSTED,
        ev.Repudiated: "disowned",
        ev.IndependentReviewRecorded: "view_given",
        ev.TransactionReplaced: "rejoined",
        ev.ContinuationCodeIssued: "continuation_drawn",
        ev.DeadlinePassed: "time_ran_out",
    }
)
"""Names of events that were stored before the class was renamed."""


def name(event: ev.Event | type[ev.Event]) -> str:
    """Name of an event in history and audit, such as `session_started`. It is stored, so it must never change."""
    kind = event if isinstance(event, type) else type(event)
    if kind in _STORED_NAMES:
        return _STORED_NAMES[kind]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


EVENTS: tuple[type[ev.Event], ...] = get_args(ev.Event)
"""All event classes."""
