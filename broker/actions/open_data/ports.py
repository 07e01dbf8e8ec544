"""What open data needs of a store."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from broker.journey.figures import FigureKey, PublishedDay
from broker.model.audit import AuditEvent


class Archive(Protocol):
    """Published figures outside of the database."""

    async def read(self) -> Mapping[str, Sequence[PublishedDay]]:
        """Every revision of each day, in order."""
        ...

    async def append(self, published: PublishedDay) -> None:
        """Writes a publication, durably."""
        ...


class Figures(Protocol):
    """Counts of days that are not published, and the published figures."""

    async def count_sealed(self, count_all: Callable[[Iterable[AuditEvent]], Mapping[FigureKey, int]]) -> int:
        """Counts the next portion of sealed audit rows. Returns how many rows it went on; 0 if there were none, or if
        another process counts at present.
        """
        ...

    async def first_uncounted(self) -> float | None:
        """The time of the first sealed audit row that is not counted yet; None if all are."""
        ...

    async def first_day(self) -> str | None:
        """The first day of which something was counted that is not published; None if there is none."""
        ...

    async def last_day(self) -> str | None:
        """The last published day; None if none is."""
        ...

    async def counted(self, day: str) -> Mapping[FigureKey, int]:
        """What was counted of a day that is not published."""
        ...

    async def publish(self, published: PublishedDay, events: Sequence[AuditEvent] = ()) -> bool:
        """Publishes a day or a correction of it, with audit rows. False, and nothing written, if that revision of the
        day is published already.
        """
        ...

    async def published(self, since: str) -> Sequence[PublishedDay]:
        """Every revision of each published day from `since` (YYYY-MM-DD) on."""
        ...

    def sealed(self, begins: float, ends: float) -> AsyncIterator[Sequence[AuditEvent]]:
        """The sealed audit rows of a time, in portions."""
        ...
