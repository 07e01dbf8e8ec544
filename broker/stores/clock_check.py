"""Clock check: compares this machine's clock with the clock of the database, which all hosts share.

About once a second a process reads the database's clock, the high-water mark of time and, if these disagree with its
own clock, the clock of Redis. `judge` decides from that alone. A process whose own clock is wrong reports itself as not
ready and reads the time from the database until its clock is right again; it writes nothing, so no other process is
affected. A high-water mark in the future is lowered, after everything that had expired by it is expired durably.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.model.store_results import StoreUnavailable
from broker.stores.monotonic_clock import MonotonicWallClock
from broker.stores.sql.expiring import Expirer
from broker.stores.sql.shared_counters import STEP, SharedCounters, TimeSeen

TOLERANCE: Final = 3.0
"""Clock skew tolerated by default, in seconds, against the database's clock."""
SETTLED_AFTER: Final = 2.0 * STEP
"""Seconds after which every other live process has written the time: later silence means that none disagrees."""
ACTOR: Final = "broker"
"""Actor in the audit event of a lowered high-water mark."""

ReadTime = Callable[[], Awaitable[float]]
"""Reads the time of another machine, in seconds since 1970 UTC. Raises StoreUnavailable."""
Forget = Callable[[], Awaitable[None]]
"""Empties the ephemeral stores, in which expiry is not durable. Raises StoreUnavailable."""

_log: Final = logging.getLogger("portico.clock")


@dataclass(frozen=True, slots=True)
class Offset:
    """Clock offset: seconds by which this machine's clock is ahead of another, as an interval.

    The bounds are this clock before the request and after the response, so a slow response gives a wide interval.
    """

    least: float
    most: float

    @property
    def middle(self) -> float:
        """The midpoint of the interval."""
        return (self.least + self.most) / 2

    def beyond(self, limit: float) -> bool:
        """Whether the offset certainly exceeds `limit` seconds, in either direction."""
        return self.least > limit or self.most < -limit


class Finding(StrEnum):
    """Result of one clock check."""

    RIGHT = "right"
    OWN_CLOCK = "own_clock_off"
    UNDECIDED = "clocks_disagree"
    DATABASE_CLOCK = "database_clock_off"
    MARK_AHEAD = "time_mark_ahead"
    MARK_DISPUTED = "time_mark_disputed"


IN_ROTATION: Final = frozenset({Finding.RIGHT, Finding.DATABASE_CLOCK})
"""Findings with which a process is ready."""

_DISAGREED: Final = frozenset({Finding.OWN_CLOCK, Finding.UNDECIDED, Finding.DATABASE_CLOCK})
"""Findings after which only another process can have raised the high-water mark."""


@dataclass(frozen=True, slots=True)
class ClockEvidence:
    """Measurements of the clocks by this machine.

    `database` is the offset to the database's clock, `redis` that to Redis's, None if it was not read;
    `redis_expected`: there is a Redis. `mark`: seconds by which the high-water mark is ahead. `contradicted`: another
    process wrote a time that this machine's clock denies. `jumped`: the system clock diverged from the monotonic one
    since it last agreed with the database's. `enough_time`: enough time has passed for a contradiction.
    """

    database: Offset
    mark: float
    redis: Offset | None = None
    redis_expected: bool = False
    contradicted: bool = False
    jumped: bool = False
    enough_time: bool = True


def judge(evidence: ClockEvidence, limit: float) -> Finding:
    """Decides whose clock is wrong by more than `limit` seconds.

    The database's clock is right unless Redis and this machine agree on another time, this machine's clock did not
    jump, and no other process agrees with the database.
    """
    redis = evidence.redis
    if not evidence.database.beyond(limit):
        return _of_mark(evidence, limit)
    if evidence.contradicted or evidence.jumped or evidence.mark > limit:
        return Finding.OWN_CLOCK
    if redis is None:
        return Finding.UNDECIDED
    if not redis.beyond(limit):
        return Finding.DATABASE_CLOCK if evidence.enough_time else Finding.UNDECIDED
    with_database = abs(redis.middle - evidence.database.middle) <= limit
    return Finding.OWN_CLOCK if with_database else Finding.UNDECIDED


