"""Time and chance: the one place that asks the machine for either."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class System:
    """What the rest of the broker is handed instead of reaching for the clock or the random source.

    `now` gives seconds since 1970-01-01 UTC, `draw(n)` gives n unpredictable bytes. `tick` gives seconds from no
    particular moment that never go back: for measuring how long something takes, not for deciding anything.
    """

    now: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    monotonic: Callable[[], float] = time.perf_counter


def real_system() -> System:
    """The machine's own clock and its cryptographic random source."""
    return System(now=time.time, random_bytes=secrets.token_bytes)
