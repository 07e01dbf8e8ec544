"""Rate limits over fixed windows of time."""

from dataclasses import dataclass
from typing import Annotated

from broker.platform.toml_fields import Key
from broker.platform.toml_loader import Range, Seconds


@dataclass(frozen=True, slots=True)
class RateWindow:
    """A rate limit: the most uses in a window of time. Windows begin at multiples of their length."""

    most: Annotated[int, Range(1, 1_000_000), Key("max")]
    """Number of uses."""
    window: Annotated[Seconds, Range(1, 86400)]
    """Length of the window."""

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
