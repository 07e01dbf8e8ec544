"""Statistical disclosure control: what of a report may be published, so that no small count can be computed from it.

Counts below `SMALLEST` are left out, the others are rounded (`model.disclosure`). Lines of one month, channel and
language depend on each other, and together would tell a count that was left out: approvals are those that one session
was enough for and those for which it was not, and each outcome has a duration. So durations have no count, lines that
add up are published together or not (`TOGETHER`), and lines that are part of others only if these account for them
(`WITHIN`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.assisted.measures import TIMED, Line, Measure
from broker.model.disclosure import SMALLEST, least, rounded

_M, _S = Measure, CaseState

TOGETHER: Final[Mapping[Measure, frozenset[str]]] = MappingProxyType(
    {
        _M.FIRST_TIME_RIGHT: frozenset({"yes", "no"}),  # as many as were approved
        _M.MISSED_DEADLINES: frozenset({"contact", "decision"}),  # at most as many as expired
    }
)
"""Details of a measure that are published together or not at all."""

WITHIN: Final[Mapping[tuple[Measure, str], frozenset[str]]] = MappingProxyType(
    {
        (_M.REVIEWS, "agrees"): frozenset({_S.APPROVED.value, _S.DECLINED.value, Decision.MORE_EVIDENCE.value}),
        (_M.REVIEWS, "disagrees"): frozenset({_S.HELD.value}),
        (_M.REDRESS, _S.APPROVED.value): frozenset({_S.APPROVED.value}),
        (_M.REDRESS, _S.DECLINED.value): frozenset({_S.DECLINED.value}),
    }
)
"""Lines whose cases are among those of outcomes (by their first word)."""


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A line of open data. `count` is rounded; None for a duration."""

    period: str
    measure: Measure
    detail: str
    channel: str
    language: str
    count: int | None
    median: int | None = None
    ninth: int | None = None


def publish(lines: Sequence[Line]) -> tuple[PublishedLine, ...]:
    """The lines that may be published, in their order."""
    groups: defaultdict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in _merged(lines):
        groups[line.period, line.channel, line.language].append(line)
    return tuple(
        _published(line)
        for line in _merged(lines)
        if line.count >= SMALLEST and _allowed(line, groups[line.period, line.channel, line.language])
    )


def publish_part(every: int, part: int) -> tuple[int | None, int | None]:
    """A count and a part of it as they may be published. None for a small one, and for a part with a small rest."""
    if every < SMALLEST:
        return None, None
    return rounded(every), rounded(part) if min(part, every - part) >= SMALLEST else None


def _merged(lines: Iterable[Line]) -> list[Line]:
    """The lines, with approvals of any reason in one: a few of them ended a hold, and would be told by the others."""
    found: dict[tuple[str, Measure, str, str, str], Line] = {}
    for line in lines:
        first = line.detail.partition(" ")[0]
        approved = line.measure is _M.OUTCOMES and first == _S.APPROVED
        one = replace(line, detail=first) if approved else line
        key = (one.period, one.measure, one.detail, one.channel, one.language)
        found[key] = one if key not in found else replace(one, count=found[key].count + one.count)
    return list(found.values())


def _allowed(line: Line, group: Sequence[Line]) -> bool:
    """Whether the others of the same month, channel and language allow that the line is published."""
    together = TOGETHER.get(line.measure, frozenset())
    if line.detail in together:
        large = {one.detail for one in group if one.measure is line.measure and one.count >= SMALLEST}
        return together <= large
    within = WITHIN.get((line.measure, line.detail))
    if within is None:
        return True
    whole = [one.count for one in group if one.measure is _M.OUTCOMES and one.detail.partition(" ")[0] in within]
    return least(line.count) <= sum(least(count) for count in whole if count >= SMALLEST)


def _published(line: Line) -> PublishedLine:
    count = None if line.measure in TIMED else rounded(line.count)
    return PublishedLine(
        line.period, line.measure, line.detail, line.channel, line.language, count, line.median, line.ninth
    )
