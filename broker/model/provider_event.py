"""Security event of a provider: what it says happened to the account or session of a citizen (SSF 1.0, CAEP, RISC)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event of a provider, from a verified token.

    `issuer` is the provider's in identities, `subject` its `sub` of the citizen, `sid` its session; both are None if
    the event names no citizen whom the broker could know: `unclear` says why. `at` is when it happened, in seconds
    since 1970 UTC. `txn` is the provider's id of the occasion.
    """

    issuer: str
    jti: str
    type: str
    at: float
    subject: str | None = None
    sid: str | None = None
    txn: str | None = None
    unclear: str | None = None
    lowers: bool = False
    """Whether the event says that a level decreased or a credential is gone."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """A token that is not accepted: the error code of RFC 8935 2.4, and a detail for the log."""

    error: str
    detail: str


class EventEffect(StrEnum):
    """What an event of a provider does to the way that it is about."""

    RECORD = "record"
    """Nothing: the event is recorded."""
    END_SESSIONS = "end_sessions"
    END_ALL = "end_all"
    """Sessions end and grants are revoked."""
    SUSPEND = "suspend"
    """The same, and the way is not accepted until the provider enables it."""
    ENABLE = "enable"
    REMOVE = "remove"
    """The same as END_ALL, and the way is unlinked for good: its subject may become another person's."""


@dataclass(frozen=True, slots=True)
class PolledEvents:
    """Tokens of a poll by their `jti` (RFC 8936 2.3)."""

    tokens: Sequence[tuple[str, str]]
    more: bool = False


@runtime_checkable
class SendsEvents(Protocol):
    """A provider that sends security events. An optional ability."""

    async def read_event(self, token: str, authorization: str | None) -> ProviderEvent | RefusedEvent | None:
        """Validates a token; `authorization` is the header of a push, None for a poll.

        None if the settings do not expect any from this provider, or not this way.
        """
        ...

    async def poll_events(self, taken: Sequence[str], refused: Sequence[str]) -> PolledEvents | None:
        """Fetches tokens, and reports what became of earlier ones by their `jti`. None if events are not polled, or if
        the provider does not answer."""
        ...
