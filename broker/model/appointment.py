"""Booking of a room of a place, for a case."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Booking:
    """Booking: a room (by number) of a place is taken by a case from `begins` to `ends` (seconds since 1970 UTC)."""

    id: str
    case: str
    place: str
    room: int
    begins: float
    ends: float
