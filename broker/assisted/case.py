"""Record of a verification case: a citizen's request for help by a person, from the request to the bound identity.

All times are seconds since 1970 UTC. Personal data is in `contact`, `details`, `evidence`, `phrase` and the notes; a
store encrypts the whole record and keeps only the search keys in the clear. The record contains digests of codes, never
codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.model.assurance import EvidenceType, Level


class CaseState(StrEnum):
    """States of a case. `transitions.RULES` is the state table."""

    DRAFT = "draft"
    REQUESTED = "requested"
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
    CaseState.QUEUED,
    CaseState.REVIEW,
    CaseState.HELD,
    CaseState.APPROVED,
}
"""States in which a case still needs an action of citizen or staff. A transaction has at most one open case."""


ATTEMPTS_EXHAUSTED = "attempts_spent"
"""Name of the event in the history by which a case is held after too many wrong codes or words."""


class Role(StrEnum):
    """Roles in which an actor changes a case."""

    CITIZEN = "citizen"
    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"
    STAFF = "staff"
    CLOCK = "clock"


class ContactMethod(StrEnum):
    """Channels by which notifications reach the citizen."""

    EMAIL = "email"
    PHONE = "phone"
    POST = "post"


class Channel(StrEnum):
    """Channel of the session between citizen and staff. It caps the level of assurance (see `levels.level_cap`)."""

    PHONE = "phone"
    PHONE_AND_POST = "phone_and_post"
    VIDEO = "video"
    IN_PERSON = "in_person"


class CheckOutcome(StrEnum):
    """Outcome of one check. `COULD_NOT` always comes with a reason."""

    YES = "yes"
    NO = "no"
    COULD_NOT = "could_not"


class Decision(StrEnum):
    """Decisions of an agent, and of a reviewer in the independent review."""

    APPROVE = "approve"
    MORE_EVIDENCE = "more_evidence"
    DECLINE = "decline"
    REFER = "refer"


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact address of the citizen: an email address, or a telephone number in E.164 form."""

    way: ContactMethod
    address: str


