"""The record of one authentication transaction: one service's request in one tab of one browser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.request import AuthorizationRequest, ClientRedirect

BEFORE_CHOICE = 3600
"""How long (seconds) a transaction lives before a first choice."""

AFTER_CHOICE = 24 * 3600
"""How long (seconds) it lives after the first choice."""

ATTEMPT_LIFE = 15 * 60
"""How long (seconds) an attempt at a provider lives."""

CHECK_LIFE = 15
"""How long (seconds) an answer may be checked before the one who checked it is taken for dead."""

STUB_LIFE = 24 * 3600
"""How long (seconds) what is left of an ended transaction is kept, so that a late return can still be answered."""

FAILURES_KEPT = 20
"""How many failures a transaction remembers, the latest ones."""


class TransactionState(StrEnum):
    """Where the citizen stands."""

    CHOOSING = "choosing"
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
"""The states that nothing leads out of."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one provider. `id` is part of the upstream `state`; `note` is the provider's own memory."""

    id: str
    provider: str
    url: str
    started: float
    expires: float
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """What went wrong, when, and with which provider, if one was concerned."""

    failure: FailureClass
    at: float
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Everything known about one request on its way. Times are seconds since 1970 UTC.

    `id` is public and appears in audit rows; the handle in the path is another, and only its digest names the record.
    `browser` is the digest of the browser's secret. `version` grows by one with every change, and a write is accepted
    only on top of the version it read. `changed` is when `state` last changed. `seed` orders the picker. `moved` says
    that the transaction was taken to another browser, or outlived the service's patience, so that no authorization
    code may be sent. `leaving` is how the citizen returns to the service. `chosen` is when the first choice was made.
    `case` is the open case or, in IDENTIFIED, the one that proved the identity; `withdrawn` is the case that an
    identity proven elsewhere made needless: it is to be withdrawn. `told` says, in ANSWERED, that a code went to the
    service; it is False if the identity was kept for the service's next request.
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

    @property
    def open(self) -> bool:
        """Whether the transaction has not ended."""
        return self.state not in ENDED

    @property
    def kept_until(self) -> float:
        """Until when (seconds since 1970 UTC) a store must be able to give the record back."""
        return self.expires + STUB_LIFE if self.open else self.expires

    @property
    def exit_failure(self) -> FailureClass:
        """Why the service gets no answer if the citizen goes back to it now."""
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
        """The failure the citizen is told about now, if the transaction stands in FAILED."""
        return self.failures[-1] if self.failures and self.state is TransactionState.FAILED else None
