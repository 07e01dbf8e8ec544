"""Outbound delivery: a request to a service that is retried until it succeeds or expires."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DeliveryKind(StrEnum):
    """Kinds of deliveries. The body of each is built when it is sent."""

    LOGOUT = "backchannel_logout"
    SECURITY_EVENT = "security_event"
    DESK_EVENT = "desk_event"


@dataclass(frozen=True, slots=True)
class OutboundDelivery:
    """Delivery to one service. Its address and signature are determined at each attempt.

    `id` is the same for the same event, so that nothing is delivered twice; `content` is the data of its kind, stored
    encrypted and erased once it was delivered or `expires` (seconds since 1970 UTC) has passed. `tries` counts the
    attempts begun.
    """

    id: str
    kind: DeliveryKind
    client_id: str
    created: float
    expires: float
    content: Mapping[str, str] = field(default_factory=dict)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryBacklog:
    """Pending deliveries of one kind: their number, and the age of the oldest in seconds."""

    kind: DeliveryKind
    count: int
    oldest: float
