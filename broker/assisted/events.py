"""Events of a case. `by` is the member of staff who acts; the other events come from the citizen or a deadline."""

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
    Phrase,
    Review,
    Safety,
    Verdict,
)

# --- the citizen ---


@dataclass(frozen=True, slots=True)
class Submitted:
    """The citizen gave a contact address and chose a channel. `marks` are fingerprints of the address."""

    contact: Contact
    channel: Channel
    safety: Safety = field(default_factory=Safety)
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyForSession:
    """The citizen is ready for a session now."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A continuation code (digest `used`) continued the case, in the asking browser or another one. `continuation` is
    the next code's digest.
    """

    browser: str
    used: str
    continuation: str
    asking: bool = False


@dataclass(frozen=True, slots=True)
class TransactionReplaced:
    """Another transaction of the same browser waits for the case, since the first one has ended."""

    transaction: str


@dataclass(frozen=True, slots=True)
class ContinuationCodeIssued:
    """A new continuation code was displayed in the current browser. `continuation` is its digest."""

    continuation: str


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A confirmation code was sent. It invalidates the one before."""

    confirmation: Confirmation


@dataclass(frozen=True, slots=True)
class AttemptsExhausted:
    """The limit of wrong codes or words was reached: a lead must decide."""


@dataclass(frozen=True, slots=True)
class MeetingRequested:
    """The citizen cannot prove here that they opened the case, and asks for another meeting with a new phrase.

    `asker` recognizes the present browser from now on. `repeat` names the checks that staff must make again.
    """

    phrase: Phrase
    asker: str
    repeat: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceConfirmed:
    """The citizen confirmed the request of staff on their own device. Evidence with the same id is replaced."""

    evidence: EvidenceRecord


@dataclass(frozen=True, slots=True)
class Bound:
    """The citizen proved that they opened the case, and accepted the details."""

    binding: IdentityBinding


@dataclass(frozen=True, slots=True)
class Released:
    """The identity was released to a service."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The citizen withdrew the case, or signed in another way."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Repudiated:
    """The citizen reports that the case was not theirs."""


# --- the agent ---


@dataclass(frozen=True, slots=True)
class Claimed:
    """An agent took the case."""

    by: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The holder is still at work: the lease is renewed."""

    by: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The holder returned the case, before a session or from a review."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The session between agent and citizen started."""

    by: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class WordsExchanged:
    """Both words of the mutual phrase were read aloud and were correct."""

    by: str


@dataclass(frozen=True, slots=True)
class EvidenceRecorded:
    """A piece of evidence was recorded with its checks. Evidence with the same id is replaced."""

    by: str
    evidence: EvidenceRecord
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceRemoved:
    """A piece of evidence that was recorded by mistake was removed."""

    by: str
    id: str


@dataclass(frozen=True, slots=True)
class ChecksRecorded:
    """Checks of the person (activity, fraud) were recorded. A check of the same name is replaced."""

    by: str
    checks: tuple[CheckRecord, ...]


@dataclass(frozen=True, slots=True)
class DetailsRecorded:
    """The personal details were recorded from the evidence. A difference from an earlier record is a correction."""

    by: str
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SessionDropped:
    """The session broke off; the citizen returns to the queue."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The session ended; the agent decides. The citizen does not learn the decision here."""

    by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The agent decided. `alike` counts other cases with one of the same fingerprints; `drawn` is the random sample.

    If more evidence is needed, `phrase` is a new mutual phrase, None keeps it.
    """

    verdict: Verdict
    alike: int = 0
    drawn: bool = False
    phrase: Phrase | None = None

    @property
    def by(self) -> str:
        """Agent who decided."""
        return self.verdict.by


# --- the reviewer ---


@dataclass(frozen=True, slots=True)
class ReviewClaimed:
    """A reviewer took the case."""

    by: str


@dataclass(frozen=True, slots=True)
class IndependentReviewRecorded:
    """The reviewer recorded their own decision. Only after that may they see the agent's verdict."""

    view: IndependentReview

    @property
    def by(self) -> str:
        """Reviewer who recorded it."""
        return self.view.by


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The reviewer agreed or disagreed with the agent's verdict."""

    review: Review

    @property
    def by(self) -> str:
        """Reviewer who decided."""
        return self.review.by


# --- leads, and any member of staff ---


@dataclass(frozen=True, slots=True)
class Opened:
    """A member of staff opened the case by its reference and gave a reason."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reassigned:
    """A lead took the case from its holder."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A lead put the case on hold."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A lead ended the hold: the case returns to the queue. `phrase` is a new mutual phrase, None keeps it."""

    by: str
    reason: str
    phrase: Phrase | None = None


@dataclass(frozen=True, slots=True)
class HoldDeclined:
    """A lead declined a held case."""

    by: str
    reasons: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A member of staff raised a silent alarm."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class InterestDeclared:
    """A member of staff declared a conflict of interest: they know the citizen, or are the citizen."""

    by: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The holder or a lead added a note."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A lead revoked the identity: fraud or a mistake."""

    by: str
    reason: str


# --- deadlines ---


@dataclass(frozen=True, slots=True)
class LeaseLapsed:
    """The lease expired."""


@dataclass(frozen=True, slots=True)
class ReviewLate:
    """The review deadline passed. The case moves to the front; nothing is decided by time alone."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The deadline of the state, or of the whole case, passed."""


@dataclass(frozen=True, slots=True)
class RedressEnded:
    """The time to appeal a declined case passed: its personal data is erased."""


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
    | MeetingRequested
    | DeviceConfirmed
    | Bound
    | Released
    | Withdrawn
    | Repudiated
)
Event = ByCitizen | ByStaff | ByClock
