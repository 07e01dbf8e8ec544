"""Monotonic wall clock: the time of one process, which never goes backwards and ignores jumps of the system clock."""

from collections.abc import Callable


class MonotonicWallClock:
    """Seconds since 1970 UTC, compared with the monotonic clock at each reading.

    While both clocks advance at the same rate, the system clock is the time. If it diverges from the monotonic clock by
    more than `tolerance` seconds it has jumped: from then on the time advances by the monotonic clock alone, until
    `follow` or `run_on` decides. No caller reads the wrong time in between.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float], tolerance: float) -> None:
        """`wall` returns seconds since 1970 UTC, `monotonic` seconds that never go backwards (System)."""
        self.wall = wall
        self.monotonic = monotonic
        self._tolerance = tolerance
        self._base = wall() - monotonic()
        self._follows = True
        self._jump = 0.0
        self._latest = 0.0

    def __call__(self) -> float:
        """Seconds since 1970 UTC. Read many times in a request: the common case comes first and reads each clock
        once."""
        if self._follows and not self._jump:
            now = self.wall()
            if -self._tolerance <= now - self._base - self.monotonic() <= self._tolerance:
                if now > self._latest:
                    self._latest = now
                return self._latest
        if not self._follows:
            # not stored: if this machine's clock turns out to be right, the time continues from it
            return max(self._latest, self._base + self.monotonic())
        now = self._base + self.monotonic() if self.jump else self.wall()
        if now > self._latest:
            self._latest = now
        return self._latest

    @property
    def jump(self) -> float:
        """Seconds by which the system clock jumped since it was last followed; 0 if it did not."""
        if self._follows and not self._jump:
            away = self.wall() - self._base - self.monotonic()
            if not -self._tolerance <= away <= self._tolerance:
                self._jump = away
        return self._jump

    def follow(self) -> None:
        """Follows the system clock again, at its present value."""
        self._base = self.wall() - self.monotonic()
        self._follows, self._jump = True, 0.0

    def run_on(self, now: float) -> None:
        """Follows the monotonic clock alone, starting at `now`: the system clock is wrong."""
        self._base = now - self.monotonic()
        self._follows, self._jump = False, 0.0

    def at_least(self, moment: float) -> None:
        """Advances the time to at least `moment`."""
        self._latest = max(self._latest, moment)

    def go_back_to(self, moment: float) -> None:
        """Discards any later time it returned: what had expired by then is expired in the stores themselves."""
        self._latest = moment
