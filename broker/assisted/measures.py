"""Measures of assisted verification, counted from rows of the audit record alone.

`count` reads one row after another and returns what it adds; what it must remember of a case in between is its `Track`.
The result is the same in portions of any size. `report` summarizes what was counted: for leads, for the command, and
with `disclosure.publish` for open data.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.assisted.separation_of_duties import REDRESS_ASKED
from broker.model.audit import AuditEvent

S = CaseState


class Measure(StrEnum):
    """What is measured. Those in `TIMED` are durations."""

    REQUESTS = "requests"
    CONTACT_WAIT = "contact_wait"
    """From the moment at which the citizen was ready until staff began to talk to them."""
    SESSION_TIME = "session_time"
    DECISION_TIME = "decision_time"
    """From the end of the session until the citizen can read the outcome, the review included."""
    OUTCOMES = "outcomes"
    MISSED_DEADLINES = "missed_deadlines"
    REVIEWS = "reviews"
    NO_SHOWS = "no_shows"
    FIRST_TIME_RIGHT = "first_time_right"
    """Approvals: whether one session was enough, without a request for more evidence, a hold or a disagreement."""
    REDRESS = "redress"
    """New looks at declined cases: how many were asked for, and how they ended."""


TIMED: Final = frozenset({Measure.CONTACT_WAIT, Measure.SESSION_TIME, Measure.DECISION_TIME})

BOUNDS: Final = tuple(
    minutes * 60 for minutes in (5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 1440, 2880, 4320, 7200, 10080, 20160)
)
"""Upper bounds (seconds) of the buckets in which durations are counted; a last bucket has no bound."""

ENOUGH: Final = 20
"""Number of cases from which a wait is displayed to citizens."""

PROMISE: Final = "promise"
"""The missed deadline of a citizen to whom staff did not talk by the time that they promised."""


@dataclass(frozen=True, slots=True)
class Track:
    """What must be remembered of a case between two of its audit rows. Times are seconds since 1970 UTC.

    `waiting` is since when the citizen has waited for staff, `talking` since when a session has lasted, `ended` when
    the last session ended; None for what is not the case. `repeated` says that one session without a stop was not
    enough, `redress` that a new look at the declined case was asked for and has not ended.
    """

    waiting: float | None = None
    talking: float | None = None
    ended: float | None = None
    sessions: int = 0
    repeated: bool = False
    redress: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """What is counted together: a day (UTC), a measure, its detail (an outcome with its reason), channel and language.

    `bucket` is the index in `BOUNDS` of a duration, 0 for other measures.
    """

    day: str
    measure: Measure
    detail: str
    channel: str
    language: str
    bucket: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was counted, and the sum of its seconds."""

    count: int
    seconds: float = 0.0


_CLOSED: Final = frozenset({S.BOUND, S.RELEASED, S.DECLINED, S.WITHDRAWN, S.EXPIRED, S.REVOKED})
_STAFF_MISSED: Final = frozenset({S.QUEUED, S.CLAIMED, S.IN_SESSION, S.DECISION, S.REVIEW, S.HELD})
"""States in which the citizen waits for staff: a case that expires in one of them is a missed deadline."""
_OUTCOMES: Final = frozenset({S.APPROVED, S.DECLINED, S.WITHDRAWN, S.EXPIRED, S.REVOKED, S.HELD})


def count(track: Track | None, event: AuditEvent) -> tuple[Track | None, Mapping[Key, Tally]]:
    """Counts one audit row of a case. Returns what to remember of it, None for a closed case, and what was counted."""
    source, target = event.details.get("from", ""), event.details.get("to", "")
    before = track or Track()
    after, found = _times(before, event, source, target)
    if source != target:
        found += [(Measure.OUTCOMES, detail, None) for detail in _outcome(event, target)]
        after = replace(after, repeated=after.repeated or target == S.HELD)
    match event.kind:
        case "case_submitted":
            found.append((Measure.REQUESTS, "", None))
        case "case_no_show":
            found.append((Measure.NO_SHOWS, "", None))
        case "case_promise_missed":
            found.append((Measure.MISSED_DEADLINES, PROMISE, None))
        case "case_review_late":
            found.append((Measure.MISSED_DEADLINES, "review", None))
        case "case_time_ran_out" if source in _STAFF_MISSED:
            found.append((Measure.MISSED_DEADLINES, "contact" if source == S.QUEUED else "decision", None))
        case "case_reviewed":
            agrees = event.details.get("reason", "").partition(" ")[0]
            found.append((Measure.REVIEWS, agrees, None))
    if after.redress and source != target and (target == S.APPROVED or target in _CLOSED):
        found.append((Measure.REDRESS, target if target in (S.APPROVED, S.DECLINED) else "other", None))
        after = replace(after, redress=False)
    if event.kind == f"case_{REDRESS_ASKED}":
        found.append((Measure.REDRESS, "asked", None))
        after = replace(after, redress=True)
    if target == S.APPROVED != source:
        right = after.sessions <= 1 and not after.repeated
        found.append((Measure.FIRST_TIME_RIGHT, "yes" if right else "no", None))
    return None if target in _CLOSED else after, dict(_keyed(event, found))


_Found = list[tuple[Measure, str, float | None]]


