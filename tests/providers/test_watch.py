"""How a provider does: breaker, median, background look; one that is down troubles no other."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from broker.ambient import Ambient
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.provider import OUTAGES, Answer, Ask, Card, Cause, Departure, Failure, Health, Reason
from providers.breaker import LEAST, OPEN_FOR
from providers.watch import CHECK_AGAIN, CHECK_EVERY, FEWEST, Watch, Watched
from tests.machine.ambient import FakeClock
from tests.providers.stage import ASK, CARD

AMINA = Identity("eid", "https://op.example", "amina", Level.HIGH, (), 0)


def outage() -> Failure:
    """A failure of the provider, each time another one."""
    return Failure(Reason.UNAVAILABLE, "token endpoint: status 500", Cause.STATUS)


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


# --- a watched provider ---


async def test_outages_close_the_door_and_a_success_opens_it(
    watched: Watched, played: Played, clock: FakeClock
) -> None:
    for _ in range(LEAST):
        await sign_in(watched, outage(), played)
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
        for cause in set(Cause) - OUTAGES:
            for _ in range(10):
                await sign_in(watched, Failure(reason, "bent in the browser", cause), played)
    assert watched.standing.working
    assert isinstance(await watched.begin(ASK), Departure)


async def test_a_citizen_who_comes_back_is_heard_though_the_door_is_closed(watched: Watched, played: Played) -> None:
    for _ in range(LEAST):
        await sign_in(watched, outage(), played)
    assert isinstance(await sign_in(watched, AMINA, played), Identity)


async def test_metadata_that_cannot_be_had_counts_too(watched: Watched, played: Played) -> None:
    for _ in range(LEAST):
        played.start = outage()
        assert await watched.begin(ASK) is played.start
    assert not watched.standing.working


async def test_one_failed_fetch_is_one_outage_however_often_a_citizen_tries(watched: Watched, played: Played) -> None:
    played.start = outage()
    for _ in range(10 * LEAST):
        assert await watched.begin(ASK) is played.start
    assert watched.standing.working


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
    assert [record.message for record in caplog.records] == ["provider_down", "provider_up"]


async def test_a_provider_that_never_worked_is_not_forgiven(watched: Watched, played: Played) -> None:
    assert watched.standing.working
    played.condition = Health(False, detail="down")
    assert not (await watched.health()).working


async def test_a_success_outweighs_the_looks_that_were_missed_before_it(watched: Watched, played: Played) -> None:
    await watched.check()
    played.condition = Health(False, detail="metadata: status 503")
    for _ in range(3):
        await watched.check()
    assert not watched.standing.working
    await sign_in(watched, AMINA, played)
    assert watched.standing.working


async def test_an_outage_and_its_end_are_logged_once_each(
    watched: Watched, played: Played, clock: FakeClock, caplog: pytest.LogCaptureFixture
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
