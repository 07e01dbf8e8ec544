"""Rate limits over fixed windows of time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateWindow:
    """Limit of `most` uses in a window of `window` seconds. Windows begin at multiples of their length."""

    most: int
    window: int

    def ends(self, now: float) -> float:
        """End of the window that contains `now`, when the count restarts. Both are seconds since 1970 UTC."""
        return (now // self.window + 1) * self.window

    def of(self, key: str) -> "RateLimit":
        """This limit, counted for one key."""
        return RateLimit(key, self.most, self.window)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Limit of `most` uses of `key` in a window of `window` seconds."""

    key: str
    most: int
    window: int
