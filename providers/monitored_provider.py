"""A provider with its circuit breaker: its health is learned from real sign-ins first, and from checks at intervals."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from broker.model.assurance import VerificationCapabilities
from broker.model.identity import Identity
from broker.model.json_types import JsonObject
from broker.model.provider_event import PolledEvents, ProviderEvent, RefusedEvent, SendsEvents
from broker.model.provider_watch import ProviderWatch
from broker.model.session import UpstreamLogout
from broker.model.store_results import StoreUnavailable
from broker.passkey_provider import PasskeyTerms, SignsInWithPasskeys
from broker.platform.system import System
from broker.provider import (
    CallbackParameters,
    EndsSessions,
    FailureCause,
    FramesLogout,
    InitiatesLogin,
    LogoutFrames,
    LogoutRedirect,
    LogoutTarget,
    OpensResponses,
    Provider,
    ProviderFailure,
    ProviderFailureReason,
    ProviderHealth,
    ProviderInfo,
    PublishesKeys,
    ReceivesLogout,
    Recheck,
    RechecksSessions,
    SessionFrame,
    TakesIdTokenHint,
    UpstreamRedirect,
    UpstreamRequest,
    WatchesSessions,
)
from providers.circuit_breaker import PROBE_INTERVAL, CircuitBreaker
from providers.shared_health import (
    Alone,
    CheckResult,
    ObservationBuffer,
    Observations,
    ProviderSignals,
)

CHECK_WITHIN: Final = 2.0
SAMPLES: Final = 51
FEWEST: Final = 5
"""Number of sign-ins for the median duration, and from how many on it is displayed."""
NOT_ASKED: Final = "not_asked"
"""Fault of a sign-in that does not start because the breaker is open."""
LEFT: Final = "left"
"""The field of an attempt's state that holds the time of departure."""

LEASE_SHARE: Final = 0.75
"""For how much of the interval a check by one process is enough for all: less than the shortest pause between two."""
ALONE: Final = Alone()
DEFAULT: Final = ProviderWatch()

UNASKED: Final = ProviderFailure(
    ProviderFailureReason.UNAVAILABLE,
    "not requested, because sign-ins at the provider fail",
    FailureCause.BROKER,
    NOT_ASKED,
)

log = logging.getLogger("portico.providers")


