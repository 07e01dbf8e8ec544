"""Parts of a verification case: contact, evidence, checks, decisions, and the lines of its history.

All times are seconds since 1970 UTC. A record contains digests of codes, never codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.assisted.case_states import CaseState
from broker.model.assurance import EvidenceType, Level


class Role(StrEnum):
    """Roles in which an actor changes a case."""

    CITIZEN = "citizen"
    AGENT = "agent"
    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"
    STAFF = "staff"
    DESK = "desk"
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
    SENT = "sent"
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
class Appointment:
    """Appointment that the citizen has. `id` names the booking, `place` an office or a channel, `room` is its number.

    `reminders` are the moments at which the citizen is still to be reminded.
    """

    id: str
    place: str
    room: int
    begins: float
    ends: float
    reminders: tuple[float, ...] = ()


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
class LookUp:
    """Look-up in a source outside of the evidence. `kind` is a name from the profile file, `source` the name of the
    source, `reference` that of the answer there; `connector` says that a program asked the source.
    """

    kind: str
    source: str
    reference: str
    at: float
    connector: bool = False


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """Outcome of one check, as a member of staff recorded it. `check` is a name from the checklist of the profile file.

    `overridden` is True if a different outcome was recorded before. `lookup` is the look-up that answered it.
    """

    check: str
    outcome: CheckOutcome
    by: str
    at: float
    reason: str | None = None
    overridden: bool = False
    lookup: LookUp | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """By when (seconds since 1970 UTC) staff promised to talk to the citizen, and whether that time passed before."""

    until: float
    missed: bool = False


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

    `level` is the level computed at that time, `profiles` the version of the profile file. `wanted` are the kinds of
    evidence that the citizen is asked for.
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
    wanted: tuple[str, ...] = ()


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
    """Silent alarm, raised by a member of staff at any time. The citizen never sees it. `seen` is the lead who
    acknowledged it.
    """

    by: str
    at: float
    reason: str
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Question of a member of staff to the leads, and a lead's answer. Both passed `codes.lint_note`."""

    by: str
    at: float
    question: str
    answer: str = ""
    answered_by: str | None = None
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Note that passed `codes.lint_note`, or the reason for opening the case by its reference."""

    by: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class CasePasskey:
    """Passkey that the citizen made in the asking browser while the case is open.

    `digest` names it among the passkeys, `asker` is the digest of the browser's mark. `keep` is for how many seconds
    the identity is kept for it. It binds only after an agent confirmed it in the session (`confirmed`: a staff id).
    """

    digest: str
    at: float
    asker: str
    keep: float
    confirmed: str | None = None


@dataclass(frozen=True, slots=True)
class IdentityBinding:
    """Binding of the verified identity to the citizen. `subject` is the identity's subject under the broker's issuer
    for cases.

    `asking_browser`, `code`, `words` and `call_back` say which proofs were presented together; `way` is how the code
    was sent; `level` is the authentication level of these proofs. `passkey` is the digest of the passkey that proved it
    alone, on whatever device; `kept` is the key of the identity if it is kept for a passkey.
    """

    subject: str
    at: float
    level: Level
    amr: tuple[str, ...]
    asking_browser: bool
    code: bool
    words: bool
    way: ContactMethod | None = None
    call_back: bool = False
    passkey: str | None = None
    kept: str | None = None


class HoldReason(StrEnum):
    """Why a case is on hold. It decides what the citizen reads and how a lead may end the hold.

    BINDING: the citizen's tries with code and words are used up. JUDGEMENT: a lead must decide what staff did not.
    """

    BINDING = "binding"
    FRAUD = "fraud"
    INCIDENT = "incident"
    JUDGEMENT = "judgement"
    SAFEGUARDING = "safeguarding"


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold of a case in `source`. `until` is when a lead will have looked at it; nothing ends by that time alone."""

    reason: HoldReason
    source: CaseState
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class CallBack:
    """Call to the citizen's number in which an agent reads out a code. `by` is the agent who makes it, None before.

    The citizen asked for it at `asked`; it is made by `until`. The code is derived from `nonce` with a key of the
    broker; it counts until `expires`.
    """

    asked: float
    until: float
    by: str | None = None
    nonce: str = ""
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Decision that its agent may still correct; nothing follows from it before `until`.

    `alike` and `drawn` decide about a second review, `phrase` is the new one if more evidence is asked for.
    """

    until: float
    alike: int
    drawn: bool
    phrase: Phrase | None


@dataclass(frozen=True, slots=True)
class DeskVisit:
    """Visit of the citizen at the counter of a partner desk, the last one. `by` is the agent of the desk who accepted
    the case (`separation_of_duties.desk_id`), `lease` for how many seconds the desk holds it after each step.

    `final` says that the desk takes no further visit, `ended` that it has given its recommendation. `files` are the ids
    of the photographs that it sent.
    """

    client_id: str
    location: str
    by: str
    lease: int
    final: bool = False
    ended: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Complaint:
    """Complaint of the citizen about a declined case, and the lead's answer to it."""

    at: float
    text: str
    answer: str = ""
    answered_by: str | None = None
    answered: float | None = None


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
