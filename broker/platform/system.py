"""System clock and random source, passed to the rest of the broker as a parameter."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class System:
    """Clock and random source of a process.

    `now` returns seconds since 1970-01-01 UTC, `random_bytes(n)` n unpredictable bytes, `monotonic` seconds since an
    arbitrary moment that never go backwards, for measuring durations.
    """

    now: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    monotonic: Callable[[], float] = time.perf_counter


def real_system() -> System:
    """The operating system's clock and its cryptographic random source."""
    return System(now=time.time, random_bytes=secrets.token_bytes)
