"""What has to be done again and again, whether or not anybody asks: sealing, sweeping, sending, looking."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from broker.model.store_results import StoreUnavailable

LOG = logging.getLogger("portico.upkeep")


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """One thing to be done every so many seconds. Several processes may do it at once: it sees to that itself."""

    name: str
    interval: float
    run: Callable[[], Awaitable[object]]


async def run_forever(chore: PeriodicTask, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Does a chore for ever. One that fails is logged and tried again: nothing depends on any single time."""
    failing = False
    while True:
        try:
            await chore.run()
            if failing:
                LOG.warning("task_recovered", extra={"chore": chore.name})
            failing = False
        except StoreUnavailable:
            if not failing:
                LOG.warning("task_waits_for_store", extra={"chore": chore.name})
            failing = True
        except Exception:  # a chore that stopped for good would be worse than any single failure of it
            LOG.exception("task_failed", extra={"chore": chore.name})
            failing = True
        await pause(chore.interval)
