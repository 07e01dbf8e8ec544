"""Machines with clocks of their own around one database: what the clock check is tried on, with no time passing."""

from dataclasses import dataclass, field

from broker.model.store_results import StoreUnavailable
from broker.stores.clock_check import SETTLED_AFTER, ClockCheck
from broker.stores.monotonic_clock import MonotonicWallClock
from broker.stores.sql.shared_counters import STEP, TimeSeen

START = 1_800_000_000.0
LIMIT = 3.0
HOURS = 7200.0
LONG = int(SETTLED_AFTER) + 2
"""Seconds after which the clock check has come to its finding."""


@dataclass
class World:
    """The true time, the clocks of the database and of Redis by their offset to it, and what the database holds.

    `sqlite`: the database uses the clock of the machine that calls it.
    """

    sqlite: bool = False
    passed: float = 0.0
    database: float = 0.0
    redis: float | None = 0.0
    mark: int = 0
    resets: int = 0
    taken_back: list[str] = field(default_factory=list)
    expired: list[tuple[float, float]] = field(default_factory=list)
    forgotten: int = 0

    @property
    def now(self) -> float:
        """The true time."""
        return START + self.passed

    @property
    def database_clock(self) -> float:
        """What the database's clock shows."""
        return self.now + self.database


@dataclass
class Machine:
    """One process on a machine whose clock is `offset` seconds ahead of the true time and gains `drift` a second.

    It is the store of marks, of expiry and of ephemeral state of its clock check.
    """

    world: World
    offset: float = 0.0
    drift: float = 0.0
    redis_answers: bool = True

    def __post_init__(self) -> None:
        """The process starts."""
        self.began = self.world.passed
        self.clock = MonotonicWallClock(self.wall, lambda: self.world.passed, LIMIT)
        self.check = ClockCheck(self.clock, self, self, LIMIT)  # type: ignore[arg-type]
        if self.world.redis is not None:
            self.check.join_ephemeral(self.redis, self.forget)

    def wall(self) -> float:
        """What this machine's clock shows."""
        return self.world.now + self.offset + self.drift * (self.world.passed - self.began)

    async def redis(self) -> float:
        """The clock of Redis."""
        if not self.redis_answers or self.world.redis is None:
            raise StoreUnavailable("gone")
        return self.world.now + self.world.redis

    async def forget(self) -> None:
        """Empties the ephemeral stores."""
        if not self.redis_answers:
            raise StoreUnavailable("gone")
        self.world.forgotten += 1

    async def look_at_time(self) -> TimeSeen:
        """As `Marks` does."""
        clock = None if self.world.sqlite else self.world.database_clock
        return TimeSeen(clock, self.world.mark, self.world.resets)

    async def note_time(self, now: float, limit: float) -> int | None:
        """As `Marks` does."""
        noted = now if self.world.sqlite else self.world.database_clock
        if abs(noted - now) <= limit and self.world.mark <= int(noted) - STEP:
            self.world.mark = int(noted)
            return self.world.mark
        return None

    async def take_time_back(self, seen: int, now: float, who: str) -> bool:
        """As `Marks` does."""
        if self.world.mark != seen:
            return False
        self.world.mark = int(now if self.world.sqlite else self.world.database_clock)
        self.world.resets += 1
        self.world.taken_back.append(who)
        return True

    async def expire(self, now: float, mark: float) -> int:
        """As `Expirer` does."""
        self.world.expired.append((now, mark))
        return 0

    @property
    def serves(self) -> bool:
        """Whether it is in rotation."""
        return self.check.unready_reason is None


async def pass_time(world: World, seconds: int, *machines: Machine) -> None:
    """So many seconds, in each of which every machine checks its clock."""
    for _ in range(seconds):
        world.passed += 1.0
        for machine in machines:
            await machine.check.check()