@dataclass(frozen=True, slots=True)
class Safety:
    """What the citizen said about being contacted safely.

    Both flags prevent codes by post; `unsafe` also prevents calls and reminders.
    """

    someone_with_me: bool = False
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Mutual phrase: the citizen reads the first word aloud, the agent answers with the second."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Confirmation code that was sent, as a digest. A newer code replaces it."""

    digest: str
    way: ContactMethod
    sent: float
    expires: float


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """Outcome of one check, as a member of staff recorded it. `check` is a name from the checklist of the profile file.

    `overridden` is True if a different outcome was recorded before.
    """

    check: str
    outcome: CheckOutcome
    by: str
    at: float
    reason: str | None = None
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """Piece of evidence. `kind` is a name from the profile file; `details` are the fields of that kind."""

    id: str
    kind: str
    type: EvidenceType
    by: str
    at: float
    details: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[CheckRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """Personal details of the citizen: claims by name, as plain strings, as confirmed from evidence.

    A person with one name has `given_name` or `family_name` alone. `birthdate` is a partial date in the normal form of
    `normalize.dates`, `address` is one string with line breaks. `corrected` names the claims that differ from the first
    record: a corrected name or birth date requires a second review.
    """

    claims: Mapping[str, str] = field(default_factory=dict)
    corrected: tuple[str, ...] = ()
    by: str | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision of an agent with its reasons.

    `level` is the level computed at that time, `profiles` the version of the profile file.
    """

    by: str
    at: float
    decision: Decision
    reasons: tuple[str, ...] = ()
    note: str = ""
    level: Level | None = None
    profile: str | None = None
    profiles: str | None = None
    in_training: bool = False


@dataclass(frozen=True, slots=True)
class IndependentReview:
    """Independent review: the reviewer's own decision, recorded before the agent's verdict is revealed to them."""

    by: str
    at: float
    decision: Decision
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Review of the agent's verdict: whether the reviewer agrees."""

    by: str
    at: float
    agrees: bool
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """Silent alarm, raised by a member of staff at any time. The citizen never sees it."""

    by: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Note that passed `codes.lint_note`, or the reason for opening the case by its reference."""

    by: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class IdentityBinding:
    """Binding of the verified identity to the citizen. `subject` is the identity's subject under the broker's issuer
    for cases.

    `asking_browser`, `code` and `words` say which proofs were presented together; `way` is how the code was sent;
    `level` is the authentication level of these proofs.
    """

    subject: str
    at: float
    level: Level
    amr: tuple[str, ...]
    asking_browser: bool
    code: bool
    words: bool
    way: ContactMethod | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One transition of the case.

    `source` is None for the first entry; `who` is a staff id, "citizen" or "broker".
    """

    at: float
    event: str
    who: str
    role: Role
    source: CaseState | None
    target: CaseState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Verification case.

    `version` grows by one with every change, and a store accepts a write only on top of the version that was read.
    `edit_version` grows only with changes that staff must see before they continue; a staff page carries the value it
    was made from. `transaction` is the public id of the transaction that waits for the case, the only one that may
    collect the identity; `browser` is the digest of the secret of the browser that may see the case now, and `moved`
    says that this is not the browser of `asker`. `asker` is the digest of the mark of the asking browser, whose words
    staff and citizen exchange: the one that asked for help, or the one in which the citizen asked for another meeting.
    `level`, `claims` and `language` come from the service's request. `requester` is "citizen", or the member of staff
    who opened the case for a citizen who is present. `continuation` is the digest of the continuation code.

    `changed` is when `state` last changed; `deadline` when the state expires (None: no deadline of its own; while an
    agent holds the case, the deadline of the queue is kept); `expires` when the whole case does; `lease` until when its
    holder may write. `queued` is when the citizen first entered the queue. `queue_round` counts entries into the queue
    from the citizen or from a hold.

    `conflicts_of_interest` are members of staff who declared that they know the citizen. `phrase_verified` says that
    both words of the mutual phrase were exchanged. `fingerprints` are keyed digests of document and telephone numbers,
    which stay after erasure. `meetings` counts the meetings that the citizen asked for after approval. `late` says that
    the review deadline has passed. `erased` says that the personal data was deleted.
    """

    id: str
    version: int
    state: CaseState
    transaction: str
    browser: str
    client_id: str
    level: Level
    claims: tuple[str, ...]
    language: str
    reference: str
    phrase: Phrase
    created: float
    changed: float
    expires: float
    edit_version: int = 1
    deadline: float | None = None
    queued: float | None = None
    lease: float | None = None
    requester: str = "citizen"
    continuation: str | None = None
    moved: bool = False
    asker: str = ""
    confirmation: Confirmation | None = None
    codes_sent: int = 0
    contact: Contact | None = None
    safety: Safety = field(default_factory=Safety)
    channel: Channel | None = None
    details: Details = field(default_factory=Details)
    evidence: tuple[EvidenceRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    phrase_verified: bool = False
    agent: str | None = None
    verdict: Verdict | None = None
    second_review_reasons: tuple[str, ...] = ()
    reviewer: str | None = None
    independent_review: IndependentReview | None = None
    review: Review | None = None
    late: bool = False
    flags: tuple[Flag, ...] = ()
    notes: tuple[Note, ...] = ()
    conflicts_of_interest: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    queue_round: int = 0
    more_asked: int = 0
    meetings: int = 0
    binding: IdentityBinding | None = None
    erased: bool = False
    history: tuple[HistoryEntry, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the case still needs an action of citizen or staff."""
        return self.state in OPEN

    @property
    def approved_before(self) -> bool:
        """Whether the case was approved since it last entered the queue. From then on the mutual phrase is a proof."""
        for move in reversed(self.history):
            if move.source is not move.target and move.target in (CaseState.APPROVED, CaseState.QUEUED):
                return move.target is CaseState.APPROVED
        return False

    @property
    def attempts_exhausted(self) -> bool:
        """Whether the case is held since the citizen's attempts with code and phrase were used up."""
        moved = next((move for move in reversed(self.history) if move.source is not move.target), None)
        return self.state is CaseState.HELD and moved is not None and moved.event == ATTEMPTS_EXHAUSTED

    @property
    def holder(self) -> str | None:
        """Holder of the lease, expired or not; None if there is no lease."""
        if self.lease is None:
            return None
        return self.reviewer if self.state is CaseState.REVIEW else self.agent

    @property
    def due(self) -> float | None:
        """Earliest time at which a deadline of the case passes; None if none is set."""
        clocks = [
            self.lease,
            self.deadline
            if self.state not in WITH_AGENT and not (self.state is CaseState.REVIEW and self.late)
            else None,
            self.expires if self.open else None,
        ]
        return min((moment for moment in clocks if moment is not None), default=None)
