"""Publishing days: counts the sealed audit rows, and fixes the figures of each day once its sign-ins have ended."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.actions.open_data.ports import Archive, Figures
from broker.journey.figures import PublishedDay, count_all, publish
from broker.model.audit import AuditEvent
from broker.platform.system import System

SETTLED: Final = timedelta(days=2)
"""How long after its end a day is published: a sign-in ends within 25 hours after its start, except by a person."""

PORTIONS: Final = 50
"""Portions of the audit record that are counted in one go, so that a first count leaves the database to others."""


@dataclass(frozen=True, slots=True)
class OpenData:
    """What publishing works with.

    A day that the `archive` has is published as it is there; None if there is no archive.
    """

    figures: Figures
    system: System
    archive: Archive | None = None

    def closed_until(self) -> date:
        """The first day that is too young to be published."""
        return (datetime.fromtimestamp(self.system.now(), UTC) - SETTLED).date()


async def count_and_publish(context: OpenData) -> None:
    """Counts what was sealed since the last time, then publishes the days that may be published."""
    for _ in range(PORTIONS):
        if not await context.figures.count_sealed(count_all):
            break
    await publish_days(context)


async def publish_days(context: OpenData) -> None:
    """Publishes each day that is closed and counted, in order. A day that is published already stays as it is."""
    until, waiting = context.closed_until(), await context.figures.first_uncounted()
    if waiting is not None:
        until = min(until, (datetime.fromtimestamp(waiting, UTC) - SETTLED).date())
    last = await context.figures.last_day()
    first = await context.figures.first_day() if last is None else last
    if first is None:
        return
    day = date.fromisoformat(first) + timedelta(days=0 if last is None else 1)
    archived = await context.archive.read() if context.archive is not None and day < until else {}
    while day < until:
        name = day.isoformat()
        revisions = archived.get(name)
        if revisions is None:
            revisions = [PublishedDay(name, 1, context.system.now(), "", publish(await context.figures.counted(name)))]
            await archive(context, revisions[0])
        for one in revisions:
            details = {"day": name, "revision": str(one.revision)}
            event = AuditEvent("figures_published", context.system.now(), "broker", details=details)
            await context.figures.publish(one, [event])
        day += timedelta(days=1)


async def archive(context: OpenData, published: PublishedDay) -> None:
    """Writes a publication to the archive before it is published, so that a crash leaves no other figures there."""
    if context.archive is not None:
        await context.archive.append(published)
