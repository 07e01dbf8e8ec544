"""Holds of a case: why it is on hold, and how a lead may end the hold."""

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Decision, HoldReason
from broker.assisted.case_states import CaseState
from broker.assisted.reasons import Reason

_RISKS = {
    Reason.INCIDENT: HoldReason.INCIDENT,
    Reason.FRAUD_SIGNALS: HoldReason.FRAUD,
    Reason.SEEN_BEFORE: HoldReason.FRAUD,
    Reason.SAFEGUARDING: HoldReason.SAFEGUARDING,
    Reason.COACHED: HoldReason.SAFEGUARDING,
    Reason.UNDER_PRESSURE: HoldReason.SAFEGUARDING,
}
"""Reasons of staff that make a hold one of its own kind; every other hold needs a lead's judgement."""


def why_held(event: ev.Event, reasons: str) -> HoldReason:
    """Why an event puts a case on hold. `reasons` are those that staff gave, separated by spaces."""
    if isinstance(event, ev.AttemptsExhausted):
        return HoldReason.BINDING
    given = event.reason if isinstance(event, ev.Flagged) else reasons
    found = {_RISKS[Reason(one)] for one in given.split() if one in _RISKS}
    return min(found) if found else HoldReason.JUDGEMENT


def may_return_to_approved(case: Case) -> bool:
    """Whether a held case may be approved again without another look: staff had approved it, and it is held for spent
    tries or an incident, with no flag since then.
    """
    verdict, review, hold = case.verdict, case.review, case.hold
    if verdict is None or verdict.decision is not Decision.APPROVE or (review is not None and not review.agrees):
        return False
    unsuspected = hold is not None and hold.reason in (HoldReason.BINDING, HoldReason.INCIDENT)
    decided = verdict.at if review is None else review.at
    from_approved = hold is not None and hold.source is CaseState.APPROVED
    flagged = any(flag.at > decided for flag in case.flags)
    return ((from_approved and unsuspected) or case.attempts_exhausted) and not flagged
