"""Published figures as files, and what a page tells of the latest days: everything from what was published alone."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypedDict

from broker.actions.open_data.ports import Figures
from broker.journey.figures import REST, Figure, PublishedDay, SignInEnding, SignInPath
from broker.model.disclosure import SMALLEST, STEP
from broker.model.identity import HELP

COLUMNS: Final = ("day", "revision", "published", "reason", "measure", "detail", "count")
"""Columns of the CSV file. The dictionary describes each of them."""


class FigureObject(TypedDict):
    """One figure in the JSON file."""

    measure: str
    detail: str
    count: int


class DayObject(TypedDict):
    """One revision of a day in the JSON file."""

    day: str
    revision: int
    published: str
    reason: str
    figures: list[FigureObject]


class SeriesObject(TypedDict):
    """The JSON file."""

    smallest_count: int
    rounded_to: int
    days: list[DayObject]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, summed over the days that have both; None for `percent` if there are none."""

    part: int = 0
    whole: int = 0

    @property
    def percent(self) -> int | None:
        """The part in percent; published counts are rounded, so it may be a little more than the truth."""
        return min(100, round(100 * self.part / self.whole)) if self.whole else None


async def load_series(figures: Figures) -> tuple[PublishedDay, ...]:
    """Every revision of every published day, in order."""
    return tuple(await figures.published(""))


def newest(published: Iterable[PublishedDay]) -> tuple[PublishedDay, ...]:
    """The newest revision of each day, in order."""
    return tuple({one.day: one for one in published}.values())


def moment(at: float) -> str:
    """A time as open data has it (RFC 3339, UTC, whole seconds)."""
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


def series_csv(published: Iterable[PublishedDay]) -> str:
    """The figures as CSV (RFC 4180): one line for each figure of each revision of a day."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for one in published:
        start = (one.day, one.revision, moment(one.published), one.reason)
        rows.writerows((*start, line.measure, line.detail, line.count) for line in one.lines)
    return written.getvalue()


def series_object(published: Iterable[PublishedDay]) -> SeriesObject:
    """The figures as the object of the JSON file."""
    return {
        "smallest_count": SMALLEST,
        "rounded_to": STEP,
        "days": [
            {
                "day": one.day,
                "revision": one.revision,
                "published": moment(one.published),
                "reason": one.reason,
                "figures": [
                    {"measure": line.measure, "detail": line.detail, "count": line.count} for line in one.lines
                ],
            }
            for one in published
        ],
    }


def figures_of(day: PublishedDay) -> Mapping[tuple[str, str], int]:
    """The figures of a day by measure and detail."""
    return {(line.measure, line.detail): line.count for line in day.lines}


def totals(days: Iterable[PublishedDay], measure: Figure) -> Mapping[str, int]:
    """The published figures of a measure, summed over days by detail: the largest first, the rest last."""
    found: Counter[str] = Counter()
    for day in days:
        for line in day.lines:
            if line.measure == measure:
                found[line.detail] += line.count
    rest = found.pop(REST, 0)
    return dict(found.most_common()) | ({REST: rest} if rest else {})


def completion(days: Iterable[PublishedDay]) -> Share:
    """Sign-ins whose service got an identity, of all that were started."""
    return _share(days, (Figure.ENDED, SignInEnding.ANSWERED), (Figure.STARTED, ""))


def first_choice(days: Iterable[PublishedDay]) -> Share:
    """Answered sign-ins in which the first way that was chosen succeeded, of all answered ones that chose."""
    parts = Share()
    for day in days:
        found = figures_of(day)
        chosen = [found.get((Figure.ANSWERED, path)) for path in SignInPath if path is not SignInPath.SESSION]
        if None not in chosen:
            first = found[Figure.ANSWERED, SignInPath.FIRST_CHOICE]
            parts = Share(parts.part + first, parts.whole + sum(one for one in chosen if one is not None))
    return parts


def without_person(days: Sequence[PublishedDay]) -> Share:
    """Answered sign-ins that are known to have needed no person, of all answered ones: at least so many."""
    parts = Share()
    for day in days:
        found = figures_of(day)
        answered = found.get((Figure.ENDED, SignInEnding.ANSWERED))
        if answered is None or not any(measure == Figure.FIRST_CHOICE for measure, _ in found):
            continue
        known = found.get((Figure.ANSWERED, SignInPath.SESSION), 0)
        by_way = (Figure.FIRST_CHOICE, Figure.OTHER_CHOICE, Figure.AFTER_FAILURE)
        known += sum(count for (measure, way), count in found.items() if measure in by_way and way not in (HELP, REST))
        parts = Share(parts.part + min(known, answered), parts.whole + answered)
    return parts


def _share(days: Iterable[PublishedDay], part: tuple[str, str], whole: tuple[str, str]) -> Share:
    total = Share()
    for day in days:
        found = figures_of(day)
        if part in found and whole in found:
            total = Share(total.part + found[part], total.whole + found[whole])
    return total