def _times(track: Track, event: AuditEvent, source: str, target: str) -> tuple[Track, _Found]:
    """Follows the clocks of a case."""
    at, found = event.at, _Found()
    if event.kind in ("case_session_started", "case_desk_accepted"):
        if track.waiting is not None:
            found.append((Measure.CONTACT_WAIT, "", at - track.waiting))
        return replace(track, waiting=None, talking=at, sessions=track.sessions + 1), found
    if source == S.IN_SESSION != target and track.talking is not None:
        found.append((Measure.SESSION_TIME, "", at - track.talking))
        track = replace(track, talking=None, ended=at if target in (S.DECISION, S.REVIEW) else None)
    decided = target in (S.APPROVED, S.DECLINED) or (target == S.REQUESTED and source == S.DECISION)
    if decided and source != target and track.ended is not None:
        found.append((Measure.DECISION_TIME, "", at - track.ended))
        track = replace(track, ended=None)
    if target == S.REQUESTED and source == S.DECISION:
        track = replace(track, repeated=True)
    if target == S.QUEUED != source:
        # a case that staff put back before they talked to the citizen has waited on
        track = replace(track, waiting=at if track.waiting is None else track.waiting, ended=None)
    elif target in (S.REQUESTED, S.SCHEDULED):
        track = replace(track, waiting=None)
    return track, found


def _outcome(event: AuditEvent, target: str) -> Iterable[str]:
    """The outcome of a transition with its first reason; none if it is not an outcome."""
    reason = event.details.get("reason", "")
    if event.kind in ("case_decided", "case_reviewed", "case_settled"):
        verdict, _, rest = reason.partition(" ")
        reason = rest if verdict in (Decision.DECLINE, Decision.MORE_EVIDENCE, Decision.REFER, "disagrees") else ""
        if verdict == Decision.MORE_EVIDENCE:
            yield f"{Decision.MORE_EVIDENCE} {reason.partition(' ')[0]}".strip()
            return
    if target in _OUTCOMES:
        closed = "" if target == S.WITHDRAWN and not reason else reason.partition(" ")[0]
        yield f"{target} {closed}".strip()


def _keyed(event: AuditEvent, found: _Found) -> Iterable[tuple[Key, Tally]]:
    day = datetime.fromtimestamp(event.at, UTC).date().isoformat()
    channel, language = event.details.get("channel", ""), event.details.get("language", "")
    for measure, detail, seconds in found:
        bucket = 0 if seconds is None else bisect_left(BOUNDS, seconds)
        yield Key(day, measure, detail, channel, language, bucket), Tally(1, seconds or 0.0)


def add(*parts: Mapping[Key, Tally]) -> dict[Key, Tally]:
    """The sum of what was counted."""
    total: dict[Key, Tally] = {}
    for part in parts:
        for key, tally in part.items():
            had = total.get(key, Tally(0))
            total[key] = Tally(had.count + tally.count, had.seconds + tally.seconds)
    return total


def count_all(
    tracks: Mapping[str, Track], events: Iterable[AuditEvent]
) -> tuple[Mapping[str, Track | None], Mapping[Key, Tally]]:
    """Counts the rows of many cases, in the order in which they were sealed.

    Returns the tracks that changed, None for a case that is closed, and what was counted.
    """
    changed: dict[str, Track | None] = {}
    found: list[Mapping[Key, Tally]] = []
    for event in events:
        if event.case is not None and event.kind.startswith("case_"):
            known = changed[event.case] if event.case in changed else tracks.get(event.case)
            changed[event.case], counted = count(known, event)
            found.append(counted)
    return changed, add(*found)


# --- reports ---


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report. `median` and `ninth` (of ten) are upper bounds in seconds, None for what is not a duration.

    `period` is a day or a month; "" if the report has one period alone.
    """

    period: str
    measure: Measure
    detail: str
    channel: str
    language: str
    count: int
    median: int | None = None
    ninth: int | None = None


def report(tallies: Mapping[Key, Tally], period: int = 0) -> tuple[Line, ...]:
    """Summarizes what was counted by measure, detail, channel and language.

    `period` is the number of characters of the day that name a period: 0 for one of all days, 7 for months.
    """
    buckets: defaultdict[tuple[str, Measure, str, str, str], Counter[int]] = defaultdict(Counter)
    for key, tally in tallies.items():
        buckets[key.day[:period], key.measure, key.detail, key.channel, key.language][key.bucket] += tally.count
    order = list(Measure)
    return tuple(
        Line(*group, sum(found.values()), *(quantiles(found) if group[1] in TIMED else ()))
        for group, found in sorted(buckets.items(), key=lambda one: (one[0][0], order.index(one[0][1]), one[0][2:]))
    )


def quantiles(buckets: Mapping[int, int]) -> tuple[int | None, int | None]:
    """Upper bounds (seconds) of the median and of nine tenths; None for what lies in the last bucket."""
    return quantile(buckets, 0.5), quantile(buckets, 0.9)


def quantile(buckets: Mapping[int, int], share: float) -> int | None:
    """The upper bound (seconds) of the bucket in which this share of the durations is reached."""
    needed, reached = share * sum(buckets.values()), 0
    for bucket in sorted(buckets):
        reached += buckets[bucket]
        if reached >= needed:
            return BOUNDS[bucket] if bucket < len(BOUNDS) else None
    return None


# --- waits ---


def expected_wait(buckets: Mapping[int, int], waited: float = 0.0) -> int | None:
    """How long (seconds) half of the citizens had to wait at most, of those who waited longer than `waited`.

    None if fewer than ENOUGH cases say so, or if the wait was longer than what is measured.
    """
    longer = {bucket: number for bucket, number in buckets.items() if bucket >= len(BOUNDS) or BOUNDS[bucket] > waited}
    if sum(longer.values()) < ENOUGH:
        return None
    bound = quantile(longer, 0.5)
    return None if bound is None else max(0, math.ceil(bound - waited))


def promise_holds(talks: int, missed: int) -> bool:
    """Whether citizens may read what staff promise: nine of ten citizens were talked to in time, or too few waited for
    it to be measured.
    """
    waited = max(talks, missed)
    return waited < ENOUGH or missed * 10 <= waited
