"""What the steps of a journey come to, where the page of the transaction does not say it all by itself."""

from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Channel
from broker.journey.transaction import Transaction
from broker.model.service import Service


class Proof(StrEnum):
    """What became of a try to prove that one is the person who asked for help."""

    DONE = "done"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Begun:
    """A transaction was made; the browser goes to its page. `secret` is set where the browser had none yet."""

    handle: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class HelpOffered:
    """What can be asked for: the kinds of session that can reach the level the service needs, the best one first."""

    transaction: Transaction
    service: Service
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class HelpWanted:
    """How a citizen wants to be helped and reached.

    `way` is "email" or "phone", `address` what was typed, trimmed. `channel` is a word of `assisted.case.Channel`.
    """

    way: str
    address: str
    channel: str
    someone_with_me: bool = False
    unsafe: bool = False


class Refusal(StrEnum):
    """Why a request for help was not taken."""

    ADDRESS = "address"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True)
class Continuation:
    """A continuation code, to be shown and then forgotten."""

    code: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where a continuation code leads, and the browser's new secret. `code` is the next code, where there is one."""

    handle: str
    secret: str
    code: str | None = None
