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
TRICKLE: Final = 1.0
"""Seconds between two who are let through after that, until one of them succeeds."""


class Breaker:
    """Closed: everybody may pass. Open: nobody. Half open: one a second, and the first outcome decides.

    Times are seconds since 1970 UTC and never asked for here.
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

    def admits(self, now: float) -> bool:
        """Whether somebody who asks now may pass; in the half-open state that is then the one of this second."""
        if self._opened is None:
            return True
        if self.is_open(now) or 0 <= now - self._passed < TRICKLE:
            return False
        self._passed = now
        return True

    def record(self, good: bool, now: float) -> None:
        """An outcome. A good one always closes; a bad one opens once bad ones are too large a share."""
        if self._opened is not None:
            if good:
                self._opened = None
                self._outcomes.clear()
                self._bad = 0
            elif not self.is_open(now):
                self._opened = now
            return
        self._outcomes.append((now, good))
        self._bad += not good
        while self._outcomes and not 0 <= now - self._outcomes[0][0] < WINDOW:
            self._bad -= not self._outcomes.popleft()[1]
        if len(self._outcomes) >= LEAST and self._bad >= SHARE * len(self._outcomes):
            self._opened = now
