"""Verification of a published day: counts it again from the audit record alone, and compares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.actions.open_data.publishing import SETTLED, OpenData, archive
from broker.journey.figures import FigureKey, FigureLine, PublishedDay, count_all, publish
from broker.model.audit import AuditEvent

SLACK: Final = 3600.0
"""Seconds before a day from which its audit rows are read: clocks of processes may differ."""


@dataclass(frozen=True, slots=True)
class FigureDifference:
    """A figure that differs; None on the side that does not have it."""

    measure: str
    detail: str
    published: int | None
    counted: int | None


@dataclass(frozen=True, slots=True)
class DayReport:
    """What a day's verification found. `published` is the newest revision; None if the day is not published.

    `rows` is how many audit rows of sign-ins of the day were counted.
    """

    day: str
    rows: int
    lines: tuple[FigureLine, ...]
    published: PublishedDay | None
    differences: tuple[FigureDifference, ...] = ()


async def verify_day(context: OpenData, day: date) -> DayReport:
    """Counts a day again from the sealed audit rows, and compares with its newest published revision."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    ends = begins + timedelta(days=1) + SETTLED
    counted: dict[FigureKey, int] = {}
    rows, name = 0, day.isoformat()
    async for events in context.figures.sealed(begins.timestamp() - SLACK, ends.timestamp()):
        mine = [event for event in events if event.details.get("started") == name]
        rows += len(mine)
        for key, number in count_all(mine).items():
            counted[key] = counted.get(key, 0) + number
    lines = publish(counted)
    revisions = [one for one in await context.figures.published(name) if one.day == name]
    if not revisions:
        return DayReport(name, rows, lines, None)
    return DayReport(name, rows, lines, revisions[-1], _differences(revisions[-1].lines, lines))


async def correct_day(context: OpenData, report: DayReport, reason: str, actor: str) -> PublishedDay | None:
    """Publishes what was counted as a correction of the day. None if it was corrected meanwhile, or if the
    day is not published.
    """
    before, now = report.published, context.system.now()
    if before is None:
        return None
    corrected = PublishedDay(report.day, before.revision + 1, now, reason, report.lines)
    details = {"day": corrected.day, "revision": str(corrected.revision)}
    event = AuditEvent("figures_corrected", now, actor, details=details)
    if not await context.figures.publish(corrected, [event]):
        return None
    await archive(context, corrected)
    return corrected


def _differences(published: Sequence[FigureLine], counted: Sequence[FigureLine]) -> tuple[FigureDifference, ...]:
    before, after = _by_name(published), _by_name(counted)
    return tuple(
        FigureDifference(*name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _by_name(lines: Sequence[FigureLine]) -> Mapping[tuple[str, str], int]:
    return {(line.measure, line.detail): line.count for line in lines}
