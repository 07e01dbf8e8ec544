"""What the memory store adds to the ephemeral contract: a maximum size, and the same decisions as Redis."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.crypto.seal import Sealer
from broker.journey.transaction import STUB_LIFE, Transaction, TransactionState
from broker.model.handle import sha256_hex
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.ephemeral.memory import ExpiringMap, MemoryContinuations, MemoryRateLimits, MemoryTransactions
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.samples import transaction
from tests.support.examples import scaled
from tests.support.redis import RedisServer
from tests.support.system import FakeClock


async def test_a_full_memory_refuses_what_is_new_and_keeps_what_is_there(system: System, clock: FakeClock) -> None:
    store = MemoryTransactions(system, MemoryRateLimits(system), room=2)
    begun = transaction(clock.now())
    for name in "ab":
        await store.create(name, replace(begun, browser=name), 20)
    assert store.fullness == 1.0
    with pytest.raises(StoreUnavailable):
        await store.create("c", begun, 20)
    assert await store.save("a", replace(begun, browser="a", version=2))
    assert await store.load("b") == replace(begun, browser="b")


async def test_expired_records_make_room(system: System, clock: FakeClock) -> None:
    store = MemoryContinuations(system, room=2)
    await store.put("early", "1", clock.now() + 10)
    await store.put("late", "2", clock.now() + 20)
    clock.advance(10)
    await store.put("new", "3", clock.now() + 20)
    assert [await store.take(name) for name in ("early", "late", "new")] == [None, "2", "3"]


def test_a_record_that_was_written_again_is_kept_for_its_new_time(clock: FakeClock) -> None:
    shelf: ExpiringMap[int] = ExpiringMap(clock.now, 2)
    for number in range(1000):
        shelf.put("a", number, clock.now() + 10 + number)
    clock.advance(500)
    shelf.put("b", 1, clock.now() + 1)
    assert (shelf.get("a"), shelf.get("b")) == (999, 1)
    assert len(shelf._ends) < 200
    clock.advance(509)
    shelf.put("c", 1, clock.now() + 1)
    assert (shelf.get("a"), shelf.get("b"), shelf.get("c")) == (None, None, 1)


# --- memory and Redis, side by side ---

HANDLES = st.sampled_from(["h1", "h2", "h3"])
BROWSERS = st.sampled_from(["b1", "b2"])
STATES = st.sampled_from(
    [
        TransactionState.CHOOSING,
        TransactionState.AWAY,
        TransactionState.WAITING,
        TransactionState.ANSWERED,
        TransactionState.EXPIRED,
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("create"), HANDLES, BROWSERS, st.integers(1, 3)),
    st.tuples(st.just("save"), HANDLES, BROWSERS, STATES, st.integers(0, 3), st.sampled_from([60, 3600, 86_400])),
    st.tuples(st.just("load"), HANDLES),
    st.tuples(st.just("wait"), st.sampled_from([30, 1800, 3600, 86_400])),
    st.tuples(st.just("keep"), HANDLES, st.sampled_from([10, 60])),
    st.tuples(st.just("take"), HANDLES),
    st.tuples(st.just("proof"), HANDLES, st.sampled_from([10, 60])),
    st.tuples(st.just("limit"), HANDLES, st.integers(1, 3), st.sampled_from([60, 3600])),
)


async def done(passing: EphemeralStores, now: float, step: tuple[Any, ...], seen: dict[str, Transaction]) -> object:
    """Result of one step at a store. `seen` maps each handle to what was last loaded of it."""
    match step:
        case "create", handle, browser, limit:
            begun = transaction(now, browser=sha256_hex(browser))
            made = await passing.transactions.create(handle, begun, limit)
            seen.setdefault(handle, begun)
            return made
        case "save", handle, browser, state, ahead, life:
            base = seen.get(handle, transaction(now))
            ends = now + (
                life
                if state in (TransactionState.CHOOSING, TransactionState.AWAY, TransactionState.WAITING)
                else STUB_LIFE
            )
            later = replace(base, version=base.version + ahead, browser=sha256_hex(browser), state=state, expires=ends)
            return await passing.transactions.save(handle, later)
        case "load", handle:
            found = await passing.transactions.load(handle)
            if found is not None:
                seen[handle] = found
            return found
        case "keep", handle, life:
            return await passing.continuations.put(handle, f"for {handle}", now + life)
        case "take", handle:
            return await passing.continuations.take(handle)
        case "proof", handle, life:
            return await passing.proofs.first_use(handle, now + life, await passing.proofs.epoch())
        case "limit", handle, most, window:
            return await passing.rate_limits.allow(handle, most, window)
    return None


@settings(max_examples=scaled(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
async def test_memory_and_redis_give_the_same_answer_to_every_step(
    redis: RedisServer, some_sql: SqlStores, sealer: Sealer, clock: FakeClock, steps: list[tuple[Any, ...]]
) -> None:
    redis.flush()
    pair = [
        open_ephemeral_stores(url, sealer, some_sql.system, some_sql.kill_switches) for url in ("memory:", redis.url)
    ]
    seen: list[dict[str, Transaction]] = [{}, {}]
    for step in steps:
        if step[0] == "wait":
            clock.advance(step[1])
            continue
        now = clock.now()
        one, other = [await done(passing, now, step, known) for passing, known in zip(pair, seen, strict=True)]
        assert one == other, step
    for passing in pair:
        await passing.close()
