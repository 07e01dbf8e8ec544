"""Time and chance that a test holds in its hand."""

import hashlib


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """`start` is in seconds since 1970-01-01 UTC; by default a day in January 2027."""
        self._now = start

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def set(self, now: float) -> None:
        """Jump to a time, also backwards."""
        self._now = now


class FakeChance:
    """Bytes that never repeat within a test and are the same in every run."""

    def __init__(self) -> None:
        """Nothing drawn yet."""
        self._drawn = 0

    def draw(self, count: int) -> bytes:
        """The next `count` bytes."""
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8)).digest(count)