def _of_mark(evidence: ClockEvidence, limit: float) -> Finding:
    """Judges the high-water mark when this machine's clock and the database's agree."""
    if evidence.contradicted:
        return Finding.OWN_CLOCK
    if evidence.mark <= limit:
        return Finding.RIGHT
    redis = evidence.redis
    doubted = redis.beyond(limit) if redis is not None else evidence.redis_expected
    return Finding.MARK_DISPUTED if doubted or not evidence.enough_time else Finding.MARK_AHEAD


class ClockCheck:
    """Checks the clock of one process, and whether the process may serve."""

    def __init__(self, clock: MonotonicWallClock, marks: SharedCounters, expirer: Expirer, tolerance: float) -> None:
        self.clock = clock
        self.finding = Finding.RIGHT
        self.offset = 0.0
        self.ahead = 0.0
        """Seconds by which the high-water mark is ahead of the clock."""
        self._marks = marks
        self._expirer = expirer
        self._tolerance = tolerance
        self._reported = Finding.RIGHT
        self._redis: ReadTime | None = None
        self._forget: Forget | None = None
        self._redis_offset: Offset | None = None
        self._seen: TimeSeen | None = None
        self._contradicted = False
        self._jumped = False
        self._agreed = False
        self._unsettled_since = clock.monotonic()

    def join_ephemeral(self, redis: ReadTime | None, forget: Forget) -> None:
        """Adds Redis: its clock is read if needed, and its records are deleted before the high-water mark is
        lowered."""
        self._redis, self._forget = redis, forget

    @property
    def unready_reason(self) -> str | None:
        """Why this process must not serve now, None if it may. No round trip."""
        jump = self.clock.jump
        if jump:
            return f"this machine's clock jumped by {jump:+.1f} s"
        return None if self.finding in IN_ROTATION else self.explanation

    @property
    def own_clock_is_off(self) -> bool:
        """Whether the last check found this machine's clock wrong."""
        return self.finding is Finding.OWN_CLOCK

    @property
    def mark_is_ahead(self) -> bool:
        """Whether the last check found the high-water mark in the future."""
        return self.finding in (Finding.MARK_AHEAD, Finding.MARK_DISPUTED)

    @property
    def explanation(self) -> str:
        """The last finding in words."""
        redis = self._redis_offset
        also = "" if redis is None else f", {redis.middle:+.1f} s from Redis's"
        clocks = f"this machine's clock is {self.offset:+.1f} s from the database's{also}"
        mark = f"the high-water mark of time is {self.ahead:.1f} s ahead"
        match self.finding:
            case Finding.RIGHT:
                return ""
            case Finding.OWN_CLOCK if self._contradicted and self.offset == 0.0:
                return f"another process on this database writes a time {self.ahead:+.1f} s from this machine's clock"
            case Finding.DATABASE_CLOCK:
                return f"{clocks}: the database's clock is wrong"
            case Finding.MARK_AHEAD | Finding.MARK_DISPUTED:
                return f"{mark} of this machine's clock{also}"
            case _:
                return clocks

    async def check(self) -> None:
        """Checks the clocks, then writes the time or lowers a high-water mark that is ahead. Called once a second."""
        await self.read_clocks()
        self._report()
        if self.finding is Finding.MARK_AHEAD:
            await self.lower_mark(ACTOR)
            self._report()
        elif self.finding is Finding.RIGHT and self._may_note():
            noted = await self._marks.note_time(self.clock.wall(), self._tolerance)
            if noted is not None and self._seen is not None:
                self._seen = replace(self._seen, mark=noted)

    async def read_clocks(self) -> None:
        """Reads the clocks and judges; changes nothing outside of this process. Raises StoreUnavailable."""
        clock = self.clock
        jump = clock.jump
        before = clock.wall()
        seen = await self._marks.look_at_time()
        after = clock.wall()
        own = seen.clock is None
        database = Offset(0.0, 0.0) if seen.clock is None else Offset(before - seen.clock, after - seen.clock)
        if jump:
            self._jumped = not own
            self._unsettled_since = clock.monotonic()
            _log.warning("clock_jumped", extra={"seconds": round(jump, 3)})
        limit = self._tolerance if self.finding in IN_ROTATION else self._tolerance / 2
        self.offset, self.ahead = database.middle, seen.mark - after
        agrees = not database.beyond(limit)
        self._compare(seen, after, agrees=agrees)
        questioned = not agrees or self.ahead > limit
        self._redis_offset = await self._ask_redis() if questioned and self._redis is not None else None
        evidence = ClockEvidence(
            database,
            self.ahead,
            self._redis_offset,
            redis_expected=self._redis is not None,
            contradicted=self._contradicted,
            jumped=self._jumped,
            enough_time=self._is_settled(own=own),
        )
        self._conclude(judge(evidence, limit), after - database.middle, seen)

    async def lower_mark(self, actor: str) -> bool:
        """Lowers a high-water mark that is ahead to the database's clock. False if another process was faster.

        First everything that had expired by the mark is expired durably, and the ephemeral stores are emptied, so that
        nothing becomes valid again. Raises StoreUnavailable, and then the mark stays unchanged.
        """
        seen, now = self._seen, self.clock.wall() - self.offset
        if seen is None:
            raise StoreUnavailable("the clocks were not read")
        if self._forget is not None:
            await self._forget()
        expired = await self._expirer.expire(now, seen.mark)
        if not await self._marks.take_time_back(seen.mark, now, actor):
            return False
        _log.warning("time_mark_taken_back", extra={"seconds": round(seen.mark - now, 1), "expired": expired})
        await self.read_clocks()
        return True

    def _compare(self, seen: TimeSeen, now: float, *, agrees: bool) -> None:
        """What the high-water mark says about other processes, and whether it was lowered."""
        last, self._seen = self._seen, seen
        if last is not None and seen.resets != last.resets:
            self.clock.go_back_to(min(self.clock.wall(), seen.mark))
        reach = STEP + self._tolerance + 1.0
        moved = last is not None and seen.mark > last.mark
        if seen.clock is None:
            near = abs(seen.mark - now) <= reach
            if moved and not near and not self._is_settled(own=True):
                self._contradicted = True
            elif near:
                self._contradicted = False
        elif agrees:
            self._contradicted, self._agreed = False, True
        elif moved and self.finding in _DISAGREED and abs(seen.mark - seen.clock) <= reach:
            self._contradicted = True

    def _is_settled(self, *, own: bool) -> bool:
        """Whether every live process has had the time to contradict this one. `own`: there is no other clock."""
        long_enough = self.clock.monotonic() - self._unsettled_since >= SETTLED_AFTER
        return long_enough if own else long_enough or self._agreed

    def _may_note(self) -> bool:
        """A process that has only its own clock waits until no other can contradict it, unless no time was written
        yet."""
        seen = self._seen
        return seen is not None and (seen.clock is not None or seen.mark == 0 or self._is_settled(own=True))

    async def _ask_redis(self) -> Offset | None:
        if self._redis is None:
            return None
        before = self.clock.wall()
        try:
            time = await self._redis()
        except StoreUnavailable:
            return None
        return Offset(before - time, self.clock.wall() - time)

    def _conclude(self, finding: Finding, database_now: float, seen: TimeSeen) -> None:
        self.finding = finding
        if finding in (Finding.OWN_CLOCK, Finding.UNDECIDED) and seen.clock is not None:
            self.clock.run_on(database_now)
        else:
            self.clock.follow()
        if finding is Finding.RIGHT:
            self._jumped = False
            self.clock.at_least(seen.mark)

    def _report(self) -> None:
        """Logs a finding that differs from the one logged last."""
        if self.finding is self._reported:
            return
        before, self._reported = self._reported, self.finding
        if self.finding is Finding.RIGHT:
            _log.warning("clock_recovered", extra={"was": before.value})
        else:
            found = {"finding": self.finding.value, "detail": self.explanation, "offset": round(self.offset, 3)}
            _log.error("clock_off", extra=found)
