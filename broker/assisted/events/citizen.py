"""Events of a case that come from the citizen."""

from dataclasses import dataclass, field

from broker.assisted.case_records import (
    CasePasskey,
    Channel,
    Complaint,
    Confirmation,
    Contact,
    EvidenceRecord,
    IdentityBinding,
    Phrase,
    Safety,
)
from broker.assisted.events.appointments import SlotsByCitizen
from broker.assisted.intake import Intake


@dataclass(frozen=True, slots=True)
class Submitted:
    """The citizen gave a contact address and chose a channel. `marks` are fingerprints of the addresses."""

    contact: Contact
    channel: Channel
    safety: Safety = field(default_factory=Safety)
    marks: tuple[str, ...] = ()
    second: Contact | None = None
    intake: Intake = field(default_factory=Intake)


@dataclass(frozen=True, slots=True)
class Changed:
    """The citizen changed what they had asked for, before a member of staff took the case."""

    contact: Contact
    channel: Channel
    safety: Safety
    marks: tuple[str, ...]
    second: Contact | None
    intake: Intake


@dataclass(frozen=True, slots=True)
class SecondRemoved:
    """The citizen removed their second address."""


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """The citizen, whom staff had missed too often, keeps the request open."""


@dataclass(frozen=True, slots=True)
class ReadyForSession:
    """The citizen is ready for a session now. `everything_sent`: what staff need to look at was sent instead."""

    everything_sent: bool = False


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
class MeetingRequested:
    """The citizen cannot prove here that they opened the case, and asks for another meeting with a new phrase.

    `asker` recognizes the present browser from now on. `repeat` names the checks that staff must make again.
    """

    phrase: Phrase
    asker: str
    repeat: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallBackRequested:
    """The citizen asks to be called, to prove by a code that an agent reads out that they opened the case."""

    asked: float
    until: float


@dataclass(frozen=True, slots=True)
class RedressAsked:
    """The citizen asks for a new look at a declined case, by other people, with a new phrase. It is taken by `until`.

    `browser` sees the case from now on and shows the words, `asker` recognizes it.
    """

    phrase: Phrase
    browser: str
    asker: str
    until: float


@dataclass(frozen=True, slots=True)
class Complained:
    """The citizen complains to a lead about a declined case. A later complaint replaces one without an answer."""

    complaint: Complaint


@dataclass(frozen=True, slots=True)
class PasskeyRegistered:
    """The citizen made a passkey in the asking browser, in place of one that was not confirmed."""

    passkey: CasePasskey


@dataclass(frozen=True, slots=True)
class PasskeyRemoved:
    """The citizen removed the passkey of the case: nothing is kept for it."""


@dataclass(frozen=True, slots=True)
class DeviceConfirmed:
    """The citizen confirmed the request of staff on their own device. Evidence with the same id is replaced."""

    evidence: EvidenceRecord


@dataclass(frozen=True, slots=True)
class Bound:
    """The citizen proved that they opened the case, and accepted the details. `asker` recognizes the present browser
    from now on, if it was not the asking one and a call proved the citizen in it.
    """

    binding: IdentityBinding
    asker: str | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The identity was released to a service."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The citizen withdrew the case, or signed in another way."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A person who got the notice of an identity in their name, or of a passkey that is to be replaced, stopped it,
    until a lead releases it.
    """

    at: float


@dataclass(frozen=True, slots=True)
class Repudiated:
    """The citizen reports that the case was not theirs."""


ByCitizen = (
    Submitted
    | Changed
    | SecondRemoved
    | KeptOpen
    | SlotsByCitizen
    | ReadyForSession
    | Resumed
    | TransactionReplaced
    | ContinuationCodeIssued
    | CodeSent
    | MeetingRequested
    | CallBackRequested
    | RedressAsked
    | Complained
    | PasskeyRegistered
    | PasskeyRemoved
    | DeviceConfirmed
    | Bound
    | Released
    | Withdrawn
    | Frozen
    | Repudiated
)
