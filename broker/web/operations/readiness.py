"""Should requests come to this process? Cheap to ask, however often somebody asks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.model.store_results import StoreUnavailable

Check = Callable[[], Awaitable[str | None]]
"""Looks at one thing: None if it is well, else a word or two, free of secrets. May raise Unavailable."""

KEPT: Final = 1.0
"""Seconds for which what was seen is told again."""
WITHIN: Final = 1.0
"""Seconds that a check may take."""

log = logging.getLogger("portico.operations")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at the last look: what is wrong, by name. `ready` if requests should come all the same."""

    ready: bool
    wrong: Mapping[str, str]


class Readiness:
    """What a process knows of its own fitness.

    Without what is `needed` (the facts, their schema) nearly nothing can be answered. Without what is `wished for` (the
    passing state) codes are still redeemed, tokens still read, keys still shown: that is told, but no reason to send
    requests elsewhere, since every other process misses it too.
    """

    def __init__(
        self,
        needed: Mapping[str, Check],
        wished: Mapping[str, Check],
        tick: Callable[[], float],
        out: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`tick` gives seconds from no particular moment, and never goes back. `out` says why the process takes itself
        out of rotation because of its clock, None while it does not; it asks nobody.
        """
        self.draining = False
        """Set when a stop was asked for: requests under way are finished, new ones should go elsewhere."""
        self._needed = needed
        self._wished = wished
        self._tick = tick
        self._out = out
        self._looked = float("-inf")
        self._seen = Seen(False, {})
        self._looking = asyncio.Lock()

    async def look(self) -> Seen:
        """What is wrong now, or was a second ago. Of many who ask at once one looks."""
        if self.draining:
            return Seen(False, {"process": "draining"})
        async with self._looking:
            if self._tick() - self._looked >= KEPT:
                self._seen = await self._look()
                self._looked = self._tick()
        out = self._out()
        return self._seen if out is None else Seen(False, {**self._seen.wrong, "clock": out})

    async def reachable(self) -> Mapping[str, bool]:
        """Each thing that is looked at, and whether it is well."""
        seen = await self.look()
        return {name: name not in seen.wrong for name in (*self._needed, *self._wished)}

    async def _look(self) -> Seen:
        checks = {**self._needed, **self._wished}
        found = await asyncio.gather(*(_within(check) for check in checks.values()))
        wrong = {name: said for name, said in zip(checks, found, strict=True) if said is not None}
        return Seen(not wrong.keys() & self._needed.keys(), wrong)


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
