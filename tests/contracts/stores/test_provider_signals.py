"""Signals between processes about providers: every entry reaches every other process once, a lease one at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from broker.crypto.seal import Sealer
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.ephemeral.provider_signals import KEPT, MemoryProviderSignals, RedisProviderSignals
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import by_redis_py
from tests.support.redis import RedisServer
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

Open = Callable[[], Awaitable[RedisProviderSignals]]


@pytest.fixture(params=["redis", "redis-py"])
async def process(
    request: pytest.FixtureRequest, redis: RedisServer, some_sql: SqlStores, sealer: Sealer
) -> AsyncIterator[Open]:
    """Opens the signals of one more process."""
    opened: list[EphemeralStores] = []

    async def open_one() -> RedisProviderSignals:
        url = redis.url if request.param == "redis" else by_redis_py(redis)
        opened.append(open_ephemeral_stores(url, sealer, some_sql.system, some_sql.kill_switches))
        signals = opened[-1].provider_signals
        assert isinstance(signals, RedisProviderSignals)
        return signals

    yield open_one
    for stores in opened:
        await stores.close()


async def test_each_process_reads_what_the_others_wrote_once_and_in_order(process: Open) -> None:
    one, other = await process(), await process()
    assert list(await one.exchange(b"first")) == []
    await one.exchange(b"second with spaces")
    assert list(await other.exchange(b"mine")) == [b"first", b"second with spaces"]
    assert list(await other.exchange(b"")) == []
    assert list(await one.exchange(b"")) == [b"mine"]
    assert list(await (await process()).exchange(b"")) == [b"first", b"second with spaces", b"mine"]


async def test_the_log_is_bounded(process: Open) -> None:
    one, other = await process(), await process()
    for number in range(KEPT + 5):
        await one.exchange(str(number).encode())
    found = await other.exchange(b"")
    assert (len(found), found[-1]) == (KEPT, str(KEPT + 4).encode())


async def test_after_redis_lost_the_log_the_next_entries_are_read(process: Open, redis: RedisServer) -> None:
    one, other = await process(), await process()
    for _ in range(3):
        await one.exchange(b"before")
    await other.exchange(b"")
    redis.flush()
    await one.exchange(b"after")
    assert list(await other.exchange(b"")) == [b"after"]


async def test_a_lease_is_given_to_one_process(process: Open) -> None:
    one, other = await process(), await process()
    assert await one.claim("check:eid", 30)
    assert not await other.claim("check:eid", 30)
    assert await other.claim("check:other", 30)


async def test_the_result_of_a_test_is_read_by_every_process_and_outlives_the_one_that_wrote_it(process: Open) -> None:
    one = await process()
    assert await one.read_results() == {}
    await one.write_result("eid", b"[1, 2]", 60)
    await one.write_result("bank", b"x", 60)
    await one.write_result("bank", b"", 60)
    other = await process()
    assert await other.read_results() == {"eid": b"[1, 2]"}
    await other.write_result("eid", b"", 60)
    await other.write_result("never", b"", 60)
    assert await one.read_results() == {}


async def test_results_are_dropped_if_none_is_written_any_more(process: Open) -> None:
    one = await process()
    await one.write_result("eid", b"x", 0.05)
    async with asyncio.timeout(5):
        while await one.read_results():
            await asyncio.sleep(0.02)


async def test_in_memory_a_result_is_kept_until_an_empty_one() -> None:
    signals = MemoryProviderSignals(FakeClock().now)
    await signals.write_result("eid", b"x", 60)
    assert await signals.read_results() == {"eid": b"x"}
    await signals.write_result("eid", b"", 60)
    await signals.write_result("eid", b"", 60)
    assert await signals.read_results() == {}


async def test_in_memory_a_lease_ends_with_its_time() -> None:
    clock = FakeClock()
    signals = MemoryProviderSignals(clock.now)
    assert await signals.claim("check:eid", 30)
    assert not await signals.claim("check:eid", 30)
    clock.advance(30)
    assert await signals.claim("check:eid", 30)
    assert list(await signals.exchange(b"mine")) == []
