"""Time and chance that a test holds in its hand."""

import hashlib


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """`start` is in seconds since 1970-01-01 UTC; by default a day in January 2027."""
        self._now = start
        self._passed = 0.0

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; a negative time is a jump back, since time does not pass backwards."""
        self._now += seconds
        self._passed += max(seconds, 0.0)

    def set(self, now: float) -> None:
        """Let time pass until then, or jump back to then."""
        self.advance(now - self._now)

    def jump(self, seconds: float) -> None:
        """The machine's clock jumps, forwards or backwards; no time passes."""
        self._now += seconds

    def tick(self) -> float:
        """Seconds that have passed: what the monotonic clock shows, which no jump moves."""
        return self._passed


class FakeChance:
    """Bytes that never repeat within a test and are the same in every run."""

    def __init__(self) -> None:
        """Nothing drawn yet."""
        self._drawn = 0

    def draw(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8)).digest(count)
