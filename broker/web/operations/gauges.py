"""What is not counted but looked at: a few gauges, set again every few seconds while a process lives."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from broker.web.operations.readiness import Readiness

INTERVAL: Final = 5.0
"""Seconds between two looks."""


class StateMeters(Protocol):
    """Where states are shown."""

    def provider(self, id: str, working: bool) -> None:
        """How a provider does now."""
        ...

    def store(self, name: str, reachable: bool) -> None:
        """Whether a store answers now."""
        ...


async def update_gauges(
    meters: StateMeters,
    readiness: Readiness,
    providers: Callable[[], Mapping[str, bool]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Shows the state of stores and providers for ever. `providers` tells which of them citizens are sent to."""
    while True:
        for id, working in providers().items():
            meters.provider(id, working)
        for name, reachable in (await readiness.reachable()).items():
            meters.store(name, reachable)
        await pause(INTERVAL)