class MonitoredProvider:
    """A provider with a circuit breaker and health checks. Reading `current_health` never waits."""

    def __init__(
        self,
        provider: Provider,
        system: System,
        signals: ProviderSignals = ALONE,
        observed: ObservationBuffer | None = None,
        watch: ProviderWatch = DEFAULT,
    ) -> None:
        """Nothing is known yet, so the provider counts as healthy.

        What it observes goes into `observed`, for other processes; `signals` are the connection to them.
        `watch` are the intervals of checks.
        """
        self._watch = watch
        self.inner = provider
        self._system = system
        self._signals = signals
        self._observed = observed or ObservationBuffer()
        self._latest = 0.0
        self._breaker = CircuitBreaker(watch)
        self._times: deque[float] = deque(maxlen=SAMPLES)
        self._median: float | None = None
        self._missed = 0
        self._missed_since: float | None = None
        self._worked = False
        self._checked: float | None = None
        self._detail = ""
        self._counted: ProviderFailure | None = None
        self._reported = True
        self._recovered: float | None = None

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
        if self._breaker.opened is not None and self._breaker.is_open(self._system.now()):
            return self._unhealthy(self._breaker.opened, "sign-ins at the provider fail")
        if self._missed and self._missing:
            return self._unhealthy(self._missed_since, self._detail)
        return ProviderHealth(working=True, median=self._median, checked=self._checked, recovered=self._recovered)

    def _unhealthy(self, since: float | None, detail: str) -> ProviderHealth:
        return ProviderHealth(working=False, since=since, median=self._median, checked=self._checked, detail=detail)

    @property
    def breaker_state(self) -> int:
        """The state of the circuit breaker for metrics: 0 closed, 1 half open, 2 open."""
        if self._breaker.opened is None:
            return 0
        return 2 if self._breaker.is_open(self._system.now()) else 1

    @property
    def _missing(self) -> bool:
        return self._missed > (1 if self._worked else 0)

    async def begin(self, ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        """Starts a sign-in. Returns UNAVAILABLE immediately while the breaker is open."""
        now = self._system.now()
        if not await self._may_start(now):
            return UNASKED
        outcome = await self.inner.begin(ask)
        if isinstance(outcome, ProviderFailure):
            self._count(outcome)
            return outcome
        return replace(outcome, provider_state={**outcome.provider_state, LEFT: now})

    async def _may_start(self, now: float) -> bool:
        """Whether a sign-in may start. While the breaker is half open, one a second may in all processes together."""
        half_open = self._breaker.opened is not None
        if not self._breaker.allow(now):
            return False
        return not half_open or await self._claim(f"probe:{self.card.id}", PROBE_INTERVAL)

    async def _claim(self, name: str, seconds: float) -> bool:
        """Whether this process gets a lease; without a connection to the others it does."""
        try:
            return await self._signals.claim(name, seconds)
        except StoreUnavailable:
            return True

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

    @property
    def jwks(self) -> JsonObject:
        """As the provider; no keys for one at which the broker has none."""
        return self.inner.jwks if isinstance(self.inner, PublishesKeys) else {"keys": []}

    def open_response(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """As the inner provider, if it can."""
        return self.inner.open_response(parameters) if isinstance(self.inner, OpensResponses) else parameters

    async def read_logout(self, token: str) -> UpstreamLogout | ProviderFailure | None:
        """As the provider, if it supports that. An invalid token is no evidence of an outage: anyone may send one."""
        return await self.inner.read_logout(token) if isinstance(self.inner, ReceivesLogout) else None

    async def read_event(self, token: str, authorization: str | None) -> ProviderEvent | RefusedEvent | None:
        """As the provider, if it supports that. An invalid token is no evidence of an outage."""
        return await self.inner.read_event(token, authorization) if isinstance(self.inner, SendsEvents) else None

    async def poll_events(self, taken: Sequence[str], refused: Sequence[str]) -> PolledEvents | None:
        """As the provider, if it supports that."""
        return await self.inner.poll_events(taken, refused) if isinstance(self.inner, SendsEvents) else None

    @property
    def logout_frames(self) -> LogoutFrames | None:
        """As the provider, if it supports that."""
        return self.inner.logout_frames if isinstance(self.inner, FramesLogout) else None

    @property
    def watches_sessions(self) -> bool:
        """As the provider, if it supports that."""
        return isinstance(self.inner, WatchesSessions) and self.inner.watches_sessions

    async def session_frame(self) -> SessionFrame | None:
        """As the provider, if it supports that and is healthy: a page does not frame a failing provider."""
        if not self.current_health.working or not isinstance(self.inner, WatchesSessions):
            return None
        return await self.inner.session_frame()

    @property
    def initiating_issuer(self) -> str | None:
        """As the provider, if it supports that."""
        return self.inner.initiating_issuer if isinstance(self.inner, InitiatesLogin) else None

    @property
    def takes_id_token_hint(self) -> bool:
        """As the provider."""
        return isinstance(self.inner, TakesIdTokenHint) and self.inner.takes_id_token_hint

    @property
    def passkey_terms(self) -> PasskeyTerms | None:
        """As the provider, if it supports that."""
        return self.inner.passkey_terms if isinstance(self.inner, SignsInWithPasskeys) else None

    def passkey_options(self, note: JsonObject) -> JsonObject:
        """As the provider; nothing for one whose sign-ins are done elsewhere."""
        return self.inner.passkey_options(note) if isinstance(self.inner, SignsInWithPasskeys) else {}

    @property
    def recheck_after(self) -> int | None:
        """As the provider, if it supports that."""
        return self.inner.recheck_after if isinstance(self.inner, RechecksSessions) else None

    async def recheck(self, identity: Identity) -> Recheck:
        """As the provider, unless it does not work. A success is none of a sign-in, and closes no breaker."""
        if not self.current_health.working or not isinstance(self.inner, RechecksSessions):
            return Recheck(identity, UNASKED)
        outcome = await self.inner.recheck(identity)
        if outcome.failure is not None:
            self._count(outcome.failure)
        return outcome

    async def end_session(self, parting: LogoutRedirect) -> LogoutTarget | None:
        """As the provider, if it supports logout and is healthy: citizens are not sent to a failing provider."""
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
        result = CheckResult(seen.working, seen.detail)
        self._observed.add(self.card.id, Observations(check=result))
        self._take_check(result, self._system.now())

    async def check_in_turn(self) -> None:
        """Checks the provider's health, unless another process has done so in this interval."""
        if await self._claim(f"check:{self.card.id}", LEASE_SHARE * self._interval):
            await self.check()

    def _take_check(self, result: CheckResult, at: float) -> None:
        self._checked = at
        self._detail = result.detail
        if result.working:
            self._missed, self._missed_since, self._worked = 0, None, True
        else:
            self._missed += 1
            self._missed_since = self._missed_since or at
        self._report(result.detail)

    def apply(self, observed: Observations, at: float) -> None:
        """Takes what another process observed until `at` (seconds since 1970 UTC) as if this one had.

        Outcomes count from the latest one known here on: clocks of hosts differ a little, and the order of what
        happened within a second at different hosts is of no meaning.
        """
        moment = min(max(at, self._latest), self._system.now())
        for good in observed.outcomes:
            self._take_outcome(moment, "sign-ins at the provider fail at another process", good=good)
        if observed.seconds:
            self._times.extend(observed.seconds)
            self._update_median()
        if observed.check is not None:
            self._take_check(observed.check, at)

    @property
    def _interval(self) -> float:
        well = self._missed == 0 and self._breaker.opened is None
        return float(self._watch.health_interval if well else self._watch.recheck_interval)

    def first_check(self) -> float:
        """Seconds until the first check, if there are so many providers that they are not checked at once."""
        return self._interval * self._system.random_bytes(1)[0] / 255

    def next_check(self) -> float:
        """Seconds until the next look: sooner while something is amiss."""
        return self._interval * (0.8 + 0.4 * self._system.random_bytes(1)[0] / 255)

    def _count(self, failure: ProviderFailure) -> None:
        """Counts an outage once: a failed fetch that is cached for a while fails many sign-ins, and is one failure."""
        if failure.outage and failure is not self._counted:
            self._counted = failure
            self._take_outcome(self._system.now(), failure.detail, good=False)
            self._observed.add(self.card.id, Observations((False,)))

    def _succeed(self, note: JsonObject) -> None:
        now, left = self._system.now(), note.get(LEFT)
        self._take_outcome(now, "a sign-in succeeded", good=True)
        seconds = (max(0.0, now - left),) if isinstance(left, int | float) else ()
        self._times.extend(seconds)
        self._update_median()
        self._observed.add(self.card.id, Observations((True,), seconds))

    def _take_outcome(self, at: float, detail: str, *, good: bool) -> None:
        """Counts an outcome. A whole sign-in shows more than a check does: what was missed before counts no more."""
        self._latest = at
        if good:
            self._breaker.succeed(at)
            self._missed, self._missed_since, self._worked = 0, None, True
        else:
            self._breaker.fail(at)
        self._report(detail)

    def _report(self, detail: str) -> None:
        """Logs once that the provider failed, and once that it works again; half open is not yet working."""
        works = self._breaker.opened is None and not self._missing
        if works is not self._reported:
            self._reported = works
            self._recovered = self._system.now() if works else None
            event = "provider_up" if works else "provider_down"
            log.warning(event, extra={"provider": self.card.id, "detail": detail})

    def _update_median(self) -> None:
        self._median = median(self._times) if len(self._times) >= FEWEST else None
