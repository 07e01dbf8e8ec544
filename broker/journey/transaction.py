"""Record of an authentication transaction: one request of a service in one tab of one browser."""

from dataclasses import dataclass, field
from enum import StrEnum

from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.request import AuthorizationRequest, ClientRedirect

BEFORE_CHOICE = 3600
"""Lifetime of a transaction before the first choice, in seconds."""

AFTER_CHOICE = 24 * 3600
"""Lifetime of a transaction after the first choice, in seconds."""

ATTEMPT_LIFE = 15 * 60
"""Lifetime of an attempt at a provider, in seconds."""

CHECK_LIFE = 15
"""Maximum duration of the check of a response, in seconds; after that its worker is considered dead."""

STUB_LIFE = 24 * 3600
"""Time for which an ended transaction stays as a stub, in seconds, so that a late return can be answered."""

FAILURES_KEPT = 20
"""Maximum number of stored failures; the oldest are dropped."""


class TransactionState(StrEnum):
    """States of a transaction. `transitions.TRANSITIONS` is the state table."""

    CHOOSING = "choosing"
    QUEUED = "queued"
    AWAY = "away"
    CHECKING = "checking"
    FAILED = "failed"
    WAITING = "waiting"
    IDENTIFIED = "identified"
    ANSWERED = "answered"
    REFUSED = "refused"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"


ENDED = frozenset(
    {TransactionState.ANSWERED, TransactionState.REFUSED, TransactionState.EXPIRED, TransactionState.OVERTAKEN}
)
"""Final states."""


class AskedAgain(StrEnum):
    """Why a citizen with a session at the broker has to sign in again for a request."""

    LEVEL = "level"
    """The request needs a higher level than the session has."""
    AGE = "age"
    """The sign-in of the session is older than the service allows."""
    FRESH = "fresh"
    """The service wants a new sign-in for each request."""
    PERSON = "person"
    """The service expects another person than the one who is signed in."""
    ENDED = "ended"
    """The provider does not confirm the sign-in of the session any more, so the session has ended."""
    UNCONFIRMED = "unconfirmed"
    """The provider could not be asked whether the sign-in of the session is still good."""
    CHANGE = "change"
    """The citizen wants to change something in their account."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Attempt at one provider. `id` is part of the upstream `state`; `note` is opaque data of the provider adapter.

    `url_expires` is set if the URL works once, and only until then: after that another attempt has to begin.
    """

    id: str
    provider: str
    url: str
    started: float
    expires: float
    note: JsonObject = field(default_factory=dict)
    url_expires: float | None = None


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A place in the line of a busy provider: since when, and when the citizen may depart (seconds since 1970 UTC).

    `rate` is the number of departures per second at which the line moves.
    """

    provider: str
    since: float
    departs: float
    rate: float


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """Failure with its time, and its provider if one was involved."""

    failure: FailureClass
    at: float
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Authentication transaction. Times are seconds since 1970 UTC.

    `id` is public and appears in audit rows; the handle in the path is a different value, and only its digest
    identifies the record. `browser` is the digest of the browser's secret. `version` grows by one with every change,
    and a store accepts a write only on top of the version that was read. `changed` is when `state` last changed.
    `order_seed` seeds the order of the providers. `transferred` says that the transaction was moved to another browser,
    or outlived the service's `answer_timeout`, so that no authorization code may be sent. `client_redirect` is the
    redirect to the service. `chosen` is when the first choice was made. `case` is the open case or, in IDENTIFIED, the
    case that proved the identity; `case_to_withdraw` is an open case that another identity made unnecessary;
    `ended_case` is the case that ended last without an identity. In ANSWERED, `told` says that a code was sent to the
    service; it is False if the identity was stored for the service's next request. `again` is why the session of the
    browser did not answer, if there was one. `first_choice` is the provider of the first choice, HELP for a person;
    None if nothing was chosen, or if the session of the browser answered.
    """

    id: str
    version: int
    state: TransactionState
    browser: str
    request: AuthorizationRequest
    language: str
    created: float
    changed: float
    expires: float
    reference: str
    order_seed: int
    attempt: Attempt | None = None
    failures: tuple[FailedAttempt, ...] = ()
    identity: Identity | None = None
    account: str | None = None
    case: str | None = None
    transferred: bool = False
    client_redirect: ClientRedirect | None = None
    chosen: float | None = None
    case_to_withdraw: str | None = None
    told: bool = True
    again: AskedAgain | None = None
    queue: QueuePlace | None = None
    ended_case: str | None = None
    first_choice: str | None = None

    @property
    def open(self) -> bool:
        """Whether the transaction has not ended."""
        return self.state not in ENDED

    @property
    def kept_until(self) -> float:
        """Time until which a store must be able to return the record (seconds since 1970 UTC)."""
        return self.expires + STUB_LIFE if self.open else self.expires

    @property
    def exit_failure(self) -> FailureClass:
        """Failure that the service receives if the citizen returns to it now."""
        match self.state:
            case TransactionState.FAILED if self.failures:
                return self.failures[-1].failure
            case TransactionState.WAITING:
                return FailureClass.HELP_WAITING
            case TransactionState.EXPIRED:
                return FailureClass.REQUEST_EXPIRED
            case _:
                return FailureClass.CANCELLED

    @property
    def failure(self) -> FailedAttempt | None:
        """Failure to display to the citizen in FAILED, else None."""
        return self.failures[-1] if self.failures and self.state is TransactionState.FAILED else None
