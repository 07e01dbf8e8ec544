"""When to stop sending citizens to a provider that fails, and when to try again."""

from collections import deque
from typing import Final

WINDOW: Final = 120.0
"""Seconds for which an outcome counts."""
LEAST: Final = 4
"""Outcomes in the window below which nothing is concluded."""
SHARE: Final = 0.5
"""Share of failures from which on the breaker opens."""
OPEN_FOR: Final = 10.0
"""Seconds for which nobody is let through."""
PROBE_INTERVAL: Final = 1.0
"""Seconds between two who are let through after that, until one of them succeeds."""


class CircuitBreaker:
    """Closed: everybody may pass. Open: nobody. Half open: one a second, and the first outcome decides.

    Only an outage opens it, and only by its own arrival: neither a success nor the age of earlier outcomes ever does.
    A success closes it in every state. Times are seconds since 1970 UTC and never asked for here; if the clock was set
    back, outcomes that lie ahead of it count no more.
    """

    def __init__(self) -> None:
        """Closed."""
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._opened: float | None = None
        self._passed = 0.0

    @property
    def opened(self) -> float | None:
        """When it opened, None while it is closed."""
        return self._opened

    def is_open(self, now: float) -> bool:
        """Whether nobody may pass."""
        return self._opened is not None and 0 <= now - self._opened < OPEN_FOR

    def allow(self, now: float) -> bool:
        """Whether somebody who asks now may pass; in the half-open state that is then the one of this second."""
        if self._opened is None:
            return True
        if self.is_open(now) or 0 <= now - self._passed < PROBE_INTERVAL:
            return False
        self._passed = now
        return True

    def succeed(self, now: float) -> None:
        """A sign-in succeeded: whatever was concluded before, the provider works."""
        if self._opened is not None:
            self._opened = None
            self._outcomes.clear()
            self._bad = 0
        self._add(now, good=True)

    def fail(self, now: float) -> None:
        """The provider failed. Opens if outages are now too large a share of what the window holds."""
        if self._opened is not None:
            if not self.is_open(now):
                self._opened = now
            return
        self._add(now, good=False)
        if len(self._outcomes) >= LEAST and self._bad >= SHARE * len(self._outcomes):
            self._opened = now

    def _add(self, now: float, *, good: bool) -> None:
        if self._outcomes and self._outcomes[-1][0] > now:
            self._outcomes = deque(one for one in self._outcomes if one[0] <= now)
            self._bad = sum(not kept for _, kept in self._outcomes)
        self._outcomes.append((now, good))
        self._bad += not good
        while now - self._outcomes[0][0] >= WINDOW:
            self._bad -= not self._outcomes.popleft()[1]
