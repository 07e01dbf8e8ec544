"""The record of one authentication transaction: one service's request in one tab of one browser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.request import AuthorizationRequest


class State(StrEnum):
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
class Failed:
    """What went wrong, with whom, when. `reference` is what the citizen may read aloud to support staff."""

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
    code may be sent. `leaving` is the URL on which the citizen returns to the service.
    """

    id: str
    version: int
    state: State
    browser: str
    request: AuthorizationRequest
    language: str
    created: float
    changed: float
    expires: float
    reference: str
    seed: int
    attempt: Attempt | None = None
    failures: tuple[Failed, ...] = ()
    identity: Identity | None = None
    account: str | None = None
    case: str | None = None
    moved: bool = False
    leaving: str | None = None

    @property
    def failure(self) -> Failed | None:
        """The failure the citizen is told about now, if the transaction stands in FAILED."""
        return self.failures[-1] if self.failures and self.state is State.FAILED else None
