"""What can happen to a transaction: past-tense facts, each with what it carries."""

from dataclasses import dataclass

from broker.journey.transaction import Attempt
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.request import ClientRedirect


@dataclass(frozen=True, slots=True)
class ProviderChosen:
    """The citizen chose a provider. Where it could not prepare a departure, AttemptFailed follows at once."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """An answer that belongs to the attempt reached the callback. Saving this claims it: a second copy comes late."""

    attempt_id: str


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """What was tried at `provider` came to nothing, or what it said is, judged again, no longer believed.

    A word about a provider that is not the one in hand changes nothing.
    """

    failure: FailureClass
    provider: str


@dataclass(frozen=True, slots=True)
class IdentityProven:
    """An identity that `judge` believed: of the provider in hand, or of the verification `case` with this id."""

    identity: Identity
    case: str | None = None


@dataclass(frozen=True, slots=True)
class SessionAccepted:
    """The broker's own session answers: an identity that `judge_session` believed, and whose account it is."""

    identity: Identity
    account: str


@dataclass(frozen=True, slots=True)
class HelpRequested:
    """The citizen asked for a person. `case` is the id of the verification case that was opened."""

    case: str


@dataclass(frozen=True, slots=True)
class HelpResumed:
    """The citizen went back to their open case."""


@dataclass(frozen=True, slots=True)
class HelpEnded:
    """The case came to an end without an identity: one of the HELP classes says how."""

    failure: FailureClass
    case: str


@dataclass(frozen=True, slots=True)
class NoRouteFound:
    """Nothing on offer can reach the level that is asked for."""


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """The answer for the service is written. `leaving` is how the citizen goes back, None where
    nobody waits for them.

    `account` is whose answer it is; where a session was accepted it must be the session's. `told` is False if no code
    was sent: the identity is kept, and answers the service's next request.
    """

    leaving: ClientRedirect | None
    account: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class AnsweredBefore:
    """The service has the answer to this request already: from another transaction of the same pushed request, or from
    this one before a crash.
    """


@dataclass(frozen=True, slots=True)
class SharingDeclined:
    """The citizen did not want their details to go to the service."""


@dataclass(frozen=True, slots=True)
class BrowserChanged:
    """The transaction was taken to another browser. `browser` is the digest of that browser's new secret."""

    browser: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The citizen goes back to the service without an answer. `leaving` is how, with its error where one may
    go; None where nobody waits for them.
    """

    leaving: ClientRedirect | None


@dataclass(frozen=True, slots=True)
class TimeRanOut:
    """The transaction's own time is over."""


Event = (
    ProviderChosen
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
