"""Events of a case that come from staff. `by` is the member of staff who acts."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.assisted.case_records import (
    Channel,
    CheckRecord,
    EvidenceRecord,
    IndependentReview,
    Phrase,
    Review,
    Verdict,
)
from broker.assisted.contact_log import ContactAttempt
from broker.assisted.events.appointments import SlotsByStaff
from broker.assisted.events.desk import ByDesk
from broker.assisted.former import FormerIdentity

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
class ContactTried:
    """The agent tried to reach the citizen."""

    attempt: ContactAttempt

    @property
    def by(self) -> str:
        """Agent who tried."""
        return self.attempt.by


@dataclass(frozen=True, slots=True)
class RoomOpened:
    """The agent opened a video room. `link` leads to it."""

    by: str
    link: str


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
class PromptsFollowed:
    """In the video that the citizen sent they followed the prompts, one of which is the first word."""

    by: str


@dataclass(frozen=True, slots=True)
class PasskeyConfirmed:
    """The agent heard from the citizen that the passkey with this digest is theirs, made where they read the words."""

    by: str
    digest: str


@dataclass(frozen=True, slots=True)
class FormerConfirmed:
    """What is kept of the citizen agrees with the evidence and the details. `stolen`: the passkeys were ended at once,
    since the citizen says that they were stolen.
    """

    by: str
    former: FormerIdentity
    stolen: bool = False


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


@dataclass(frozen=True, slots=True)
class Corrected:
    """The agent takes a decision back that has not taken effect, to decide again."""

    by: str


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
class Assigned:
    """A lead gave the case to a member of staff (`to`), in place of its holder if it has one."""

    by: str
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A lead put the case on hold."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """A lead ended the hold: the case returns to the queue, with a new mutual phrase if there is one. With `approved`
    it returns to the approved state, in which the citizen has new tries.
    """

    by: str
    reason: str
    phrase: Phrase | None = None
    approved: bool = False


@dataclass(frozen=True, slots=True)
class ComplaintAnswered:
    """A lead answered the citizen's complaint. The citizen reads the answer."""

    by: str
    answer: str


@dataclass(frozen=True, slots=True)
class CallBackStarted:
    """An agent calls the citizen, who asked for it. The code that they read out is derived from `nonce`."""

    by: str
    nonce: str
    expires: float


@dataclass(frozen=True, slots=True)
class CallBackMissed:
    """The agent did not reach the citizen, or another person answered: the code no longer counts."""

    by: str
    reason: str


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
class Unfrozen:
    """A lead released an identity that had been stopped: it was the citizen."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A lead has seen the flags of the case and deals with them."""

    by: str


@dataclass(frozen=True, slots=True)
class LeadAsked:
    """The holder of the case asked the leads a question."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class LeadAnswered:
    """A lead answered the last question to the leads."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A lead revoked the identity: fraud or a mistake."""

    by: str
    reason: str


ByStaff = (
    Claimed
    | Renewed
    | Returned
    | ContactTried
    | RoomOpened
    | SessionStarted
    | WordsExchanged
    | PromptsFollowed
    | PasskeyConfirmed
    | FormerConfirmed
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
    | Assigned
    | Held
    | HoldEnded
    | Corrected
    | ByDesk
    | ComplaintAnswered
    | CallBackStarted
    | CallBackMissed
    | HoldDeclined
    | Flagged
    | InterestDeclared
    | Noted
    | Unfrozen
    | Acknowledged
    | LeadAsked
    | LeadAnswered
    | Revoked
    | SlotsByStaff
)
