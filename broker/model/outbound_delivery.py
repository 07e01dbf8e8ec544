"""A delivery: what has to be told to a service, by a call of ours that is tried until it succeeds or is too late."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class DeliveryKind(StrEnum):
    """What is told. Each kind has one way to be written, which is chosen when it leaves."""

    LOGOUT = "backchannel_logout"


@dataclass(frozen=True, slots=True)
class OutboundDelivery:
    """One thing to be told to one service. Where it goes, and with which signature, is decided at each try anew.

    `id` is the same for the same fact, so that nothing is told twice; `content` is what its kind needs, kept sealed
    and erased once it was delivered or `expires` (seconds since 1970 UTC) has passed.
    `tries` counts those begun so far.
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
    """How many deliveries of one kind are still to be made, and the age of the oldest in seconds."""

    kind: DeliveryKind
    count: int
    oldest: float
