"""Readiness checks of a process, with a cache of one second, and the gauges that publish them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from broker.model.store_results import StoreUnavailable

Check = Callable[[], Awaitable[str | None]]
"""Checks one dependency. Returns None if it works, else a short reason without secrets. May raise StoreUnavailable."""

KEPT: Final = 1.0
"""Seconds for which a result is cached."""
WITHIN: Final = 1.0
"""Time-out of a check, in seconds."""
INTERVAL: Final = 5.0
"""Seconds between two updates of the gauges."""

log = logging.getLogger("portico.operations")


@dataclass(frozen=True, slots=True)
class ReadinessResult:
    """The result of the last checks: `problems` has the reason by check, `ready` whether to send requests here."""

    ready: bool
    problems: Mapping[str, str]


class Readiness:
    """Readiness of this process.

    The process is not ready if a `needed` check fails (the database, its schema): it can answer nearly nothing. A
    failed `wished` check (ephemeral state) is reported only: codes are still redeemed, tokens still read and keys
    still served, and every other process lacks it as well, so sending requests elsewhere does not help.
    """

    def __init__(
        self,
        needed: Mapping[str, Check],
        wished: Mapping[str, Check],
        tick: Callable[[], float],
        out: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`tick` is a monotonic clock in seconds. `out` gives the reason why the process is out of rotation because of
        its clock, else None; it calls no store.
        """
        self.draining = False
        """True after a stop signal: running requests are finished, new ones should go elsewhere."""
        self._needed = needed
        self._wished = wished
        self._tick = tick
        self._out = out
        self._checked_at = float("-inf")
        self._seen = ReadinessResult(ready=False, problems={})
        self._lock = asyncio.Lock()

    async def check(self) -> ReadinessResult:
        """The current result, at most `KEPT` seconds old. Concurrent callers share one run of the checks."""
        if self.draining:
            return ReadinessResult(ready=False, problems={"process": "draining"})
        async with self._lock:
            if self._tick() - self._checked_at >= KEPT:
                self._seen = await self._run_checks()
                self._checked_at = self._tick()
        out = self._out()
        return (
            self._seen if out is None else ReadinessResult(ready=False, problems={**self._seen.problems, "clock": out})
        )

    async def reachable(self) -> Mapping[str, bool]:
        """Whether each checked dependency works, by name."""
        seen = await self.check()
        return {name: name not in seen.problems for name in (*self._needed, *self._wished)}

    async def _run_checks(self) -> ReadinessResult:
        checks = {**self._needed, **self._wished}
        found = await asyncio.gather(*(_within(check) for check in checks.values()))
        wrong = {name: said for name, said in zip(checks, found, strict=True) if said is not None}
        return ReadinessResult(ready=not wrong.keys() & self._needed.keys(), problems=wrong)


async def _within(check: Check) -> str | None:
    try:
        async with asyncio.timeout(WITHIN):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except StoreUnavailable:
        return "not reachable"
    except Exception:
        log.exception("readiness_check_error")
        return "the check itself broke"


class StateMeters(Protocol):
    """Gauges of the state of providers and stores."""

    def provider(self, provider_id: str, *, working: bool) -> None:
        """Sets whether citizens are sent to a provider."""
        ...

    def store(self, name: str, *, reachable: bool) -> None:
        """Sets whether a store answers."""
        ...


async def update_gauges(
    meters: StateMeters,
    readiness: Readiness,
    providers: Callable[[], Mapping[str, bool]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Background task: sets the gauges every `INTERVAL` seconds. `providers` gives those citizens are sent to."""
    while True:
        for provider_id, working in providers().items():
            meters.provider(provider_id, working=working)
        for name, reachable in (await readiness.reachable()).items():
            meters.store(name, reachable=reachable)
        await pause(INTERVAL)
