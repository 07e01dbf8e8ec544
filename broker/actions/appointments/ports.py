"""Port of appointments: what the store must do."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.appointment import Booking
from broker.model.store_results import RoomTaken as RoomTaken


class Bookings(Protocol):
    """The rooms that are taken. They are written with the case that takes them (`Cases.save` raises RoomTaken)."""

    async def live(self, place: str, since: float, until: float) -> Sequence[Booking]:
        """The bookings of a place that begin between two moments (seconds since 1970 UTC), in order."""
        ...
