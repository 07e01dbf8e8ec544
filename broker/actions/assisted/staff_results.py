"""What staff are told: who is signed in, a case as they may see it, and why something was not done."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Case, Outcome, State
from broker.assisted.levels import Assessment
from broker.assisted.table import Barred


class ActionRefused(StrEnum):
    """Why nothing was changed, beside what the table of a case bars.

    CONFLICT: somebody else changed the case since the page was made. LAPSED: the lease ran out meanwhile. NOTE: the
    note looks as if it held a code, a password or a card number. REASON: not a reason for this occasion. NOTHING:
    there is nothing to do. MESSAGE: it cannot be shown to the citizen. ASKED: the citizen is being asked already.
    """

    UNKNOWN = "unknown"
    NOT_ALLOWED = "not_allowed"
    CONFLICT = "conflict"
    LAPSED = "lapsed"
    NOT_FRESH = "not_fresh"
    NOTE = "note"
    REASON = "reason"
    NOTHING = "nothing"
    MESSAGE = "message"
    ASKED = "asked"


RefusalReason = ActionRefused | Barred


class StaffAction(StrEnum):
    """What staff can do with a case."""

    CLAIM = "claim"
    RENEW = "renew"
    RETURN_TO_QUEUE = "put_back"
    START_SESSION = "start_session"
    VERIFY_PHRASE = "exchange_words"
    RECORD = "record"
    ASK_CITIZEN = "ask_citizen"
    END_SESSION = "end_session"
    DROP_SESSION = "drop_session"
    DECIDE = "decide"
    INDEPENDENT_REVIEW = "own_view"
    REVIEW = "review"
    REASSIGN = "take_back"
    HOLD = "hold"
    END_HOLD = "end_hold"
    DECLINE_HELD = "decline_held"
    FLAG = "flag"
    DECLARE_INTEREST = "declare_interest"
    NOTE = "note"
    REVOKE = "revoke"


class CaseRole(StrEnum):
    """As whom somebody sees a case. VISITOR sees no personal data."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    OVERSEER = "overseer"
    VISITOR = "visitor"


class CaseWarning(StrEnum):
    """What to think about before going on."""

    SAME_NAME = "same_name"
    SAME_FAMILY_NAME = "same_family_name"
    UNSAFE_TO_CALL = "unsafe_to_call"
    SOMEONE_WITH_CITIZEN = "someone_with_citizen"


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as one member of staff may see it, what its evidence supports now, and what they may do next.

    `case` leaves out what this person must not see, so it is for showing only; every change names `case.edition`.
    `hindrance` is why an approval would be refused now, None where it would pass.
    """

    case: Case
    role: CaseRole
    assessment: Assessment
    actions: frozenset[StaffAction]
    warnings: tuple[CaseWarning, ...] = ()
    approval_refused: Barred | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer on a checklist. `reason` is a word of `assisted.reasons` for COULD_NOT."""

    check: str
    outcome: Outcome
    reason: str | None = None


class InputError(StrEnum):
    """What is wrong with something that was typed or ticked."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_IN_THIS_CHANNEL = "not_in_this_channel"
    NOT_TRAINED = "not_trained"
    REASON = "reason"
    TOO_LONG = "too_long"
    NOT_A_DATE = "not_a_date"
    NOT_A_NAME = "not_a_name"


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """What was typed cannot be recorded: faults by field or check. Nothing was changed."""

    faults: Mapping[str, InputError]


@dataclass(frozen=True, slots=True)
class HeldCase:
    """One line of a lead's list: a case that waits for a lead, or a review that is late. No personal data."""

    reference: str
    state: State
    since: float
    why: str
    late: bool


@dataclass(frozen=True, slots=True)
class Workload:
    """How much waits. `oldest` is when the one who waits longest began to (seconds since 1970 UTC)."""

    queued: int
    reviews: int
    late_reviews: int
    held: int
    oldest: float | None
