"""States of a verification case."""

from enum import StrEnum


class CaseState(StrEnum):
    """States of a case. `transitions.RULES` is the state table."""

    DRAFT = "draft"
    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    CLAIMED = "claimed"
    IN_SESSION = "in_session"
    DECISION = "decision"
    REVIEW = "review"
    HELD = "held"
    APPROVED = "approved"
    BOUND = "bound"
    RELEASED = "released"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REVOKED = "revoked"


WITH_AGENT = frozenset({CaseState.CLAIMED, CaseState.IN_SESSION, CaseState.DECISION})
"""States in which an agent holds the case."""

OPEN = WITH_AGENT | {
    CaseState.DRAFT,
    CaseState.REQUESTED,
    CaseState.SCHEDULED,
    CaseState.QUEUED,
    CaseState.REVIEW,
    CaseState.HELD,
    CaseState.APPROVED,
}
"""States in which a case still needs an action of citizen or staff. A transaction has at most one open case."""


ATTEMPTS_EXHAUSTED = "attempts_spent"
"""Name of the event in the history by which a case is held after too many wrong codes or words."""
