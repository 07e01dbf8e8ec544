"""What the steps of a journey come to, where the page of the transaction does not say it all by itself."""

from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Channel, ContactMethod
from broker.journey.transaction import Transaction
from broker.model.service import Service


class ProofResult(StrEnum):
    """What became of a try to prove that one is the person who asked for help."""

    DONE = "done"
    WRONG = "wrong"
    EXPIRED = "run_out"
    """The time of the code was over. It does not count as a try."""
    NOT_ALLOWED = "not_now"
    """There is nothing to prove now."""
    ATTEMPTS_EXHAUSTED = "spent"
    """It was wrong once too often: a member of staff looks at the case."""


@dataclass(frozen=True, slots=True)
class StartedTransaction:
    """A transaction was made; the browser goes to its page. `secret` is set where the browser had none yet."""

    handle: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class HelpOffered:
    """What can be asked for: the kinds of session that can reach the level the service needs, the best one first.

    `ways` are those in which messages can be sent to the citizen.
    """

    transaction: Transaction
    service: Service
    channels: tuple[Channel, ...]
    ways: frozenset[ContactMethod] = frozenset(ContactMethod)


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """How a citizen wants to be helped and reached.

    `way` is "email" or "phone", `address` what was typed, trimmed. `channel` is a word of `assisted.case.Channel`.
    """

    way: str
    address: str
    channel: str
    someone_with_me: bool = False
    unsafe: bool = False


class HelpRefused(StrEnum):
    """Why something that a citizen asked for was not done.

    ADDRESS: what was typed is no address of its kind. UNREACHABLE: it is one, but the mail server cannot send to it.
    WAY: messages cannot be sent in this way at all.
    """

    ADDRESS = "address"
    UNREACHABLE = "unreachable"
    WAY = "way"
    NOT_NOW = "not_now"
    JUST_SENT = "just_sent"
    """A confirmation code went out moments ago."""


class LimitKind(StrEnum):
    """The limits at which a citizen is held back."""

    STARTS = "starts"
    """Too many sign-ins began at the citizen's address."""
    OPEN = "open"
    """The citizen's browser has too many sign-ins open."""
    HELP = "help"
    """Too many requests for help came from the citizen's address."""
    CODES = "codes"
    """Too many wrong codes were typed in at the citizen's address."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """A citizen is held back by a limit until a moment (seconds since 1970 UTC).

    `service` is the one whose request it is about, None if none is known. `transaction` is the open one that stays as
    it is. `locales` are the languages that the service wishes for the citizen (BCP 47), best first.
    """

    limit: LimitKind
    until: float
    service: Service | None = None
    transaction: Transaction | None = None
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContinuationIssued:
    """A continuation code, to be shown and then forgotten."""

    code: str


@dataclass(frozen=True, slots=True)
class ResumedTransaction:
    """Where a continuation code leads, and the browser's new secret. `code` is the next code, where there is one."""

    handle: str
    secret: str
    code: str | None = None
