"""Ports of the actions on members of staff."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.audit_export import AuditExport, SealedRow
from broker.model.staff_people import AccessReview, PeopleWrite, StaffChange, StaffEntry, WriteOutcome


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

    async def reviews(self) -> Sequence[AccessReview]:
        """The last review of each member of staff."""
        ...

    async def review(self, review: AccessReview, event: AuditEvent) -> None:
        """Writes a review in place of the one before, with its audit row."""
        ...

    async def write(self, write: PeopleWrite) -> WriteOutcome:
        """Writes in one transaction; nothing unless the outcome is DONE."""
        ...


class Exports(Protocol):
    """Exports of the audit record. Each write is one transaction with its audit row."""

    async def ask(self, export: AuditExport, event: AuditEvent) -> None:
        """Writes an export that waits."""
        ...

    async def decide(self, export: AuditExport, event: AuditEvent) -> bool:
        """Writes an export as it was released or refused. False, and nothing written, if it waits no longer."""
        ...

    async def recent(self, limit: int) -> Sequence[AuditExport]:
        """The newest exports."""
        ...

    async def load(self, export_id: str) -> AuditExport | None:
        """The export with this id."""
        ...

    async def span(self, begins: float, ends: float) -> tuple[int, int] | None:
        """The first and the last number of the sealed rows of a time; None if there are none."""
        ...

    async def rows(self, first: int, last: int, limit: int) -> Sequence[SealedRow]:
        """The sealed rows with these numbers, at most `limit`."""
        ...
