"""A fake clock and a deterministic source of random bytes."""

import hashlib


class FakeClock:
    """A clock that stands still until a test advances it."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """`start` is in seconds since 1970-01-01 UTC; by default a day in January 2027."""
        self._now = start
        self._passed = 0.0

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Advances the clock. A negative time sets the wall clock back; the monotonic clock stays."""
        self._now += seconds
        self._passed += max(seconds, 0.0)

    def set(self, now: float) -> None:
        """Advances the clock to `now`, or sets it back."""
        self.advance(now - self._now)

    def jump(self, seconds: float) -> None:
        """Moves the wall clock, forwards or backwards; the monotonic clock stays."""
        self._now += seconds

    def tick(self) -> float:
        """The monotonic clock: seconds that have passed, without jumps."""
        return self._passed


class FakeRandom:
    """Bytes that never repeat within a test and are the same in every run."""

    def __init__(self) -> None:
        """Starts at the first value."""
        self._drawn = 0

    def draw(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8)).digest(count)
