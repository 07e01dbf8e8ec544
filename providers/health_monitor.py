"""Health monitor of providers: learns from real sign-ins first, and from a health check every half minute."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from statistics import median
from typing import Final

from broker.model.assurance import VerificationCapabilities
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.platform.system import System
from broker.provider import (
    CallbackParameters,
    EndsSessions,
    FailureCause,
    LogoutRedirect,
    Provider,
    ProviderFailure,
    ProviderFailureReason,
    ProviderHealth,
    ProviderInfo,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers.circuit_breaker import CircuitBreaker

CHECK_EVERY: Final = 30.0
CHECK_AGAIN: Final = 5.0
"""Seconds between two health checks of a healthy provider, and of one that is not; both vary by a fifth."""
CHECK_WITHIN: Final = 2.0
SAMPLES: Final = 51
FEWEST: Final = 5
"""Number of sign-ins for the median duration, and from how many on it is displayed."""
NOT_ASKED: Final = "not_asked"
"""Fault of a sign-in that does not start because the breaker is open."""
LEFT: Final = "left"
"""The field of an attempt's state that holds the time of departure."""

UNKNOWN: Final = ProviderHealth(working=True)
"""The assumed health of a provider that nothing is known of."""

log = logging.getLogger("portico.providers")


class MonitoredProvider:
    """A provider with a circuit breaker and health checks: the same contract, and `current_health`, which never
    waits."""

    def __init__(self, provider: Provider, system: System) -> None:
        """Nothing is known yet, so the provider counts as healthy."""
        self.inner = provider
        self._system = system
        self._breaker = CircuitBreaker()
        self._times: deque[float] = deque(maxlen=SAMPLES)
        self._median: float | None = None
        self._missed = 0
        self._missed_since: float | None = None
        self._worked = False
        self._checked: float | None = None
        self._detail = ""
        self._counted: ProviderFailure | None = None
        self._reported = True

    @property
    def card(self) -> ProviderInfo:
        """The description for the picker."""
        return self.inner.card

    @property
    def verifiable(self) -> VerificationCapabilities | None:
        """What its identities can state about their verification."""
        return self.inner.verifiable

    @property
    def current_health(self) -> ProviderHealth:
        """The health, from what is known already. No round trip."""
        now = self._system.now()
        if self._breaker.is_open(now):
            return self._unhealthy(self._breaker.opened, "sign-ins at the provider fail")
        if self._missing:
            return self._unhealthy(self._missed_since, self._detail)
        return ProviderHealth(working=True, median=self._median, checked=self._checked)

    def _unhealthy(self, since: float | None, detail: str) -> ProviderHealth:
        return ProviderHealth(working=False, since=since, median=self._median, checked=self._checked, detail=detail)

    @property
    def _missing(self) -> bool:
        return self._missed > (1 if self._worked else 0)

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Starts a sign-in. Returns UNAVAILABLE immediately while the breaker is open."""
        now = self._system.now()
        if not self._breaker.allow(now):
            return ProviderFailure(
                ProviderFailureReason.UNAVAILABLE,
                "not requested, because sign-ins at the provider fail",
                FailureCause.BROKER,
                NOT_ASKED,
            )
        outcome = await self.inner.begin(ask)
        if isinstance(outcome, ProviderFailure):
            self._count(outcome)
            return outcome
        return replace(outcome, provider_state={**outcome.provider_state, LEFT: now})

    def matches_callback(self, note: JsonObject, answer: CallbackParameters) -> bool:
        """As the provider."""
        return self.inner.matches_callback(note, answer)

    async def complete(self, note: JsonObject, answer: CallbackParameters) -> Identity | ProviderFailure:
        """As the provider; a returning citizen is never rejected because of other citizens' failures."""
        outcome = await self.inner.complete(note, answer)
        if isinstance(outcome, ProviderFailure):
            self._count(outcome)
        else:
            self._succeed(note)
        return outcome

    async def end_session(self, parting: LogoutRedirect) -> str | None:
        """As the provider, if it supports logout and is healthy: a citizen who signs out is not sent to a failing
        provider."""
        if not self.current_health.working or not isinstance(self.inner, EndsSessions):
            return None
        return await self.inner.end_session(parting)

    async def health(self) -> ProviderHealth:
        """Checks the provider's health now."""
        await self.check()
        return self.current_health

    async def check(self) -> None:
        """Checks the provider's health and stores the result. A single missed check does not make it unhealthy."""
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                seen = await self.inner.health()
        except TimeoutError:
            seen = ProviderHealth(working=False, detail="no answer to the health check")
        except Exception:
            log.exception("provider_check_error", extra={"provider": self.card.id})
            seen = ProviderHealth(working=False, detail="the health check raised an exception")
        self._checked = self._system.now()
        self._detail = seen.detail
        if seen.working:
            self._missed, self._missed_since, self._worked = 0, None, True
        else:
            self._missed += 1
            self._missed_since = self._missed_since or self._checked
        self._report(seen.detail)

    def next_check(self) -> float:
        """Seconds until the next look: sooner while something is amiss."""
        usual = CHECK_EVERY if self._missed == 0 and self._breaker.opened is None else CHECK_AGAIN
        return usual * (0.8 + 0.4 * self._system.random_bytes(1)[0] / 255)

    def _count(self, failure: ProviderFailure) -> None:
        """Counts an outage once: a failed fetch that is cached for a while fails many sign-ins, and is one failure."""
        if failure.outage and failure is not self._counted:
            self._counted = failure
            self._breaker.fail(self._system.now())
            self._report(failure.detail)

    def _succeed(self, note: JsonObject) -> None:
        """A whole sign-in shows more than a look does: nothing that was missed before counts any more."""
        self._breaker.succeed(self._system.now())
        self._missed, self._missed_since, self._worked = 0, None, True
        self._report("a sign-in succeeded")
        self._measure(note)

    def _report(self, detail: str) -> None:
        """Logs once that the provider failed, and once that it works again; half open is not yet working."""
        works = self._breaker.opened is None and not self._missing
        if works is not self._reported:
            self._reported = works
            event = "provider_up" if works else "provider_down"
            log.warning(event, extra={"provider": self.card.id, "detail": detail})

    def _measure(self, note: JsonObject) -> None:
        left = note.get(LEFT)
        if isinstance(left, int | float):
            self._times.append(max(0.0, self._system.now() - left))
            self._median = median(self._times) if len(self._times) >= FEWEST else None


class HealthMonitor:
    """All providers under watch."""

    def __init__(self, system: System) -> None:
        """Nothing is under watch yet."""
        self.providers: Mapping[str, MonitoredProvider] = {}
        self._system = system
        self._replaced = asyncio.Event()

    def watch(self, providers: Mapping[str, Provider]) -> Mapping[str, MonitoredProvider]:
        """Watches these providers by id from now on, and no others. Returns them.

        A provider that takes the place of another keeps what is known of its health, and is checked at once.
        """
        watched = {}
        for provider_id, provider in providers.items():
            one = watched[provider_id] = self.providers.get(provider_id) or MonitoredProvider(provider, self._system)
            one.inner = provider
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
                        looking[provider_id] = one.inner, tasks.create_task(_keep_looking(one, pause))
                await self._replaced.wait()


async def _keep_looking(one: MonitoredProvider, pause: Callable[[float], Awaitable[None]]) -> None:
    while True:
        await one.check()
        await pause(one.next_check())
