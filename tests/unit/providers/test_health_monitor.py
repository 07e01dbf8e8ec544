"""Health of a provider: breaker, median, background check; one that is down does not affect another."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.model.provider_watch import ProviderWatch
from broker.platform.system import System
from broker.provider import (
    OUTAGES,
    CallbackParameters,
    FailureCause,
    ProviderFailure,
    ProviderFailureReason,
    ProviderHealth,
    ProviderInfo,
    Recheck,
    UpstreamRedirect,
    UpstreamRequest,
)
from providers.circuit_breaker import LEAST
from providers.health_monitor import HealthMonitor
from providers.monitored_provider import FEWEST, NOT_ASKED, MonitoredProvider
from tests.support.system import FakeClock
from tests.support.watching import CHECK_AGAIN, CHECK_EVERY, OPEN_FOR
from tests.unit.providers.stage import ASK, CARD

AMINA = Identity("eid", "https://op.example", "amina", Level.HIGH, (), 0)


def outage() -> ProviderFailure:
    """A failure of the provider, each time another one."""
    return ProviderFailure(ProviderFailureReason.UNAVAILABLE, "token endpoint: status 500", FailureCause.STATUS)


class Played:
    """A provider whose outcomes a test sets."""

    def __init__(self, provider_id: str = "eid") -> None:
        self.card: ProviderInfo = replace(CARD, id=provider_id)
        self.outcome: Identity | ProviderFailure = AMINA
        self.start: UpstreamRedirect | ProviderFailure = UpstreamRedirect("https://op.example", {"nonce": "n"})
        self.condition: ProviderHealth | Exception = ProviderHealth(working=True)
        self.looked = 0
        self.hangs = False

    async def begin(self, _ask: UpstreamRequest) -> UpstreamRedirect | ProviderFailure:
        return self.start

    def matches_callback(self, note: Mapping[str, Any], _answer: CallbackParameters) -> bool:
        return note.get("nonce") == "n"

    async def complete(self, _note: Mapping[str, Any], _answer: CallbackParameters) -> Identity | ProviderFailure:
        return self.outcome

    async def health(self) -> ProviderHealth:
        self.looked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.condition, Exception):
            raise self.condition
        return self.condition


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def watched(played: Played, system: System) -> MonitoredProvider:
    return MonitoredProvider(played, system)


async def sign_in(
    watched: MonitoredProvider, outcome: Identity | ProviderFailure, played: Played
) -> Identity | ProviderFailure:
    played.outcome = outcome
    return await watched.complete({}, CallbackParameters({}, "c"))


# --- a watched provider ---


async def test_outages_open_the_circuit_breaker_and_a_success_closes_it(
    watched: MonitoredProvider, played: Played, clock: FakeClock
) -> None:
    for _ in range(LEAST):
        await sign_in(watched, outage(), played)
    standing = watched.current_health
    assert (standing.working, standing.since) == (False, clock.now())
    refused = await watched.begin(ASK)
    assert isinstance(refused, ProviderFailure)
    assert (refused.reason, refused.outage) == (ProviderFailureReason.UNAVAILABLE, False)
    clock.advance(OPEN_FOR)
    assert watched.current_health.working
    assert isinstance(await watched.begin(ASK), UpstreamRedirect)
    assert isinstance(await sign_in(watched, AMINA, played), Identity)
    assert isinstance(await watched.begin(ASK), UpstreamRedirect)


async def test_failures_caused_by_citizens_do_not_open_the_circuit_breaker(
    watched: MonitoredProvider, played: Played
) -> None:
    for reason in ProviderFailureReason:
        for cause in set(FailureCause) - OUTAGES:
            for _ in range(10):
                await sign_in(watched, ProviderFailure(reason, "bent in the browser", cause), played)
    assert watched.current_health.working
    assert isinstance(await watched.begin(ASK), UpstreamRedirect)


async def test_outages_of_rechecks_open_the_circuit_breaker_and_while_it_is_open_none_is_made(
    watched: MonitoredProvider, played: Played
) -> None:
    asked: list[Identity] = []

    async def recheck(identity: Identity) -> Recheck:
        asked.append(identity)
        return Recheck(identity, outage())

    assert watched.recheck_after is None
    assert (await watched.recheck(AMINA)).failure is not None
    for name, ability in {"recheck": recheck, "recheck_after": 600}.items():
        setattr(played, name, ability)
    assert watched.recheck_after == 600
    for _ in range(LEAST):
        assert watched.current_health.working
        await watched.recheck(AMINA)
    refused = (await watched.recheck(AMINA)).failure
    assert refused is not None
    assert (refused.fault, refused.ends_session, len(asked)) == (NOT_ASKED, False, LEAST)


async def test_a_callback_is_processed_while_the_circuit_breaker_is_open(
    watched: MonitoredProvider, played: Played
) -> None:
    for _ in range(LEAST):
        await sign_in(watched, outage(), played)
    assert isinstance(await sign_in(watched, AMINA, played), Identity)


async def test_a_failed_metadata_fetch_counts_as_an_outage(watched: MonitoredProvider, played: Played) -> None:
    for _ in range(LEAST):
        played.start = outage()
        assert await watched.begin(ASK) is played.start
    assert not watched.current_health.working


async def test_one_failed_fetch_is_one_outage_however_often_a_citizen_tries(
    watched: MonitoredProvider, played: Played
) -> None:
    played.start = outage()
    for _ in range(10 * LEAST):
        assert await watched.begin(ASK) is played.start
    assert watched.current_health.working


async def test_the_usual_time_is_the_median_from_leaving_to_being_back(
    watched: MonitoredProvider, clock: FakeClock
) -> None:
    for number, seconds in enumerate([40, 60, 50, 3600, 45], 1):
        departure = await watched.begin(ASK)
        assert isinstance(departure, UpstreamRedirect)
        clock.advance(seconds)
        await watched.complete(departure.provider_state, CallbackParameters({}, "c"))
        assert (watched.current_health.median is None) is (number < FEWEST)
    assert watched.current_health.median == 50


async def test_the_note_of_the_provider_comes_back_to_it(watched: MonitoredProvider) -> None:
    departure = await watched.begin(ASK)
    assert isinstance(departure, UpstreamRedirect)
    assert watched.matches_callback(departure.provider_state, CallbackParameters({}, "c"))
    assert not watched.matches_callback({}, CallbackParameters({}, "c"))


async def test_one_failed_health_check_is_tolerated_and_a_second_is_not(
    watched: MonitoredProvider, played: Played, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await watched.check()
    played.condition = ProviderHealth(working=False, detail="metadata: status 503")
    await watched.check()
    assert watched.current_health.working
    since = clock.now()
    clock.advance(5)
    with caplog.at_level(logging.WARNING):
        await watched.check()
        assert watched.current_health == ProviderHealth(
            working=False, since=since, checked=clock.now(), detail="metadata: status 503"
        )
        played.condition = ProviderHealth(working=True)
        await watched.check()
    assert watched.current_health.working
    assert [record.message for record in caplog.records] == ["provider_down", "provider_up"]


async def test_a_provider_that_never_worked_is_down_after_one_failed_health_check(
    watched: MonitoredProvider, played: Played
) -> None:
    assert watched.current_health.working
    played.condition = ProviderHealth(working=False, detail="down")
    assert not (await watched.health()).working


async def test_a_login_that_succeeds_outweighs_earlier_failed_health_checks(
    watched: MonitoredProvider, played: Played
) -> None:
    await watched.check()
    played.condition = ProviderHealth(working=False, detail="metadata: status 503")
    for _ in range(3):
        await watched.check()
    assert not watched.current_health.working
    await sign_in(watched, AMINA, played)
    assert watched.current_health.working


async def test_an_outage_and_its_end_are_logged_once_each(
    watched: MonitoredProvider, played: Played, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(LEAST):
            await sign_in(watched, outage(), played)
        for _ in range(3):
            clock.advance(OPEN_FOR)
            await sign_in(watched, outage(), played)
        await sign_in(watched, AMINA, played)
        await sign_in(watched, AMINA, played)
    assert [(record.message, vars(record)["detail"]) for record in caplog.records] == [
        ("provider_down", "token endpoint: status 500"),
        ("provider_up", "a sign-in succeeded"),
    ]


async def test_health_checks_are_more_frequent_during_an_outage(watched: MonitoredProvider, played: Played) -> None:
    await watched.check()
    pauses = [watched.next_check() for _ in range(50)]
    assert CHECK_EVERY * 0.79 < min(pauses) < max(pauses) < CHECK_EVERY * 1.21
    played.condition = ProviderHealth(working=False)
    await watched.check()
    pauses = [watched.next_check() for _ in range(50)]
    assert CHECK_AGAIN * 0.79 < min(pauses) < max(pauses) < CHECK_AGAIN * 1.21


async def test_the_intervals_and_the_breaker_follow_the_settings(
    played: Played, system: System, clock: FakeClock
) -> None:
    how = ProviderWatch(health_interval=300, recheck_interval=60, breaker_open=200, breaker_window=30)
    monitor = HealthMonitor(system, watch=how)
    [watched] = monitor.watch({"played": played}).values()
    assert all(240 * 0.99 < watched.next_check() < 360 * 1.01 for _ in range(20))
    for _ in range(LEAST - 1):
        await sign_in(watched, outage(), played)
    clock.advance(31)
    await sign_in(watched, outage(), played)
    assert watched.current_health.working, "the first outcomes are older than the window"
    for _ in range(LEAST):
        await sign_in(watched, outage(), played)
    assert all(47 < watched.next_check() < 73 for _ in range(20))
    clock.advance(199)
    assert watched.breaker_state == 2
    clock.advance(1)
    assert watched.breaker_state == 1


# --- all of them ---


async def test_a_hanging_or_failing_provider_delays_no_other_health_check(system: System) -> None:
    hanging, broken, sound = Played("hanging"), Played("broken"), Played("sound")
    hanging.hangs, broken.condition = True, ZeroDivisionError()
    watch = HealthMonitor(system)
    watch.watch({one.card.id: one for one in (hanging, broken, sound)})
    rounds = asyncio.Event()

    async def pause(_seconds: float) -> None:
        if sound.looked >= 5 and broken.looked >= 5:
            rounds.set()
        await asyncio.sleep(0)

    running = asyncio.create_task(watch.run(pause))
    await asyncio.wait_for(rounds.wait(), 60)
    healths = watch.healths()
    running.cancel()
    assert hanging.looked == 1
    assert {provider_id: health.working for provider_id, health in healths.items()} == {
        "hanging": True,
        "broken": False,
        "sound": True,
    }
    assert list(watch.providers) == ["hanging", "broken", "sound"]
