"""Periodic background tasks of a process: run forever, and log failures without stopping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from broker.model.store_results import StoreUnavailable

LOG = logging.getLogger("portico.upkeep")


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A function that runs every `interval` seconds. Several processes may run it concurrently.

    `close` ends what its runs left running, when the task is cancelled.
    """

    name: str
    interval: float
    run: Callable[[], Awaitable[object]]
    close: Callable[[], Awaitable[None]] | None = None


async def run_forever(task: PeriodicTask, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Runs a task forever. A failure is logged, and the task runs again after its interval."""
    try:
        await _repeat(task, pause)
    finally:
        if task.close is not None:
            await task.close()


async def _repeat(task: PeriodicTask, pause: Callable[[float], Awaitable[None]]) -> None:
    failing = False
    while True:
        try:
            await task.run()
            if failing:
                LOG.warning("task_recovered", extra={"chore": task.name})
            failing = False
        except StoreUnavailable:
            if not failing:
                LOG.warning("task_waits_for_store", extra={"chore": task.name})
            failing = True
        except Exception:  # the task must not stop for good after one failure
            LOG.exception("task_failed", extra={"chore": task.name})
            failing = True
        await pause(task.interval)
