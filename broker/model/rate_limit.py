"""How often something may be done: rate limits over fixed windows of time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateWindow:
    """At most `most` uses in a window of `window` seconds. Windows begin at multiples of their length."""

    most: int
    window: int

    def ends(self, now: float) -> float:
        """When the window ends that `now` lies in, both in seconds since 1970 UTC: from then on uses are free again."""
        return (now // self.window + 1) * self.window

    def of(self, key: str) -> "RateLimit":
        """This rate, counted for one key."""
        return RateLimit(key, self.most, self.window)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` uses of `key` in a window of `window` seconds."""

    key: str
    most: int
    window: int
