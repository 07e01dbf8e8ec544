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


async def test_concurrent_reads_share_one_fetch(kept: RefreshingCache[str], source: Source) -> None:
    source.open.clear()
    waiting = [asyncio.create_task(kept.get()) for _ in range(50)]
    await settle()
    source.open.set()
    assert set(await asyncio.gather(*waiting)) == {"value 1"}
    assert source.asked == 1


async def test_a_cancelled_read_does_not_cancel_the_fetch_of_others(kept: RefreshingCache[str], source: Source) -> None:
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


async def test_a_stale_value_is_served_up_to_a_bound_while_the_source_is_down(
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


async def test_after_a_failed_fetch_the_source_is_not_called_during_the_cool_down(
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


async def test_a_clock_set_back_makes_a_cached_value_stale(kept: RefreshingCache[str], clock: FakeClock) -> None:
    await kept.get()
    clock.advance(-STALE)
    assert await kept.get() == "value 2"


async def test_a_missing_entry_causes_a_rate_limited_fetch(
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


async def test_a_caller_with_an_old_value_gets_the_newer_one_without_a_fetch(
    kept: RefreshingCache[str], source: Source
) -> None:
    first = await kept.get()
    await kept.refresh()
    assert await kept.refresh_if_same(first) == "value 2"
    assert source.asked == 2


async def test_a_read_joins_a_fetch_under_way_during_the_cool_down(kept: RefreshingCache[str], source: Source) -> None:
    first = await kept.get()
    source.open.clear()
    waiting = [asyncio.create_task(kept.refresh_if_same(first)) for _ in range(5)]
    await settle()
    source.open.set()
    assert await asyncio.gather(*waiting) == ["value 2"] * 5


async def test_a_programming_error_is_not_counted_as_a_failed_fetch(system: System) -> None:
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
