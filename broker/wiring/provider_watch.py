"""What operators see of providers: gauges of their state, and a test of each one at intervals."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from broker.model.disruption import Condition, DisruptionKind
from broker.model.kill_switches import KillSwitchKind
from broker.model.self_test import SelfTestFinding, decode_findings, encode_findings
from broker.model.store_results import StoreUnavailable
from broker.wiring.container import Container
from broker.wiring.provider_self_test import findings

LOG = logging.getLogger("portico.providers")

KEPT_INTERVALS: Final = 3
"""Number of intervals without a result after which all shared ones are dropped."""


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


def conditions(container: Container) -> Mapping[str, Condition]:
    """How each provider that citizens may use is now, for the status page, from what is in memory.

    An outage of a provider that this process has not checked yet stays as it was recorded.
    """
    now, found = container.system.now(), dict[str, Condition]()
    switches = container.connections.sql_stores.kill_switches.latest
    for provider_id, registered in container.configuration.registry.providers.items():
        policy, health = registered.policy, container.monitoring.health_monitor.health_of(provider_id)
        if policy.staff_only or not policy.enabled or policy.has_left(now):
            continue
        pause = policy.pause(now) or (None if switches is None else switches.pause(provider_id, now))
        if switches is not None and switches.is_off(KillSwitchKind.PROVIDER, provider_id):
            found[provider_id] = Condition(DisruptionKind.OFF)
        elif pause is not None:
            found[provider_id] = Condition(DisruptionKind.PAUSED)
        elif not health.working:
            found[provider_id] = Condition(DisruptionKind.OUTAGE, health.since)
        else:
            found[provider_id] = Condition(known=health.checked is not None or health.recovered is not None)
    return found


class DailyTest:
    """Tests one provider each time it is called: each once in the interval of the settings, by one process of all.

    Results with findings are shared by all processes and outlive each of them, so that a restart does not end an alarm.
    """

    def __init__(self, container: Container) -> None:
        """Nothing is tested yet."""
        self._container = container
        self._tested: set[str] = set()
        self._shown: set[str] = set()
        self._started = False

    async def __call__(self) -> None:
        """Takes the results of all processes, and tests the next provider whose last test, by any process, is an
        interval ago. The first call tests none: it comes while the process starts."""
        signals = self._container.connections.ephemeral_stores.provider_signals
        known = {name: decode_findings(result) for name, result in (await signals.read_results()).items()}
        self._show(known)
        if not self._started:
            self._started = True
            return
        for provider_id, registered in self._container.configuration.registry.providers.items():
            if provider_id in self._tested:
                continue
            self._tested.add(provider_id)
            try:
                mine = await signals.claim(f"test:{provider_id}", self._interval)
            except StoreUnavailable:
                self._tested.discard(provider_id)
                raise
            if mine:
                await self._test(provider_id, registered.callback, known.get(provider_id, ()))
                return
        self._tested.clear()

    @property
    def _interval(self) -> float:
        return float(self._container.settings.broker.provider_watch.self_test_interval)

    def _show(self, known: Mapping[str, Sequence[SelfTestFinding]]) -> None:
        """Sets the gauge of each provider with findings, and of those that had some before."""
        metrics = self._container.monitoring.metrics
        there = {name for name in self._container.configuration.registry.providers if known.get(name)}
        for provider_id in there | self._shown:
            metrics.provider_tested(provider_id, len(known[provider_id]) if provider_id in there else 0)
        self._shown = there

    async def _test(self, provider_id: str, callback: str, known: Sequence[SelfTestFinding]) -> None:
        watched = self._container.monitoring.health_monitor.providers.get(provider_id)
        if watched is None:
            return
        found = await findings(watched.inner, callback)
        self._container.monitoring.metrics.provider_tested(provider_id, len(found))
        self._shown.add(provider_id)
        for one in found:
            if one not in known:
                extra = {"provider": provider_id, "about": one.about, "detail": one.detail, "blocks": one.blocks}
                LOG.warning("provider_differs", extra=extra)
        signals = self._container.connections.ephemeral_stores.provider_signals
        await signals.write_result(provider_id, encode_findings(found), KEPT_INTERVALS * self._interval)
