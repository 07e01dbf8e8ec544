"""Time and chance: the one place that asks the machine for either."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ambient:
    """What the rest of the broker is handed instead of reaching for the clock or the random source.

    `now` gives seconds since 1970-01-01 UTC, `draw(n)` gives n unpredictable bytes. `tick` gives seconds from no
    particular moment that never go back: for measuring how long something takes, not for deciding anything.
    """

    now: Callable[[], float]
    draw: Callable[[int], bytes]
    tick: Callable[[], float] = time.perf_counter


def real() -> Ambient:
    """The machine's own clock and its cryptographic random source."""
    return Ambient(now=time.time, draw=secrets.token_bytes)
