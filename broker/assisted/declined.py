"""Declined case as its citizen may see it: when and why, what they can do about it, and until when."""

from dataclasses import dataclass

from broker.assisted.case import Case
from broker.assisted.case_records import Complaint, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.reasons import Reason

UNSAID = frozenset({Reason.FRAUD_SIGNALS, Reason.COACHED, Reason.UNDER_PRESSURE, Reason.SEEN_BEFORE})
"""Reasons that the citizen is not told: they would warn a fraudster, or endanger a person under pressure."""


@dataclass(frozen=True, slots=True)
class DeclinedStatus:
    """What the page of a declined case shows. Times are seconds since 1970 UTC.

    `reasons` are those that can be told; there may be none. `may_ask` says that a new look may be asked for, until
    `until`; `within` is how many seconds it then takes at most. `may_complain` is False once a lead has answered.
    """

    reference: str
    at: float
    reasons: tuple[str, ...]
    until: float
    within: float
    may_ask: bool
    may_complain: bool
    complaint: Complaint | None


def declined_status(case: Case, policy: CasePolicy) -> DeclinedStatus | None:
    """The status of a declined case; None for any other, and after its personal data was erased."""
    verdict = case.verdict
    if case.state is not CaseState.DECLINED or case.erased or verdict is None or case.deadline is None:
        return None
    if verdict.decision is not Decision.DECLINE:
        raise ValueError("a declined case has the decision to decline")
    return DeclinedStatus(
        case.reference,
        case.changed,
        tuple(reason for reason in verdict.reasons if reason not in UNSAID),
        case.deadline,
        policy.redress_within,
        may_ask=case.redress_until is None,
        may_complain=case.complaint is None or case.complaint.answered_by is None,
        complaint=case.complaint,
    )
