"""Stream of security events to one service (OpenID Shared Signals Framework 1.0)."""

from dataclasses import dataclass
from enum import StrEnum


class StreamStatus(StrEnum):
    """Status of a stream (SSF 1.0, 8.1.2): events of a paused one are kept, those of a disabled one dropped."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryMethod(StrEnum):
    """Delivery methods (RFC 8935, RFC 8936)."""

    PUSH = "urn:ietf:rfc:8935"
    POLL = "urn:ietf:rfc:8936"


@dataclass(frozen=True, slots=True)
class EventStream:
    """The stream of one service. `requested` are the events that it asked for, None for all.

    `endpoint` is where events are pushed to, `authorization` the value of the header that is sent there. `created` is
    in seconds since 1970 UTC: events of before are not sent.
    """

    id: str
    client_id: str
    created: float
    status: StreamStatus = StreamStatus.ENABLED
    method: DeliveryMethod = DeliveryMethod.POLL
    endpoint: str | None = None
    authorization: str | None = None
    requested: tuple[str, ...] | None = None
    description: str | None = None
    reason: str | None = None
