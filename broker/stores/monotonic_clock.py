"""Steady clock: the time of one process, which never goes backwards and which no jump of the machine's clock moves."""

from collections.abc import Callable


class MonotonicWallClock:
    """Seconds since 1970 UTC, held against the monotonic clock at each reading.

    While the machine's clock keeps in step with the monotonic one, that is the time. If it leaves the step by more than
    `tolerance` seconds it has jumped: from then on the time goes on by the monotonic clock alone, until `follow` or
    `run_on` says what to hold to. Whoever reads it in between never sees the wrong time.
    """

    def __init__(self, wall: Callable[[], float], tick: Callable[[], float], tolerance: float) -> None:
        """`wall` gives seconds since 1970 UTC, `tick` seconds that never go back (Ambient)."""
        self.wall = wall
        self.tick = tick
        self._tolerance = tolerance
        self._base = wall() - tick()
        self._follows = True
        self._jump = 0.0
        self._latest = 0.0

    def __call__(self) -> float:
        """Seconds since 1970 UTC. Read many times a request: the ordinary case comes first and asks each clock once."""
        if self._follows and not self._jump:
            now = self.wall()
            if -self._tolerance <= now - self._base - self.tick() <= self._tolerance:
                if now > self._latest:
                    self._latest = now
                return self._latest
        if not self._follows:
            # not remembered: if it turns out that this machine's clock was right, the time goes on from there
            return max(self._latest, self._base + self.tick())
        now = self._base + self.tick() if self.jump else self.wall()
        if now > self._latest:
            self._latest = now
        return self._latest

    @property
    def jump(self) -> float:
        """By how many seconds the machine's clock jumped since it was last followed; 0 if it did not."""
        if self._follows and not self._jump:
            away = self.wall() - self._base - self.tick()
            if not -self._tolerance <= away <= self._tolerance:
                self._jump = away
        return self._jump

    def follow(self) -> None:
        """Holds to the machine's clock from now on, as it stands."""
        self._base = self.wall() - self.tick()
        self._follows, self._jump = True, 0.0

    def run_on(self, now: float) -> None:
        """Holds to the monotonic clock alone, from this time on: the machine's clock is wrong."""
        self._base = now - self.tick()
        self._follows, self._jump = False, 0.0

    def at_least(self, moment: float) -> None:
        """From now on it is not earlier than this moment."""
        self._latest = max(self._latest, moment)

    def go_back_to(self, moment: float) -> None:
        """Forgets any later time it showed: what had expired by then is expired in the stores themselves."""
        self._latest = moment
