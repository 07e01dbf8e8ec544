"""What can happen to a case. `by` is the member of staff who acts; the rest comes from the citizen or a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.assisted.case import (
    Channel,
    CheckRecord,
    Confirmation,
    Contact,
    EvidenceRecord,
    IdentityBinding,
    IndependentReview,
    Review,
    Safety,
    Verdict,
)

# --- the citizen ---


@dataclass(frozen=True, slots=True)
class Submitted:
    """The citizen said how to be reached and which kind of session suits. `marks` stand for the contact address."""

    contact: Contact
    channel: Channel
    safety: Safety = field(default_factory=Safety)
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyForSession:
    """The citizen is ready to talk to somebody now."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A continuation code (its digest is `used`) brought another browser. `continuation` is the next code's digest."""

    browser: str
    used: str
    continuation: str


@dataclass(frozen=True, slots=True)
class TransactionReplaced:
    """The transaction that waited for the case is gone: another, of the same citizen's browser, waits in its place."""

    transaction: str


@dataclass(frozen=True, slots=True)
class ContinuationCodeIssued:
    """A new continuation code was shown, in the browser that looks on. `continuation` is its digest."""

    continuation: str


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A confirmation code went out. The one before it is dead."""

    confirmation: Confirmation


@dataclass(frozen=True, slots=True)
class AttemptsExhausted:
    """Too many wrong codes or words: a lead has to look at it."""


@dataclass(frozen=True, slots=True)
class DeviceConfirmed:
    """Somebody proved who they are on a device of their own and confirmed what staff asked. The same id replaces."""

    evidence: EvidenceRecord


@dataclass(frozen=True, slots=True)
class Bound:
    """The citizen proved to be the one who asked, and agreed to the details. `reusable` if they want to keep it."""

    binding: IdentityBinding
    reusable: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """The identity answered a service."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The citizen does not want help any more, or found another way."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Repudiated:
    """The citizen says "this was not me"."""


# --- the agent ---


@dataclass(frozen=True, slots=True)
class Claimed:
    """An agent took the case."""

    by: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The holder is still at work: the lease begins anew."""

    by: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The holder gives the case back, before a session or from a review."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The agent and the citizen meet."""

    by: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class WordsExchanged:
    """Each side read its word of the mutual phrase, and both were right."""

    by: str


@dataclass(frozen=True, slots=True)
class EvidenceRecorded:
    """A piece of evidence with its checks. The same id replaces what was recorded before."""

    by: str
    evidence: EvidenceRecord
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceRemoved:
    """A piece of evidence was recorded by mistake."""

    by: str
    id: str


@dataclass(frozen=True, slots=True)
class ChecksRecorded:
    """Checks of the person (activity, fraud). A check of the same name is replaced."""

    by: str
    checks: tuple[CheckRecord, ...]


@dataclass(frozen=True, slots=True)
class DetailsRecorded:
    """The person's details as the evidence shows them. Whatever differs from an earlier record is a correction."""

    by: str
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SessionDropped:
    """The session broke off; the citizen waits again."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session is over; the agent decides. The citizen is not told what."""

    by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The agent's decision. `alike` counts other cases with one of the same marks, `drawn` says that chance, asked
    after the decision, wants a second person."""

    verdict: Verdict
    alike: int = 0
    drawn: bool = False

    @property
    def by(self) -> str:
        """Whose decision it is."""
        return self.verdict.by


# --- the reviewer ---


@dataclass(frozen=True, slots=True)
class ReviewClaimed:
    """A reviewer took the case."""

    by: str


@dataclass(frozen=True, slots=True)
class IndependentReviewRecorded:
    """The reviewer wrote down what they would decide. Only now may they see the agent's verdict."""

    view: IndependentReview

    @property
    def by(self) -> str:
        """Whose view it is."""
        return self.view.by


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The reviewer's word on the agent's verdict."""

    review: Review

    @property
    def by(self) -> str:
        """Whose word it is."""
        return self.review.by


# --- leads, and whoever is signed in ---


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody looked the case up by its reference, and said why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reassigned:
    """A lead takes the case from whoever holds it."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A lead stops the case until they know more."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A lead lets a stopped case go on: it waits in the queue again."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoldDeclined:
    """A lead declines a stopped case."""

    by: str
    reasons: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A silent alarm."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class InterestDeclared:
    """A member of staff knows the citizen, or is the citizen."""

    by: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A remark of the holder's or of a lead's."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A lead takes the identity back: fraud, or a mistake."""

    by: str
    reason: str


# --- the clock ---


@dataclass(frozen=True, slots=True)
class LeaseLapsed:
    """Nobody renewed the lease."""


@dataclass(frozen=True, slots=True)
class ReviewLate:
    """The review was not done in time. It comes first now; nothing is decided by waiting."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The time of the state, or of the whole case, is over."""


@dataclass(frozen=True, slots=True)
class RedressEnded:
    """The time to complain about a declined case is over: its personal data goes."""


ByStaff = (
    Claimed
    | Renewed
    | Returned
    | SessionStarted
    | WordsExchanged
    | EvidenceRecorded
    | EvidenceRemoved
    | ChecksRecorded
    | DetailsRecorded
    | SessionDropped
    | SessionEnded
    | Decided
    | ReviewClaimed
    | IndependentReviewRecorded
    | Reviewed
    | Opened
    | Reassigned
    | Held
    | HoldEnded
    | HoldDeclined
    | Flagged
    | InterestDeclared
    | Noted
    | Revoked
)
ByClock = LeaseLapsed | ReviewLate | DeadlinePassed | RedressEnded | AttemptsExhausted
ByCitizen = (
    Submitted
    | ReadyForSession
    | Resumed
    | TransactionReplaced
    | ContinuationCodeIssued
    | CodeSent
    | DeviceConfirmed
    | Bound
    | Released
    | Withdrawn
    | Repudiated
)
Event = ByCitizen | ByStaff | ByClock
