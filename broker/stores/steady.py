"""A clock that does not run backwards, so that what has expired stays expired when the machine's clock jumps back."""

from collections.abc import Callable


class SteadyClock:
    """The latest time it ever showed, or that it was told of, until the machine's clock has passed that."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._latest = 0.0

    def __call__(self) -> float:
        """Seconds since 1970 UTC."""
        now = self._now()
        if now > self._latest:
            self._latest = now
        return self._latest

    def at_least(self, moment: float) -> None:
        """From now on it is not earlier than this moment."""
        self._latest = max(self._latest, moment)
