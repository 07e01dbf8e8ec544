"""How a provider does: breaker, median, background look; one that is down troubles no other."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.ambient import Ambient
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.provider import Answer, Ask, Card, Departure, Failure, Health, Reason
from providers.breaker import LEAST, OPEN_FOR, TRICKLE, WINDOW, Breaker
from providers.watch import CHECK_AGAIN, CHECK_EVERY, FEWEST, Watch, Watched
from tests.machine.ambient import FakeClock
from tests.providers.stage import ASK, CARD

OUTAGE = Failure(Reason.UNAVAILABLE, "token endpoint: status 500", outage=True)
HARMLESS = Failure(Reason.CANCELLED, "the provider answered access_denied")
AMINA = Identity("eid", "https://op.example", "amina", Level.HIGH, (), 0)


class Played:
    """A provider whose outcomes a test sets."""

    def __init__(self, id: str = "eid") -> None:
        self.card: Card = replace(CARD, id=id)
        self.outcome: Identity | Failure = AMINA
        self.start: Departure | Failure = Departure("https://op.example", {"nonce": "n"})
        self.condition: Health | Exception = Health(True)
        self.looked = 0
        self.hangs = False

    async def begin(self, ask: Ask) -> Departure | Failure:
        return self.start

    def belongs(self, note: Mapping[str, Any], answer: Answer) -> bool:
        return note.get("nonce") == "n"

    async def complete(self, note: Mapping[str, Any], answer: Answer) -> Identity | Failure:
        return self.outcome

    async def health(self) -> Health:
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
def watched(played: Played, ambient: Ambient) -> Watched:
    return Watched(played, ambient)


async def sign_in(watched: Watched, outcome: Identity | Failure, played: Played) -> Identity | Failure:
    played.outcome = outcome
    return await watched.complete({}, Answer({}, "c"))


# --- the breaker alone ---


def test_a_breaker_opens_on_the_share_of_failures_not_on_a_single_one() -> None:
    breaker = Breaker()
    for good in (True, False, True):
        breaker.record(good, 0)
    assert breaker.admits(0)
    breaker.record(False, 1)
    assert not breaker.admits(1)
    assert breaker.opened == 1


def test_old_outcomes_count_no_more() -> None:
    breaker = Breaker()
    for _ in range(LEAST - 1):
        breaker.record(False, 0)
    breaker.record(False, WINDOW)
    assert breaker.admits(WINDOW)


def test_failures_of_before_the_window_or_before_a_success_that_closed_it_are_no_part_of_the_share() -> None:
    aged, closed = Breaker(), opened_at(0)
    for _ in range(LEAST - 1):
        aged.record(False, 0)
    closed.record(True, OPEN_FOR)
    for breaker in (aged, closed):
        for good in (True, True, True, False):
            breaker.record(good, WINDOW)
        assert breaker.opened is None


def test_half_open_it_lets_one_through_at_a_time_and_the_first_outcome_decides() -> None:
    for good in (True, False):
        breaker = opened_at(0)
        assert not breaker.admits(OPEN_FOR - 0.1)
        assert breaker.admits(OPEN_FOR)
        assert not breaker.admits(OPEN_FOR + TRICKLE / 2)
        assert breaker.admits(OPEN_FOR + TRICKLE)
        breaker.record(good, OPEN_FOR + 2)
        assert breaker.admits(OPEN_FOR + 2.1) is good
        assert breaker.is_open(OPEN_FOR + 2.1) is not good


def test_failures_that_come_late_do_not_keep_it_open() -> None:
    breaker = opened_at(0)
    breaker.record(False, OPEN_FOR - 1)
    assert breaker.admits(OPEN_FOR)


def opened_at(now: float) -> Breaker:
    breaker = Breaker()
    for _ in range(LEAST):
        breaker.record(False, now)
    return breaker


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans())))
def test_whatever_happened_it_admits_somebody_within_thirty_seconds(steps: list[tuple[float, bool]]) -> None:
    breaker, now = Breaker(), 0.0
    for pause, good in steps:
        now += pause
        breaker.admits(now)
        breaker.record(good, now)
    assert any(breaker.admits(now + wait) for wait in range(30))


# --- a watched provider ---


async def test_outages_close_the_door_and_a_success_opens_it(
    watched: Watched, played: Played, clock: FakeClock
) -> None:
    for _ in range(LEAST):
        await sign_in(watched, OUTAGE, played)
    standing = watched.standing
    assert (standing.working, standing.since) == (False, clock.now())
    refused = await watched.begin(ASK)
    assert isinstance(refused, Failure)
    assert (refused.reason, refused.outage) == (Reason.UNAVAILABLE, False)
    clock.advance(OPEN_FOR)
    assert watched.standing.working
    assert isinstance(await watched.begin(ASK), Departure)
    assert isinstance(await sign_in(watched, AMINA, played), Identity)
    assert isinstance(await watched.begin(ASK), Departure)


async def test_what_citizens_bring_about_closes_no_door(watched: Watched, played: Played) -> None:
    for reason in Reason:
        for _ in range(10):
            await sign_in(watched, Failure(reason, "bent in the browser"), played)
    assert watched.standing.working
    assert isinstance(await watched.begin(ASK), Departure)


async def test_a_citizen_who_comes_back_is_heard_though_the_door_is_closed(watched: Watched, played: Played) -> None:
    for _ in range(LEAST):
        await sign_in(watched, OUTAGE, played)
    assert isinstance(await sign_in(watched, AMINA, played), Identity)


async def test_metadata_that_cannot_be_had_counts_too(watched: Watched, played: Played) -> None:
    played.start = OUTAGE
    for _ in range(LEAST):
        assert await watched.begin(ASK) is OUTAGE
    assert not watched.standing.working


async def test_the_usual_time_is_the_median_from_leaving_to_being_back(
    watched: Watched, played: Played, clock: FakeClock
) -> None:
    for number, seconds in enumerate([40, 60, 50, 3600, 45], 1):
        departure = await watched.begin(ASK)
        assert isinstance(departure, Departure)
        clock.advance(seconds)
        await watched.complete(departure.note, Answer({}, "c"))
        assert (watched.standing.median is None) is (number < FEWEST)
    assert watched.standing.median == 50


async def test_the_note_of_the_provider_comes_back_to_it(watched: Watched) -> None:
    departure = await watched.begin(ASK)
    assert isinstance(departure, Departure)
    assert watched.belongs(departure.note, Answer({}, "c"))
    assert not watched.belongs({}, Answer({}, "c"))


async def test_a_single_missed_look_is_forgiven_a_second_is_not(
    watched: Watched, played: Played, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await watched.check()
    played.condition = Health(False, detail="metadata: status 503")
    await watched.check()
    assert watched.standing.working
    since = clock.now()
    clock.advance(5)
    with caplog.at_level(logging.WARNING):
        await watched.check()
        assert watched.standing == Health(False, since, None, clock.now(), "metadata: status 503")
        played.condition = Health(True)
        await watched.check()
    assert watched.standing.working
    assert [record.message for record in caplog.records] == ["provider_does_not_work", "provider_works"]


async def test_a_provider_that_never_worked_is_not_forgiven(watched: Watched, played: Played) -> None:
    assert watched.standing.working
    played.condition = Health(False, detail="down")
    assert not (await watched.health()).working


async def test_a_look_is_taken_sooner_while_something_is_amiss(watched: Watched, played: Played) -> None:
    await watched.check()
    pauses = [watched.next_check() for _ in range(50)]
    assert CHECK_EVERY * 0.79 < min(pauses) < max(pauses) < CHECK_EVERY * 1.21
    played.condition = Health(False)
    await watched.check()
    pauses = [watched.next_check() for _ in range(50)]
    assert CHECK_AGAIN * 0.79 < min(pauses) < max(pauses) < CHECK_AGAIN * 1.21


# --- all of them ---


async def test_one_that_hangs_or_breaks_keeps_nobody_else_from_being_looked_at(ambient: Ambient) -> None:
    hanging, broken, sound = Played("hanging"), Played("broken"), Played("sound")
    hanging.hangs, broken.condition = True, ZeroDivisionError()
    watch = Watch([hanging, broken, sound], ambient)
    rounds = asyncio.Event()

    async def pause(seconds: float) -> None:
        if sound.looked >= 5 and broken.looked >= 5:
            rounds.set()
        await asyncio.sleep(0)

    running = asyncio.create_task(watch.run(pause))
    await asyncio.wait_for(rounds.wait(), 60)
    healths = watch.healths()
    running.cancel()
    assert hanging.looked == 1
    assert {id: health.working for id, health in healths.items()} == {"hanging": True, "broken": False, "sound": True}
    assert list(watch.providers) == ["hanging", "broken", "sound"]
