"""The record of one verification case: a citizen's request for help by a person, from asking to the bound identity.

Every time is seconds since 1970 UTC. Personal data stands in `contact`, `details`, `evidence`, `words` and the notes;
a store keeps the whole record sealed and only what it must search by in the clear. The record holds digests of codes,
never codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.model.assurance import EvidenceType, Level


class CaseState(StrEnum):
    """Where a case stands."""

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
"""The states in which an agent holds the case."""

OPEN = WITH_AGENT | {
    CaseState.DRAFT,
    CaseState.REQUESTED,
    CaseState.QUEUED,
    CaseState.REVIEW,
    CaseState.HELD,
    CaseState.APPROVED,
}
"""The states in which a case still waits for somebody. A transaction has at most one open case."""


class Role(StrEnum):
    """In which part somebody acts on a case."""

    CITIZEN = "citizen"
    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"
    STAFF = "staff"
    CLOCK = "clock"


class ContactMethod(StrEnum):
    """How a notice reaches the citizen."""

    EMAIL = "email"
    PHONE = "phone"
    POST = "post"


class Channel(StrEnum):
    """How the session with the member of staff is held. It caps the level (see `levels`)."""

    PHONE = "phone"
    PHONE_AND_POST = "phone_and_post"
    VIDEO = "video"
    IN_PERSON = "in_person"


class CheckOutcome(StrEnum):
    """What came of one check. `COULD_NOT` always stands with a reason."""

    YES = "yes"
    NO = "no"
    COULD_NOT = "could_not"


class Decision(StrEnum):
    """What a member of staff decides, or would decide."""

    APPROVE = "approve"
    MORE_EVIDENCE = "more_evidence"
    DECLINE = "decline"
    REFER = "refer"


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the citizen wants to be reached: an email address, or a telephone number in international form."""

    way: ContactMethod
    address: str


@dataclass(frozen=True, slots=True)
class Safety:
    """What the citizen said about being reached. Both stop posted codes, `unsafe` also calls and reminders."""

    someone_with_me: bool = False
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """The mutual phrase: the citizen reads the first word aloud, the member of staff answers with the second."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation code on its way: its digest alone. The newest one replaces those before it."""

    digest: str
    way: ContactMethod
    sent: float
    expires: float


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check as a member of staff recorded it. `check` is a name from the profile file's checklist.

    `overridden` says that another outcome stood here before.
    """

    check: str
    outcome: CheckOutcome
    by: str
    at: float
    reason: str | None = None
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """One piece of evidence seen. `kind` is a name from the profile file; `details` are the fields of that kind."""

    id: str
    kind: str
    type: EvidenceType
    by: str
    at: float
    details: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[CheckRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of the person: claims by name as they were confirmed from evidence, flat texts.

    A person with one name has `given_name` or `family_name` alone. `birthdate` is a partial date in the normal form of
    `normalize.dates`, `address` one text with line breaks. `corrected` names the claims that differ from what was
    recorded first: a correction of name or birth date brings a second person in.
    """

    claims: Mapping[str, str] = field(default_factory=dict)
    corrected: tuple[str, ...] = ()
    by: str | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its reasons. `level` is what the system computed then, `profiles` the version of its data."""

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
    """What the reviewer would decide, written down before they may see the agent's verdict."""

    by: str
    at: float
    decision: Decision
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """The reviewer's word on the agent's verdict."""

    by: str
    at: float
    agrees: bool
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """A silent alarm, raised by a member of staff at any moment. The citizen never learns of it."""

    by: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """A linted remark, or the reason for which somebody opened the case by its reference."""

    by: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class IdentityBinding:
    """How the citizen took the identity up. `subject` is the identity's, under the broker's own issuer for cases.

    `asking_browser`, `code` and `words` say what was shown together, `way` how the code had travelled; `level` is what
    that way to authenticate is worth.
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
class Move:
    """One line of the case's history. `source` is None for the first line, `who` a staff id, "citizen" or "broker"."""

    at: float
    event: str
    who: str
    role: Role
    source: CaseState | None
    target: CaseState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One verification case.

    `version` grows by one with every change and a write is accepted only on top of the version it read. `edition` grows
    only with what a member of staff at work must know of before they go on: it is what their page was made from.
    `transaction` is the public id of the transaction that waits for the case and alone may collect it; `browser` the
    digest of the secret of the browser that may look at the case now, `moved` that this is no longer the browser that
    asked. `level`, `claims` and `language` are what the service asked. `requester` is "citizen", or the member of staff
    who opened the case for somebody in front of them. `continuation` is the digest of the continuation code.

    `changed` is when `state` last changed, `deadline` when the state lapses (None: no clock of its own; while an agent
    holds the case the queue's own deadline stays noted), `ends` when the whole case does, `lease` until when the member
    of staff holding the case may write. `queued` is when the citizen began to wait, whatever happened since. `round`
    counts how often the case came into the queue from the citizen or from a hold.

    `interested` are members of staff who declared that they know the citizen. `exchanged` says that the mutual words
    were read out both ways. `marks` are keyed digests of document and telephone numbers, which stay after erasure.
    `late` says that the review missed its time. `erased` says that the personal data is gone.
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
    binding: IdentityBinding | None = None
    erased: bool = False
    history: tuple[Move, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the case still waits for somebody."""
        return self.state in OPEN

    @property
    def holder(self) -> str | None:
        """The member of staff who holds the lease, whether or not it has lapsed."""
        if self.lease is None:
            return None
        return self.reviewer if self.state is CaseState.REVIEW else self.agent

    @property
    def due(self) -> float | None:
        """The next moment at which a clock of this case may run out; None when none is running."""
        clocks = [
            self.lease,
            self.deadline
            if self.state not in WITH_AGENT and not (self.state is CaseState.REVIEW and self.late)
            else None,
            self.expires if self.open else None,
        ]
        return min((moment for moment in clocks if moment is not None), default=None)
