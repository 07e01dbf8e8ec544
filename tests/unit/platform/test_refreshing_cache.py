"""What is fetched and kept: one flight at a time, old values while a new one cannot be had, no hammering."""

import asyncio

import pytest

from broker.platform.refreshing_cache import CachePolicy, FetchFailed, RefreshingCache
from broker.platform.system import System
from tests.support.system import FakeClock

FRESH, STALE, RETRY, COOL_DOWN = 300.0, 6 * 3600.0, 2.0, 30.0
TERMS: CachePolicy[str] = CachePolicy(lambda _: FRESH, STALE - FRESH, RETRY, COOL_DOWN)


class Source:
    """The source of the cache: counts the fetches, answers when the test permits it, may be down."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> str:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.down:
            raise FetchFailed("down")
        return f"value {number}"


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def kept(source: Source, system: System) -> RefreshingCache[str]:
    return RefreshingCache(source.fetch, system, TERMS)


async def settle() -> None:
    """Lets tasks that are ready go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_value_is_fetched_once_and_then_given(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    assert await kept.get() == "value 1"
    clock.advance(FRESH - 1)
    assert await kept.get() == "value 1"
    assert source.asked == 1


async def test_many_who_ask_at_once_share_one_flight(kept: RefreshingCache[str], source: Source) -> None:
    source.open.clear()
    waiting = [asyncio.create_task(kept.get()) for _ in range(50)]
    await settle()
    source.open.set()
    assert set(await asyncio.gather(*waiting)) == {"value 1"}
    assert source.asked == 1


async def test_one_who_gives_up_does_not_end_the_flight_of_the_others(
    kept: RefreshingCache[str], source: Source
) -> None:
    source.open.clear()
    impatient, patient = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await settle()
    impatient.cancel()
    await settle()
    source.open.set()
    assert await patient == "value 1"
    assert source.asked == 1


async def test_an_older_value_is_given_at_once_while_a_new_one_is_fetched(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    await kept.get()
    clock.advance(FRESH)
    source.open.clear()
    assert await kept.get() == "value 1"
    source.open.set()
    await settle()
    assert await kept.get() == "value 2"


async def test_while_the_other_side_is_down_the_old_value_serves_up_to_a_bound(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    await kept.get()
    source.down = True
    clock.advance(STALE - 1)
    assert await kept.get() == "value 1"
    await settle()
    clock.advance(1)
    with pytest.raises(FetchFailed):
        await kept.get()


async def test_after_a_failure_the_other_side_is_left_alone_for_a_moment(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    source.down = True
    for _ in range(10):
        with pytest.raises(FetchFailed):
            await kept.get()
    assert source.asked == 1
    source.down = False
    clock.advance(RETRY)
    assert await kept.get() == "value 2"


async def test_a_failed_renewal_leaves_what_was_kept(kept: RefreshingCache[str], source: Source) -> None:
    await kept.get()
    source.down = True
    with pytest.raises(FetchFailed):
        await kept.refresh()
    assert await kept.get() == "value 1"


async def test_a_clock_that_jumps_back_makes_a_value_old_not_eternal(
    kept: RefreshingCache[str], clock: FakeClock
) -> None:
    await kept.get()
    clock.advance(-STALE)
    assert await kept.get() == "value 2"


async def test_what_lacks_something_is_fetched_again_but_not_more_often_than_allowed(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    first = await kept.get()
    second = await kept.refresh_if_same(first)
    assert second == "value 2"
    for _ in range(10):
        assert await kept.refresh_if_same(second) is second
    assert source.asked == 2
    clock.advance(COOL_DOWN)
    assert await kept.refresh_if_same(second) == "value 3"


async def test_who_holds_an_old_value_gets_the_newer_one_without_a_fetch(
    kept: RefreshingCache[str], source: Source
) -> None:
    first = await kept.get()
    await kept.refresh()
    assert await kept.refresh_if_same(first) == "value 2"
    assert source.asked == 2


async def test_the_cool_down_does_not_keep_anybody_from_joining_a_flight(
    kept: RefreshingCache[str], source: Source
) -> None:
    first = await kept.get()
    source.open.clear()
    waiting = [asyncio.create_task(kept.refresh_if_same(first)) for _ in range(5)]
    await settle()
    source.open.set()
    assert await asyncio.gather(*waiting) == ["value 2"] * 5


async def test_a_fault_of_ours_is_not_taken_for_a_failure_of_the_other_side(system: System) -> None:
    async def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await RefreshingCache(broken, system, TERMS).get()


async def test_a_clock_that_was_set_back_does_not_stop_fetches_of_what_is_lacking(
    kept: RefreshingCache[str], source: Source, clock: FakeClock
) -> None:
    clock.advance(7200)
    first = await kept.get()
    second = await kept.refresh_if_same(first)
    clock.advance(-7200)
    assert await kept.refresh_if_same(second) == "value 3"
    assert await kept.refresh_if_same("value 3") == "value 3"
    assert source.asked == 3
