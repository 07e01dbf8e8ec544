"""Reports of what assisted verification took: for leads, for the command, for open data, and waits for citizens.

`count_new` brings the measures up to the audit record. Each report is made by the same rules from what was counted.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Final

from broker.actions.assisted.ports import Measures
from broker.assisted.disclosure import PublishedLine, publish
from broker.assisted.measures import PROMISE, Key, Line, Measure, Tally, Track, count_all, promise_holds, report
from broker.model.audit import AuditEvent
from broker.platform.system import System

PORTIONS: Final = 50
"""Portions of the audit record that are counted in one go, so that a first count leaves the database to others."""

PUBLISHED_MONTHS: Final = 24
"""Whole months in open data. A month is there once every audit row of it is counted, and does not change again: its
changes from day to day would tell small counts."""

SETTLED: Final = timedelta(days=2)
"""How long after its end a month is published at the earliest: audit rows are written and sealed by then."""

WAITS_SINCE: Final = 28
"""Days whose cases the waits on the citizens' pages are computed from."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What reports are made of."""

    measures: Measures
    system: System

    def today(self) -> date:
        """The present day (UTC)."""
        return datetime.fromtimestamp(self.system.now(), UTC).date()


def no_observer(_counted: Mapping[Key, Tally]) -> None:
    """Ignores what was counted."""


async def count_new(reports: Reports, observe: Callable[[Mapping[Key, Tally]], None] = no_observer) -> None:
    """Counts the audit rows that were sealed since the last time. `observe` gets each portion once it is stored."""
    for _ in range(PORTIONS):
        counted: dict[Key, Tally] = {}

        def count(
            tracks: Mapping[str, Track], events: Iterable[AuditEvent], into: dict[Key, Tally] = counted
        ) -> tuple[Mapping[str, Track | None], Mapping[Key, Tally]]:
            changed, tallies = count_all(tracks, events)
            into.clear()
            into.update(tallies)
            return changed, tallies

        if not await reports.measures.count_sealed(count):
            return
        observe(counted)


async def lead_report(reports: Reports, days: int) -> tuple[Line, ...]:
    """What was counted in the last days, today included, in one period."""
    today = reports.today()
    since, until = today - timedelta(days=days - 1), today + timedelta(days=1)
    return report(await reports.measures.by_month(since.isoformat(), until.isoformat()))


async def open_data(reports: Reports) -> tuple[PublishedLine, ...]:
    """The whole months of the last two years, without what would tell small counts."""
    until = (reports.today() - SETTLED).replace(day=1)
    waiting = await reports.measures.first_uncounted()
    if waiting is not None:
        until = min(until, datetime.fromtimestamp(waiting, UTC).date().replace(day=1))
    months = until.year * 12 + until.month - 1 - PUBLISHED_MONTHS
    since = date(months // 12, months % 12 + 1, 1)
    return publish(report(await reports.measures.by_month(since.isoformat(), until.isoformat()), period=7))


async def waits(reports: Reports) -> Mapping[str, Mapping[int, int]]:
    """How often citizens waited how long for staff in the last weeks, by channel: buckets of `assisted.measures`."""
    since = reports.today() - timedelta(days=WAITS_SINCE)
    return await reports.measures.durations(Measure.CONTACT_WAIT, since.isoformat())


async def promises_kept(reports: Reports, channels: Iterable[str]) -> frozenset[str]:
    """Of these channels those in which staff kept what they promised in the last weeks, or which are too new to say."""
    today = reports.today()
    since, until = today - timedelta(days=WAITS_SINCE), today + timedelta(days=1)
    found = await reports.measures.by_month(since.isoformat(), until.isoformat())

    def counted(channel: str, measure: Measure, detail: str) -> int:
        return sum(
            tally.count
            for key, tally in found.items()
            if (key.channel, key.measure, key.detail) == (channel, measure, detail)
        )

    return frozenset(
        one
        for one in channels
        if promise_holds(counted(one, Measure.CONTACT_WAIT, ""), counted(one, Measure.MISSED_DEADLINES, PROMISE))
    )


HEADINGS: Final = tuple(field.name for field in fields(Line))
"""The columns of a report, as open data names them."""


def as_csv(lines: Iterable[Line | PublishedLine]) -> str:
    """A report as CSV (RFC 4180), with a header line."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(HEADINGS)
    rows.writerows(astuple(line) for line in lines)
    return written.getvalue()
