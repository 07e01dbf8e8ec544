"""The life of a case: one table, and the one function that moves a case along it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, get_args

from broker.assisted import events as ev
from broker.assisted.case import OPEN, WITH_AGENT, Case, CaseState, Decision, Move, Role
from broker.assisted.deadlines import CasePolicy, deadline, due_event
from broker.assisted.separation_of_duties import may_be_agent, may_be_reviewer, may_lead
from broker.assisted.updates import apply

PAUSE = 30
"""Within so many seconds a second confirmation code does not go out: the first is on its way."""

STAY = None
"""As a target: the state stays with its clock, and something is noted in the case."""

S = CaseState
RECORDING = frozenset({S.IN_SESSION, S.DECISION})
AFTER = frozenset({S.BOUND, S.RELEASED})


@dataclass(frozen=True, slots=True)
class TransitionRule:
    """One line of the table: what may happen in which states, where it can lead, and in which part somebody acts.

    `told` is False for what is too frequent and too small for the history.
    """

    event: type[ev.Event]
    sources: frozenset[CaseState]
    targets: tuple[CaseState | None, ...]
    role: Role
    told: bool = True


def _line(
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
        told=event is not ev.Renewed,
    )


RULES: tuple[TransitionRule, ...] = (
    # asking
    _line(ev.Submitted, S.DRAFT, S.REQUESTED, Role.CITIZEN),
    _line(ev.ReadyForSession, S.REQUESTED, S.QUEUED, Role.CITIZEN),
    # the session
    _line(ev.Claimed, S.QUEUED, S.CLAIMED, Role.AGENT),
    _line(ev.SessionStarted, S.CLAIMED, S.IN_SESSION, Role.AGENT),
    _line(ev.WordsExchanged, S.IN_SESSION, STAY, Role.AGENT),
    _line(ev.EvidenceRecorded, RECORDING, STAY, Role.AGENT),
    _line(ev.EvidenceRemoved, RECORDING, STAY, Role.AGENT),
    _line(ev.ChecksRecorded, RECORDING, STAY, Role.AGENT),
    _line(ev.DetailsRecorded, RECORDING, STAY, Role.AGENT),
    _line(ev.DeviceConfirmed, RECORDING, STAY, Role.CITIZEN),
    _line(ev.SessionEnded, S.IN_SESSION, S.DECISION, Role.AGENT),
    _line(ev.SessionDropped, S.IN_SESSION, S.QUEUED, Role.AGENT),
    _line(ev.Returned, frozenset({S.CLAIMED, S.DECISION}), S.QUEUED, Role.AGENT),
    _line(ev.Renewed, WITH_AGENT, STAY, Role.AGENT),
    _line(ev.LeaseLapsed, WITH_AGENT, S.QUEUED, Role.CLOCK),
    _line(ev.Reassigned, WITH_AGENT, S.QUEUED, Role.LEAD),
    # the decision
    _line(ev.Decided, S.DECISION, (S.APPROVED, S.REVIEW, S.REQUESTED, S.DECLINED, S.HELD), Role.AGENT),
    # the review
    _line(ev.ReviewClaimed, S.REVIEW, STAY, Role.REVIEWER),
    _line(ev.Renewed, frozenset({S.REVIEW}), STAY, Role.REVIEWER),
    _line(ev.Returned, frozenset({S.REVIEW}), STAY, Role.REVIEWER),
    _line(ev.LeaseLapsed, S.REVIEW, STAY, Role.CLOCK),
    _line(ev.Reassigned, S.REVIEW, STAY, Role.LEAD),
    _line(ev.IndependentReviewRecorded, S.REVIEW, STAY, Role.REVIEWER),
    _line(ev.Reviewed, S.REVIEW, (S.APPROVED, S.HELD), Role.REVIEWER),
    _line(ev.ReviewLate, S.REVIEW, STAY, Role.CLOCK),
    # taking the identity up
    _line(ev.CodeSent, S.APPROVED, STAY, Role.CITIZEN),
    _line(ev.AttemptsExhausted, S.APPROVED, S.HELD, Role.CLOCK),
    _line(ev.Bound, S.APPROVED, S.BOUND, Role.CITIZEN),
    _line(ev.Released, S.BOUND, S.RELEASED, Role.CITIZEN),
    _line(ev.Repudiated, AFTER, S.REVOKED, Role.CITIZEN),
    _line(ev.Revoked, AFTER, S.REVOKED, Role.LEAD),
    # at any moment
    _line(ev.Resumed, OPEN | {S.BOUND}, STAY, Role.CITIZEN),
    _line(ev.TransactionReplaced, OPEN | {S.BOUND}, STAY, Role.CITIZEN),
    _line(ev.ContinuationCodeIssued, OPEN, STAY, Role.CITIZEN),
    _line(ev.Withdrawn, OPEN, S.WITHDRAWN, Role.CITIZEN),
    _line(ev.Opened, frozenset(S), STAY, Role.STAFF),
    _line(ev.Noted, OPEN, STAY, Role.STAFF),
    _line(ev.Flagged, (OPEN | AFTER) - {S.APPROVED}, STAY, Role.STAFF),
    _line(ev.Flagged, S.APPROVED, S.HELD, Role.STAFF),
    _line(ev.InterestDeclared, frozenset({S.DRAFT, S.REQUESTED, S.QUEUED, S.HELD}), STAY, Role.STAFF),
    _line(ev.InterestDeclared, S.CLAIMED, (STAY, S.QUEUED), Role.STAFF),
    _line(ev.InterestDeclared, frozenset({S.IN_SESSION, S.DECISION, S.REVIEW, S.APPROVED}), (STAY, S.HELD), Role.STAFF),
    _line(ev.Held, OPEN - {S.HELD}, S.HELD, Role.LEAD),
    _line(ev.HoldEnded, S.HELD, S.QUEUED, Role.LEAD),
    _line(ev.HoldDeclined, S.HELD, S.DECLINED, Role.LEAD),
    _line(ev.DeadlinePassed, OPEN | {S.BOUND}, S.EXPIRED, Role.CLOCK),
    _line(ev.RedressEnded, S.DECLINED, STAY, Role.CLOCK),
)

TABLE: Mapping[tuple[CaseState, type[ev.Event]], TransitionRule] = {
    (source, line.event): line for line in RULES for source in line.sources
}


class TransitionRefused(StrEnum):
    """Why an event changes nothing."""

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
    ENOUGH_CODES = "enough_codes"
    JUST_SENT = "just_sent"


_QUIET = (
    ev.Renewed
    | ev.Resumed
    | ev.TransactionReplaced
    | ev.ContinuationCodeIssued
    | ev.CodeSent
    | ev.Opened
    | ev.Noted
    | ev.Flagged
    | ev.ReviewLate
)
"""What nobody at work needs to know of before they go on; a flag is silent."""

_OWN = (
    ev.Renewed
    | ev.Returned
    | ev.SessionStarted
    | ev.WordsExchanged
    | ev.EvidenceRecorded
    | ev.EvidenceRemoved
    | ev.ChecksRecorded
    | ev.DetailsRecorded
    | ev.SessionDropped
    | ev.SessionEnded
    | ev.Decided
    | ev.IndependentReviewRecorded
    | ev.Reviewed
)
"""What only the holder of the lease may do."""


def refusal(case: Case, event: ev.Event, now: float, policy: CasePolicy) -> TransitionRefused | None:
    """Why the event cannot happen to this case now; None if it can."""
    if (case.state, type(event)) not in TABLE:
        return TransitionRefused.NOT_NOW
    ran_out = due_event(case, now)
    if isinstance(event, ev.ByClock) and not isinstance(event, ev.AttemptsExhausted):
        return None if ran_out == event else TransitionRefused.NOT_NOW
    if ran_out is not None:
        return TransitionRefused.TIME_RAN_OUT
    if isinstance(event, _OWN) and case.holder != event.by:
        return TransitionRefused.NOT_HOLDER
    match event:
        case ev.Claimed():
            return None if may_be_agent(case, event.by) else TransitionRefused.SAME_PERSON
        case ev.ReviewClaimed():
            if not may_be_reviewer(case, event.by):
                return TransitionRefused.SAME_PERSON
            return TransitionRefused.TAKEN if case.lease is not None else None
        case ev.HoldEnded() | ev.HoldDeclined():
            return None if may_lead(case, event.by) else TransitionRefused.SAME_PERSON
        case ev.Decided():
            return _barred_decision(case, event, policy)
        case ev.IndependentReviewRecorded():
            return TransitionRefused.VIEW_GIVEN if case.independent_review is not None else None
        case ev.Reviewed():
            return _barred_review(case, event)
        case ev.Bound():
            return None if event.binding.code or event.binding.words else TransitionRefused.NOT_PROVEN
        case ev.CodeSent():
            return _barred_code(case, event, policy)
        case ev.Resumed(_, used, _):
            return None if used == case.continuation else TransitionRefused.NOT_PROVEN
        case _:
            return None


def _barred_decision(case: Case, event: ev.Decided, policy: CasePolicy) -> TransitionRefused | None:
    verdict = event.verdict
    if verdict.decision is Decision.MORE_EVIDENCE and case.more_asked >= policy.max_evidence_requests:
        return TransitionRefused.ENOUGH_ASKED
    if verdict.decision is not Decision.APPROVE:
        return None if verdict.reasons else TransitionRefused.REASON_NEEDED
    if verdict.level is None or verdict.level < case.level:
        return TransitionRefused.NO_LEVEL
    if not case.details.claims:
        return TransitionRefused.NO_DETAILS
    return None if case.phrase_verified else TransitionRefused.WORDS_FIRST


def _barred_review(case: Case, event: ev.Reviewed) -> TransitionRefused | None:
    if case.independent_review is None:
        return TransitionRefused.VIEW_FIRST
    surprising = not event.review.agrees or case.independent_review.decision is not Decision.APPROVE
    return TransitionRefused.REASON_NEEDED if surprising and not event.review.reasons else None


def _barred_code(case: Case, event: ev.CodeSent, policy: CasePolicy) -> TransitionRefused | None:
    if case.confirmation is not None and event.confirmation.sent < case.confirmation.sent + PAUSE:
        return TransitionRefused.JUST_SENT
    return TransitionRefused.ENOUGH_CODES if case.codes_sent >= policy.max_codes else None


def advance(case: Case, event: ev.Event, now: float, policy: CasePolicy) -> Case:
    """The case after an event, one version on; the same object where the event cannot happen (see `barred`)."""
    if refusal(case, event, now, policy) is not None:
        return case
    line = TABLE[case.state, type(event)]
    outcome = apply(case, event, now, policy)
    after, target = outcome.case, outcome.target
    if target not in line.targets:
        raise RuntimeError(f"{name(event)} leads from {case.state} to {target}, which the table does not know")
    if target is not None:
        after = replace(after, changed=now, deadline=deadline(after, target, now, policy), state=target)
    if target is S.APPROVED and after.deadline is not None:
        after = replace(after, expires=max(after.expires, after.deadline))
    if line.told:
        told = Move(now, name(event), actor(event), line.role, case.state, after.state, outcome.reason)
        after = replace(after, history=(*case.history, told))
    edition = case.edit_version if isinstance(event, _QUIET) else case.edit_version + 1
    return replace(after, version=case.version + 1, edit_version=edition)


def actor(event: ev.Event) -> str:
    """Who acted, as the history names them: a staff id, "citizen" or "broker"."""
    if isinstance(event, ev.ByStaff):
        return event.by
    return "broker" if isinstance(event, ev.ByClock) else "citizen"


_STORED_NAMES: Final[Mapping[type[ev.Event], str]] = MappingProxyType(
    {
        ev.ReadyForSession: "readied",
        ev.Returned: "put_back",
        ev.Reassigned: "taken_back",
        ev.AttemptsExhausted: "attempts_spent",
        ev.Repudiated: "disowned",
        ev.IndependentReviewRecorded: "view_given",
        ev.TransactionReplaced: "rejoined",
        ev.ContinuationCodeIssued: "continuation_drawn",
        ev.DeadlinePassed: "time_ran_out",
    }
)
"""Names of events that were stored before the class got its present name."""


def name(event: ev.Event | type[ev.Event]) -> str:
    """The event's name in history and audit, such as `session_started`. Stored: it never changes."""
    kind = event if isinstance(event, type) else type(event)
    if kind in _STORED_NAMES:
        return _STORED_NAMES[kind]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


EVENTS: tuple[type[ev.Event], ...] = get_args(ev.Event)
"""Every kind of event there is."""
