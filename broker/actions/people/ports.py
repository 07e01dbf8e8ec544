"""Ports of the actions on members of staff."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.staff_people import PeopleWrite, StaffChange, StaffEntry, WriteOutcome


class People(Protocol):
    """Members of staff in the database."""

    async def mark(self) -> tuple[int, int]:
        """A value that changes with every write to an entry. One round trip."""
        ...

    async def entries(self) -> Sequence[StaffEntry]:
        """All entries, by id."""
        ...

    async def changes(self, now: float) -> Sequence[StaffChange]:
        """The changes that wait at `now`, the oldest first."""
        ...

    async def decided(self, limit: int) -> Sequence[StaffChange]:
        """The changes that were decided, the newest first."""
        ...

    async def write(self, write: PeopleWrite) -> WriteOutcome:
        """Writes in one transaction; nothing unless the outcome is DONE."""
        ...
