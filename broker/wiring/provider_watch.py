"""What operators see of providers: gauges of their state, and a test of each one a day."""

import logging
from collections.abc import Sequence
from typing import Final

from broker.model.kill_switches import KillSwitchKind
from broker.model.self_test import SelfTestFinding
from broker.model.store_results import StoreUnavailable
from broker.wiring.container import Container
from broker.wiring.provider_self_test import findings

LOG = logging.getLogger("portico.providers")

TEST_EVERY: Final = 24 * 3600.0
"""Seconds between two tests of a provider, in all processes together."""


def update_provider_gauges(container: Container) -> None:
    """Sets the gauges of every provider from what is in memory: breaker, pause, end date, and the line before it."""
    metrics, now = container.monitoring.metrics, container.system.now()
    switches = container.connections.sql_stores.kill_switches.latest
    watched = container.monitoring.health_monitor.providers
    for provider_id, registered in container.configuration.registry.providers.items():
        policy, pause = registered.policy, None
        if switches is not None:
            pause = switches.pause(provider_id, now)
        off = switches is not None and switches.is_off(KillSwitchKind.PROVIDER, provider_id)
        metrics.provider_state(
            provider_id,
            breaker=watched[provider_id].breaker_state if provider_id in watched else 0,
            closed=off or not policy.enabled or pause is not None or policy.pause(now) is not None,
            ends=None if policy.accept_sign_in_until is None else policy.accept_sign_in_until - now,
        )
    metrics.update_lines(now)


class DailyTest:
    """Tests one provider each time it is called: each once a day, by one process of all."""

    def __init__(self, container: Container) -> None:
        """Nothing is tested yet."""
        self._container = container
        self._known: dict[str, Sequence[SelfTestFinding]] = {}
        self._tested: set[str] = set()
        self._started = False

    async def __call__(self) -> None:
        """Tests the next provider whose last test, by any process, is a day ago. The first call tests none: it comes
        while the process starts."""
        if not self._started:
            self._started = True
            return
        registry = self._container.configuration.registry
        signals = self._container.connections.ephemeral_stores.provider_signals
        for provider_id, registered in registry.providers.items():
            if provider_id in self._tested:
                continue
            self._tested.add(provider_id)
            try:
                mine = await signals.claim(f"test:{provider_id}", TEST_EVERY)
            except StoreUnavailable:
                self._tested.discard(provider_id)
                raise
            if mine:
                await self._test(provider_id, registered.callback)
                return
        self._tested.clear()

    async def _test(self, provider_id: str, callback: str) -> None:
        watched = self._container.monitoring.health_monitor.providers.get(provider_id)
        if watched is None:
            return
        found = await findings(watched.inner, callback)
        self._container.monitoring.metrics.provider_tested(provider_id, len(found))
        known = self._known.get(provider_id, ())
        self._known[provider_id] = found
        for one in found:
            if one not in known:
                extra = {"provider": provider_id, "about": one.about, "detail": one.detail, "blocks": one.blocks}
                LOG.warning("provider_differs", extra=extra)
