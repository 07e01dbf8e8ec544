"""Results of actions that the transaction's page alone does not render."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.assisted.case_records import Channel, ContactMethod
from broker.assisted.case_status import Asked
from broker.assisted.former import CasePurpose, FormerIdentity
from broker.assisted.help_ways import HelpWay
from broker.assisted.intake import Intake
from broker.journey.transaction import Transaction
from broker.model.service import Service


class ProofResult(StrEnum):
    """The result of an attempt to prove to be the person who requested help."""

    DONE = "done"
    WRONG = "wrong"
    EXPIRED = "run_out"
    """The code had expired. It does not count as an attempt."""
    NOT_ALLOWED = "not_now"
    """There is nothing to prove now."""
    ATTEMPTS_EXHAUSTED = "spent"
    """Too many attempts were wrong: a member of staff reviews the case."""
    BELOW_NEED = "below_need"
    """In this browser code and words prove less than the service needs. It does not count as an attempt."""
    CALL_OVER = "call_over"
    """The code of a call was typed in, and no call is being made. It does not count as an attempt."""


@dataclass(frozen=True, slots=True)
class TypedProof:
    """What the citizen typed in: the confirmation code, the two words, the code that an agent read out in a call."""

    code: str
    words: str = ""
    call: str = ""


class ProofField(StrEnum):
    """What is wrong with one field of a proof that cannot be compared."""

    MISSING = "missing"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class IncompleteProof:
    """A proof that cannot be right by its shape. It does not count as an attempt. None: nothing is wrong with it."""

    code: ProofField | None
    words: ProofField | None
    call: ProofField | None = None


@dataclass(frozen=True, slots=True)
class StartedTransaction:
    """A transaction was created; the browser goes to its page. `secret` is set if the browser had none."""

    handle: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class HelpOffered:
    """The help on offer: the ways that can reach the level the service needs, the strongest first.

    `below` are ways that cannot reach it. `waits` says how long (seconds) half of the citizens waited at most, by
    channel, if that can be said, `promises` within how many seconds of opening hours staff talk to them, if that is
    promised and kept. `contact_methods` are how messages can be sent to the citizen, `documents` the kinds
    of evidence that citizens can show, with their names by language. `asked` is what was asked for, of a request that
    is changed. `purpose` is what the case would be for, `former` the kept identity that it would renew.
    """

    transaction: Transaction
    service: Service
    ways: tuple[HelpWay, ...]
    below: tuple[HelpWay, ...] = ()
    waits: Mapping[Channel, int] = field(default_factory=dict)
    contact_methods: frozenset[ContactMethod] = frozenset(ContactMethod)
    documents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    asked: Asked | None = None
    promises: Mapping[Channel, int] = field(default_factory=dict)
    purpose: CasePurpose = CasePurpose.NEW
    former: FormerIdentity | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of the ways."""
        return tuple(way.channel for way in self.ways)


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """How a citizen wants to be helped and reached.

    `way` is "email" or "phone", `address` what was typed, trimmed; "" keeps the address of a request that is changed.
    `second` is a further address with its way. `channel` is a word of `assisted.case_records.Channel`. `purpose` is
    REBIND if the citizen has no passkey any more; an errand has a purpose of its own.
    """

    way: str
    address: str
    channel: str
    someone_with_me: bool = False
    unsafe: bool = False
    second: tuple[str, str] | None = None
    intake: Intake = field(default_factory=Intake)
    purpose: CasePurpose = CasePurpose.NEW


class HelpRefused(StrEnum):
    """Why a citizen's request was refused.

    ADDRESS: the text is no address of its kind. UNREACHABLE: it is one, but the mail server cannot send to it.
    WAY: messages cannot be sent in this way. SECOND: the second address is none, or is the first one.
    """

    ADDRESS = "address"
    UNREACHABLE = "unreachable"
    WAY = "way"
    SECOND = "second"
    NOT_NOW = "not_now"
    JUST_SENT = "just_sent"
    """A confirmation code went out moments ago."""


class LimitKind(StrEnum):
    """The rate limits that citizens can reach."""

    STARTS = "starts"
    """Too many sign-ins began at the citizen's address."""
    OPEN = "open"
    """The citizen's browser has too many sign-ins open."""
    HELP = "help"
    """Too many requests for help came from the citizen's address."""
    CODES = "codes"
    """Too many wrong codes were typed in at the citizen's address."""
    FREEZES = "freezes"
    """Too many links that stop an identity were opened at the citizen's address, or one of them too often."""
    PASSKEYS = "passkeys"
    """Too many passkeys were used at the citizen's address."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """A rate limit rejects the request until a moment (seconds since 1970 UTC).

    `service` is the one whose request it is about, None if none is known. `transaction` is the open one that stays as
    it is. `locales` are the languages that the service wishes for the citizen (BCP 47), best first.
    """

    limit: LimitKind
    until: float
    service: Service | None = None
    transaction: Transaction | None = None
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskingMark:
    """The mark by which a browser is recognized as the asking one of a case, and how long (seconds) to keep it."""

    value: str
    seconds: int


@dataclass(frozen=True, slots=True)
class ContinuationIssued:
    """A continuation code, to be displayed once and not stored in the clear. `mark` is set if it is of a new case."""

    code: str
    mark: AskingMark | None = None


class ResumeRefused(StrEnum):
    """Why a continuation code that is right does not continue in this browser."""

    BOUND_ELSEWHERE = "bound_elsewhere"


@dataclass(frozen=True, slots=True)
class ResumedTransaction:
    """The transaction of a continuation code, and the browser's new secret. `code` is the next code, if any."""

    handle: str
    secret: str
    code: str | None = None
