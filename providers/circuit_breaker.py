"""Circuit breaker of a provider: when to stop sending citizens to a provider that fails, and when to try again."""

from collections import deque
from typing import Final

from broker.model.provider_watch import ProviderWatch

LEAST: Final = 4
"""Minimum number of outcomes in the window before the breaker can open."""
SHARE: Final = 0.5
"""Failure rate from which the breaker opens."""
PROBE_INTERVAL: Final = 1.0
"""Half-open state: seconds between two probes, until one of them succeeds."""


class CircuitBreaker:
    """Circuit breaker. Closed: every sign-in may start. Open: none. Half open: one a second, and the first outcome
    decides.

    Only an outage opens it, when it is recorded: neither a success nor the age of earlier outcomes does. A success
    closes it in every state. Times are seconds since 1970 UTC, passed as parameters; if the clock was set back,
    outcomes in its future are ignored.
    """

    def __init__(self, watch: ProviderWatch) -> None:
        """Creates a closed breaker. `watch` says for how long an outcome counts, and for how long it stays open.

        `opened` is when it opened, None while it is closed.
        """
        self._window, self._open_for = watch.breaker_window, watch.breaker_open
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self.opened: float | None = None
        self._passed = 0.0

    def is_open(self, now: float) -> bool:
        """Whether it rejects every sign-in."""
        return self.opened is not None and 0 <= now - self.opened < self._open_for

    def allow(self, now: float) -> bool:
        """Whether a sign-in may start now; in the half-open state it then is the probe of this second."""
        if self.opened is None:
            return True
        if self.is_open(now) or 0 <= now - self._passed < PROBE_INTERVAL:
            return False
        self._passed = now
        return True

    def succeed(self, now: float) -> None:
        """Records a successful sign-in, which closes the breaker."""
        if self.opened is not None:
            self.opened = None
            self._outcomes.clear()
            self._bad = 0
        self._add(now, good=True)

    def fail(self, now: float) -> None:
        """Records an outage. Opens the breaker if the failure rate in the window reaches the threshold."""
        if self.opened is not None:
            if not self.is_open(now):
                self.opened = now
            return
        self._add(now, good=False)
        if len(self._outcomes) >= LEAST and self._bad >= SHARE * len(self._outcomes):
            self.opened = now

    def _add(self, now: float, *, good: bool) -> None:
        if self._outcomes and self._outcomes[-1][0] > now:
            self._outcomes = deque(one for one in self._outcomes if one[0] <= now)
            self._bad = sum(not kept for _, kept in self._outcomes)
        self._outcomes.append((now, good))
        self._bad += not good
        while now - self._outcomes[0][0] >= self._window:
            self._bad -= not self._outcomes.popleft()[1]
