"""Health monitor: all providers under watch, with their checks and the exchange with other processes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from broker.model.provider_watch import ProviderWatch
from broker.platform.system import System
from broker.provider import Provider, ProviderHealth
from providers.monitored_provider import ALONE, DEFAULT, MonitoredProvider
from providers.shared_health import ObservationBuffer, ProviderSignals, decode, encode

WARMED: Final = 50
"""Up to so many providers each process checks every one at its start, beside the checks in turn."""

UNKNOWN: Final = ProviderHealth(working=True)
"""The assumed health of a provider that nothing is known of."""


class HealthMonitor:
    """All providers under watch."""

    def __init__(self, system: System, signals: ProviderSignals = ALONE, watch: ProviderWatch = DEFAULT) -> None:
        """Nothing is under watch yet. `signals` are the connection to the other processes, `watch` the intervals."""
        self._watch = watch
        self.providers: Mapping[str, MonitoredProvider] = {}
        self._system = system
        self._signals = signals
        self._observed = ObservationBuffer()
        self._replaced = asyncio.Event()

    def watch(self, providers: Mapping[str, Provider]) -> Mapping[str, MonitoredProvider]:
        """Watches these providers by id from now on, and no others. Returns them.

        A provider that takes the place of another keeps what is known of its health, and is checked at once.
        """
        watched = {}
        for provider_id, provider in providers.items():
            one = self.providers.get(provider_id) or MonitoredProvider(
                provider, self._system, self._signals, self._observed, self._watch
            )
            one.inner = provider
            watched[provider_id] = one
        self.providers = watched
        self._replaced.set()
        return watched

    def health_of(self, provider: str) -> ProviderHealth:
        """The health of one provider by its id; UNKNOWN before it is under watch. Never waits."""
        watched = self.providers.get(provider)
        return UNKNOWN if watched is None else watched.current_health

    def healths(self) -> Mapping[str, ProviderHealth]:
        """How each does, by id. Never waits."""
        return {provider_id: one.current_health for provider_id, one in self.providers.items()}

    async def exchange(self) -> None:
        """Tells the other processes what this one observed, and takes what they did. Called once a second.

        Raises StoreUnavailable; then this process goes on with what it observes itself, and tells it later.
        """
        observed = self._observed.take()
        try:
            entries = await self._signals.exchange(encode(self._system.now(), observed))
        except BaseException:
            self._observed.put_back(observed)
            raise
        for entry in entries:
            at, others = decode(entry) or (0.0, {})
            for provider_id, one in others.items():
                watched = self.providers.get(provider_id)
                if watched is not None:
                    watched.apply(one, at)

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Looks at every provider for ever, at each in its own time, so that none waits for another."""
        looking: dict[str, tuple[Provider, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._replaced.clear()
                for provider_id, (provider, task) in list(looking.items()):
                    one = self.providers.get(provider_id)
                    if one is None or one.inner is not provider:
                        task.cancel()
                        del looking[provider_id]
                for provider_id, one in self.providers.items():
                    if provider_id not in looking:
                        warm = len(self.providers) <= WARMED
                        looking[provider_id] = one.inner, tasks.create_task(_keep_looking(one, pause, warm=warm))
                await self._replaced.wait()


async def _keep_looking(one: MonitoredProvider, pause: Callable[[float], Awaitable[None]], *, warm: bool) -> None:
    """Checks one provider for ever, in turn with the other processes. With `warm` the first check is of this process,
    so that it has the provider's metadata before the first citizen comes."""
    if warm:
        await one.check()
        await pause(one.next_check())
    else:
        await pause(one.first_check())
    while True:
        await one.check_in_turn()
        await pause(one.next_check())
