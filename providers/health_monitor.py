"""How the providers do: learned from real sign-ins first, and from a look at each every half minute."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from statistics import median
from typing import Any, Final

from broker.model.assurance import VerificationCapabilities
from broker.model.identity import Identity
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
"""Seconds between two looks at a provider that works, and at one that does not; both vary by a fifth."""
CHECK_WITHIN: Final = 2.0
SAMPLES: Final = 51
FEWEST: Final = 5
"""Sign-ins of which the median is taken, and from how many on it is shown."""
NOT_ASKED: Final = "not_asked"
"""The fault of a sign-in that does not begin, since the breaker is open."""
LEFT: Final = "left"
"""The member of a departure's note in which the moment of leaving is kept."""

log = logging.getLogger("portico.providers")


class MonitoredProvider:
    """A provider with an eye on it: the same contract, plus `standing`, which never waits."""

    def __init__(self, provider: Provider, system: System) -> None:
        """Nothing is known yet, so it counts as working."""
        self.inner = provider
        self._ambient = system
        self._breaker = CircuitBreaker()
        self._times: deque[float] = deque(maxlen=SAMPLES)
        self._median: float | None = None
        self._missed = 0
        self._missed_since: float | None = None
        self._worked = False
        self._checked: float | None = None
        self._detail = ""
        self._counted: ProviderFailure | None = None
        self._told = True

    @property
    def card(self) -> ProviderInfo:
        """What the picker shows."""
        return self.inner.card

    @property
    def verifiable(self) -> VerificationCapabilities | None:
        """What its identities can say of how they were verified."""
        return self.inner.verifiable

    @property
    def current_health(self) -> ProviderHealth:
        """How the provider does, from what is known already."""
        now = self._ambient.now()
        if self._breaker.is_open(now):
            return ProviderHealth(False, self._breaker.opened, self._median, self._checked, "sign-ins fail there")
        if self._missing:
            return ProviderHealth(False, self._missed_since, self._median, self._checked, self._detail)
        return ProviderHealth(True, None, self._median, self._checked)

    @property
    def _missing(self) -> bool:
        return self._missed > (1 if self._worked else 0)

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """A departure, or UNAVAILABLE at once while the provider fails."""
        now = self._ambient.now()
        if not self._breaker.allow(now):
            return ProviderFailure(
                ProviderFailureReason.UNAVAILABLE,
                "not asked, since sign-ins fail there",
                FailureCause.BROKER,
                NOT_ASKED,
            )
        outcome = await self.inner.begin(ask)
        if isinstance(outcome, ProviderFailure):
            self._count(outcome)
            return outcome
        return UpstreamRedirect(outcome.url, {**outcome.provider_state, LEFT: now})

    def matches_callback(self, note: Mapping[str, Any], answer: CallbackParameters) -> bool:
        """As the provider says."""
        return self.inner.matches_callback(note, answer)

    async def complete(self, note: Mapping[str, Any], answer: CallbackParameters) -> Identity | ProviderFailure:
        """As the provider says; a citizen who comes back is never turned away for the failures of others."""
        outcome = await self.inner.complete(note, answer)
        if isinstance(outcome, ProviderFailure):
            self._count(outcome)
        else:
            self._succeed(note)
        return outcome

    async def end_session(self, parting: LogoutRedirect) -> str | None:
        """As the provider says, if it is able to and works: a citizen who signs out is not sent into a void."""
        if not self.current_health.working or not isinstance(self.inner, EndsSessions):
            return None
        return await self.inner.end_session(parting)

    async def health(self) -> ProviderHealth:
        """Looks at the provider now."""
        await self.check()
        return self.current_health

    async def check(self) -> None:
        """Looks at the provider and remembers what was seen. One missed look alone does not count against it."""
        try:
            async with asyncio.timeout(CHECK_WITHIN):
                seen = await self.inner.health()
        except TimeoutError:
            seen = ProviderHealth(False, detail="no answer to the health check")
        except Exception:
            log.exception("provider_check_error", extra={"provider": self.card.id})
            seen = ProviderHealth(False, detail="the check itself broke")
        self._checked = self._ambient.now()
        self._detail = seen.detail
        if seen.working:
            self._missed, self._missed_since, self._worked = 0, None, True
        else:
            self._missed += 1
            self._missed_since = self._missed_since or self._checked
        self._tell(seen.detail)

    def next_check(self) -> float:
        """Seconds until the next look: sooner while something is amiss."""
        usual = CHECK_EVERY if self._missed == 0 and self._breaker.opened is None else CHECK_AGAIN
        return usual * (0.8 + 0.4 * self._ambient.random_bytes(1)[0] / 255)

    def _count(self, failure: ProviderFailure) -> None:
        """Counts an outage once: a failed fetch that is remembered for a while is told to many, and is one failure."""
        if failure.outage and failure is not self._counted:
            self._counted = failure
            self._breaker.fail(self._ambient.now())
            self._tell(failure.detail)

    def _succeed(self, note: Mapping[str, Any]) -> None:
        """A whole sign-in shows more than a look does: nothing that was missed before counts any more."""
        self._breaker.succeed(self._ambient.now())
        self._missed, self._missed_since, self._worked = 0, None, True
        self._tell("a sign-in succeeded")
        self._measure(note)

    def _tell(self, detail: str) -> None:
        """Logs once that the provider failed, and once that it works again; half open is not yet working."""
        works = self._breaker.opened is None and not self._missing
        if works is not self._told:
            self._told = works
            event = "provider_up" if works else "provider_down"
            log.warning(event, extra={"provider": self.card.id, "detail": detail})

    def _measure(self, note: Mapping[str, Any]) -> None:
        left = note.get(LEFT)
        if isinstance(left, int | float):
            self._times.append(max(0.0, self._ambient.now() - left))
            self._median = median(self._times) if len(self._times) >= FEWEST else None


class HealthMonitor:
    """All providers under watch."""

    def __init__(self, providers: Iterable[Provider], system: System) -> None:
        """Nothing is asked yet."""
        self.providers: Mapping[str, MonitoredProvider] = {
            one.card.id: MonitoredProvider(one, system) for one in providers
        }

    def healths(self) -> Mapping[str, ProviderHealth]:
        """How each does, by id. Never waits."""
        return {id: one.current_health for id, one in self.providers.items()}

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Looks at every provider for ever, at each in its own time, so that none waits for another."""
        async with asyncio.TaskGroup() as tasks:
            for one in self.providers.values():
                tasks.create_task(_keep_looking(one, pause))


async def _keep_looking(one: MonitoredProvider, pause: Callable[[float], Awaitable[None]]) -> None:
    while True:
        await one.check()
        await pause(one.next_check())
