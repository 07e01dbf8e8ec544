"""Events of a transaction, in the past tense, with the data that they carry."""

from dataclasses import dataclass

from broker.journey.transaction import Attempt, QueuePlace
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.request import ClientRedirect


@dataclass(frozen=True, slots=True)
class ProviderChosen:
    """The citizen chose a provider. If it cannot be redirected to, AttemptFailed follows."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Queued:
    """The citizen chose a provider that takes only so many a second, and got a place in line."""

    place: QueuePlace


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The citizen gave their place in line up, to choose again."""


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """A response for the attempt reached the callback. Saving this event claims the response: a second copy is
    rejected.
    """

    attempt_id: str


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The attempt at `provider` failed, or an identity of it was rejected when checked again.

    Ignored if `provider` is not the provider of the current attempt or identity.
    """

    failure: FailureClass
    provider: str


@dataclass(frozen=True, slots=True)
class IdentityProven:
    """An identity passed `accept_identity`: from the provider of the attempt, or from the verification case `case`."""

    identity: Identity
    case: str | None = None


@dataclass(frozen=True, slots=True)
class SessionAccepted:
    """The broker's own session passed `accept_session`. `account` is its account."""

    identity: Identity
    account: str


@dataclass(frozen=True, slots=True)
class HelpRequested:
    """The citizen requested assisted verification. `case` is the id of the new case."""

    case: str


@dataclass(frozen=True, slots=True)
class HelpResumed:
    """The citizen returned to their open case."""


@dataclass(frozen=True, slots=True)
class HelpEnded:
    """The case ended without an identity, for the reason of a HELP class."""

    failure: FailureClass
    case: str


@dataclass(frozen=True, slots=True)
class NoRouteFound:
    """No provider on offer can reach the requested level."""


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """The answer for the service was written. `leaving` is the redirect of the browser, None if it has none to follow.

    `account` is the account of the answer; after SessionAccepted it must be the session's. `told` is False if no code
    was sent: the identity is stored and answers the service's next request.
    """

    leaving: ClientRedirect | None
    account: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class AnsweredBefore:
    """The service has received the answer to this request already: from another transaction of the same pushed request,
    or from this one before a crash.
    """


@dataclass(frozen=True, slots=True)
class SharingDeclined:
    """The citizen declined to release their claims to the service."""


@dataclass(frozen=True, slots=True)
class BrowserChanged:
    """The transaction was moved to another browser. `browser` is the digest of that browser's new secret."""

    browser: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The citizen returns to the service without an identity.

    `leaving` is the redirect with the error, None if there is nowhere to redirect to.
    """

    leaving: ClientRedirect | None


@dataclass(frozen=True, slots=True)
class TimeRanOut:
    """The transaction expired."""


Event = (
    ProviderChosen
    | Queued
    | QueueLeft
    | AnswerReceived
    | AttemptFailed
    | IdentityProven
    | SessionAccepted
    | HelpRequested
    | HelpResumed
    | HelpEnded
    | NoRouteFound
    | ServiceAnswered
    | AnsweredBefore
    | SharingDeclined
    | BrowserChanged
    | GaveUp
    | TimeRanOut
)
