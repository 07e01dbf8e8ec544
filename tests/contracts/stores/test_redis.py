"""What Redis adds to the ephemeral contract: after data loss, a hang or a full memory nothing is accepted twice."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from broker.crypto.seal import Sealer
from broker.journey.transaction import TransactionState
from broker.model.handle import sha256_hex
from broker.model.rate_limit import RateLimit
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import by_redis_py, refused_at_once
from tests.contracts.stores.round_trip_proxy import Turns
from tests.contracts.stores.samples import request, transaction
from tests.support.redis import RedisServer
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

LIMIT = 20


@pytest.fixture(params=["own connection", "redis-py"])
async def passing(
    request: pytest.FixtureRequest, redis: RedisServer, some_sql: SqlStores, sealer: Sealer
) -> AsyncIterator[EphemeralStores]:
    """Ephemeral stores in Redis, over each transport."""
    url = redis.url if request.param == "own connection" else by_redis_py(redis)
    passing = open_ephemeral_stores(url, sealer, some_sql.system, some_sql.kill_switches)
    yield passing
    await passing.close()


@pytest.fixture
async def raw(redis: RedisServer) -> AsyncIterator[Redis]:
    """Reads Redis directly, past the stores."""
    async with Redis.from_url(redis.url) as client:
        yield client


# --- number of round trips ---


@pytest.mark.parametrize(
    ("verb", "trips"),
    [
        ("create", 1),
        ("counted create", 1),
        ("load", 1),
        ("save", 1),
        ("push", 1),
        ("pushed", 1),
        ("take", 1),
        ("proof", 1),
        ("limit", 1),
    ],
)
async def test_each_verb_costs_one_round_trip(
    redis: RedisServer, some_sql: SqlStores, sealer: Sealer, clock: FakeClock, verb: str, trips: int
) -> None:
    begun, until = transaction(clock.now()), clock.now() + 60
    async with Turns("127.0.0.1", redis.port).running() as turns:
        passing = open_ephemeral_stores(
            f"redis://127.0.0.1:{turns.port}/0", sealer, some_sql.system, some_sql.kill_switches
        )
        verbs: dict[str, Callable[[str], Awaitable[object]]] = {
            "create": lambda name: passing.transactions.create(name, begun, LIMIT),
            "counted create": lambda name: passing.transactions.create(name, begun, LIMIT, RateLimit("a", 9, 60)),
            "load": lambda _name: passing.transactions.load("kept"),
            "save": lambda _name: passing.transactions.save("kept", replace(begun, version=2)),
            "push": lambda name: passing.pushed.put(name, request(), until),
            "pushed": lambda _name: passing.pushed.get("kept"),
            "take": lambda _name: passing.continuations.take("kept"),
            "proof": lambda name: passing.proofs.first_use(name, until, epoch),
            "limit": lambda name: passing.rate_limits.allow(name, 1, 60),
        }
        await passing.transactions.create("kept", begun, LIMIT)
        epoch = await passing.proofs.epoch()
        await verbs[verb]("first")
        before = turns.count
        await verbs[verb]("second")
        assert turns.count - before == trips
        assert turns.connections == 1
        await passing.close()


# --- stored content ---


async def test_nothing_personal_and_no_handle_can_be_read_in_redis(
    passing: EphemeralStores, raw: Redis, clock: FakeClock
) -> None:
    until = clock.now() + 60
    await passing.transactions.create("handle-of-transaction", transaction(clock.now()), LIMIT)
    await passing.pushed.put("handle-of-request", request(login_hint="ann@example.org"), until)
    await passing.continuations.put("continuation-code", "handle-of-transaction", until)
    await passing.proofs.first_use("proof-id", until, await passing.proofs.epoch())
    await passing.rate_limits.allow("address 192.0.2.1", 5, 60)
    await passing.proofs.epoch()
    keys = sorted(key.decode() for key in await raw.keys("*"))
    assert len(keys) == 7
    for key in keys:
        assert re.fullmatch(r"portico:[a-z]+:v1:([0-9a-f]{64}|epoch)", key)
        kept = await (raw.zrange(key, 0, -1) if ":browser:" in key else raw.get(key))
        for secret in (b"Ann", b"ann@", b"handle-of", b"continuation-code", b"proof-id", b"192.0.2.1", b"passports"):
            assert secret not in (b" ".join(kept) if isinstance(kept, list) else kept)


async def test_only_the_fields_that_scripts_need_are_in_the_clear(
    passing: EphemeralStores, raw: Redis, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    kept = json.loads(await raw.get(f"portico:transaction:v1:{sha256_hex('handle')}"))
    assert kept.pop("sealed")
    assert kept == {"v": 1, "until": begun.kept_until, "version": 1, "browser": begun.browser}


async def test_every_record_is_swept_by_redis_some_time_after_it_expired(
    passing: EphemeralStores, raw: Redis, clock: FakeClock
) -> None:
    until = clock.now() + 600
    begun = transaction(clock.now())
    await passing.transactions.create("a", begun, LIMIT)
    await passing.pushed.put("b", request(), until)
    await passing.continuations.put("c", "a", until)
    await passing.proofs.first_use("d", until, await passing.proofs.epoch())
    await passing.rate_limits.allow("e", 5, 600)
    for key in await raw.keys("portico:*:v1:????????*"):
        longest = begun.kept_until - clock.now() if b":transaction:" in key or b":browser:" in key else 600
        assert 0 < await raw.pttl(key) <= (longest + 60) * 1000


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"browser": sha256_hex("another")},
        {"sealed": "AAAA"},
        {"v": 2},
    ],
)
async def test_a_record_that_was_tampered_with_is_unknown(
    passing: EphemeralStores, raw: Redis, clock: FakeClock, change: dict[str, object]
) -> None:
    await passing.transactions.create("handle", transaction(clock.now()), LIMIT)
    key = f"portico:transaction:v1:{sha256_hex('handle')}"
    await raw.set(key, json.dumps({**json.loads(await raw.get(key)), **change}))
    assert await passing.transactions.load("handle") is None


async def test_a_record_under_another_key_is_unknown(passing: EphemeralStores, raw: Redis, clock: FakeClock) -> None:
    await passing.transactions.create("handle", transaction(clock.now()), LIMIT)
    await raw.copy(f"portico:transaction:v1:{sha256_hex('handle')}", f"portico:transaction:v1:{sha256_hex('mine')}")
    assert await passing.transactions.load("mine") is None


async def test_what_is_no_record_at_all_is_unknown(passing: EphemeralStores, raw: Redis) -> None:
    await raw.set(f"portico:pushed:v1:{sha256_hex('handle')}", b"\x80\x04 not JSON")
    assert await passing.pushed.get("handle") is None


# --- loss ---


async def test_after_a_flush_nothing_is_accepted_twice(
    passing: EphemeralStores, redis: RedisServer, clock: FakeClock
) -> None:
    begun, until = transaction(clock.now()), clock.now() + 60
    await passing.transactions.create("handle", begun, LIMIT)
    await passing.continuations.put("code", "handle", until)
    await passing.pushed.put("request", request(), until)
    redis.flush()
    assert await passing.transactions.load("handle") is None
    assert not await passing.transactions.save("handle", replace(begun, version=2, state=TransactionState.ANSWERED))
    assert await passing.continuations.take("code") is None
    assert await passing.pushed.get("request") is None
    assert await passing.transactions.create("handle", begun, LIMIT)


async def test_a_flush_begins_a_new_epoch_of_proofs(passing: EphemeralStores, redis: RedisServer) -> None:
    epoch = await passing.proofs.epoch()
    redis.flush()
    assert await passing.proofs.epoch() != epoch


async def test_a_redis_that_takes_no_writes_remembers_no_proof_and_so_has_no_epoch(
    passing: EphemeralStores, raw: Redis
) -> None:
    await passing.proofs.epoch()
    for setting, value, back in (("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")):
        await raw.config_set(setting, value)
        try:
            with pytest.raises(StoreUnavailable):
                await passing.proofs.epoch()
        finally:
            await raw.config_set(setting, back)
    assert await passing.proofs.epoch()


async def test_a_proof_is_not_noted_in_another_memory_than_that_of_its_nonce(
    passing: EphemeralStores, redis: RedisServer, clock: FakeClock
) -> None:
    epoch = await passing.proofs.epoch()
    assert await passing.proofs.first_use("before", clock.now() + 60, epoch)
    redis.flush()
    for name in ("before", "after"):
        with pytest.raises(StoreUnavailable, match="another one"):
            await passing.proofs.first_use(name, clock.now() + 60, epoch)
    await passing.proofs.epoch()
    with pytest.raises(StoreUnavailable, match="another one"):
        await passing.proofs.first_use("before", clock.now() + 60, epoch)


async def test_a_restart_begins_a_new_epoch_of_proofs_even_if_what_was_drawn_survived(
    passing: EphemeralStores, redis: RedisServer, raw: Redis
) -> None:
    epoch = await passing.proofs.epoch()
    drawn = await raw.get("portico:proofs:v1:epoch")
    redis.kill()
    redis.start()
    await raw.connection_pool.disconnect()
    await raw.set("portico:proofs:v1:epoch", drawn)
    assert await passing.proofs.epoch() != epoch


async def test_a_server_that_leads_again_after_another_led_begins_a_new_epoch_of_proofs(
    passing: EphemeralStores, redis: RedisServer, raw: Redis
) -> None:
    epoch = await passing.proofs.epoch()
    drawn = await raw.get("portico:proofs:v1:epoch")
    leader = RedisServer()
    leader.start()
    try:
        redis.command("REPLICAOF", "127.0.0.1", str(leader.port))
        while (await raw.info("replication"))["master_link_status"] != "up":
            await asyncio.sleep(0.05)
        redis.command("REPLICAOF", "NO", "ONE")
    finally:
        leader.remove()
    await raw.set("portico:proofs:v1:epoch", drawn)
    assert await passing.proofs.epoch() != epoch


async def test_every_process_sees_the_same_epoch(
    passing: EphemeralStores, redis: RedisServer, sealer: Sealer, some_sql: SqlStores
) -> None:
    other = open_ephemeral_stores(redis.url, sealer, some_sql.system, some_sql.kill_switches)
    epochs = await asyncio.gather(*(store.proofs.epoch() for store in (passing, other) * 10))
    assert len(set(epochs)) == 1
    await other.close()


async def test_another_sealing_key_opens_nothing(
    passing: EphemeralStores, redis: RedisServer, some_sql: SqlStores
) -> None:
    from broker.crypto.seal import sealer as make

    system = some_sql.system
    other = open_ephemeral_stores(
        redis.url, make(b"\x08" * 32, (), system.random_bytes), system, some_sql.kill_switches
    )
    await passing.transactions.create("handle", transaction(system.now()), LIMIT)
    assert await other.transactions.load("handle") is None
    await other.close()


async def test_a_limit_put_back_in_time_counts_on_from_there(passing: EphemeralStores, raw: Redis) -> None:
    assert await passing.rate_limits.allow("key", 3, 60)
    [(name, kept)] = [(key, await raw.dump(key)) for key in await raw.keys("portico:limit:*")]
    assert [await passing.rate_limits.allow("key", 3, 60) for _ in range(3)] == [True, True, False]
    await raw.restore(name, 60_000, kept, replace=True)
    assert [await passing.rate_limits.allow("key", 3, 60) for _ in range(3)] == [True, True, False]


# --- absence ---


async def test_with_redis_killed_everything_is_refused_at_once_and_works_again_when_it_is_back(
    passing: EphemeralStores, redis: RedisServer, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await asyncio.gather(*(passing.transactions.create(f"{number}", begun, 50) for number in range(10)))
    redis.kill()
    await refused_at_once(lambda: passing.transactions.load("1"))
    await refused_at_once(lambda: passing.transactions.create("new", begun, LIMIT))
    await refused_at_once(lambda: passing.proofs.epoch())
    redis.start()
    loaded = await asyncio.gather(*(passing.transactions.load(f"{number}") for number in range(10)))
    assert loaded == [None] * 10
    assert await passing.transactions.create("new", begun, LIMIT)


async def test_connections_that_died_unnoticed_are_not_used(
    passing: EphemeralStores, redis: RedisServer, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await asyncio.gather(*(passing.transactions.create(f"{number}", begun, 50) for number in range(10)))
    redis.kill()
    redis.start()
    assert await asyncio.gather(*(passing.transactions.load(f"{number}") for number in range(10))) == [None] * 10


async def test_with_redis_hanging_everything_is_refused_within_a_second(
    passing: EphemeralStores, redis: RedisServer, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    redis.freeze()
    await asyncio.gather(*(refused_at_once(lambda: passing.transactions.load("handle")) for _ in range(20)))
    redis.thaw()
    assert await asyncio.gather(*(passing.transactions.load("handle") for _ in range(20))) == [begun] * 20


async def test_a_cancelled_call_leaves_no_response_for_the_next(passing: EphemeralStores, clock: FakeClock) -> None:
    begun = transaction(clock.now())
    await passing.transactions.create("handle", begun, LIMIT)
    for _ in range(50):
        hasty = asyncio.ensure_future(passing.rate_limits.allow("key", 1, 60))
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        assert await passing.transactions.load("handle") == begun


# --- memory ---


async def test_a_full_redis_refuses_what_is_new_and_takes_it_again_when_there_is_room(
    passing: EphemeralStores, raw: Redis, clock: FakeClock
) -> None:
    begun = transaction(clock.now())
    assert await passing.transactions.create("a", begun, LIMIT)
    used = (await raw.info("memory"))["used_memory"]
    await raw.config_set("maxmemory", used * 9 // 10)
    await passing.update_memory_usage()
    assert passing.memory_fullness() > 0.8
    with pytest.raises(StoreUnavailable):
        await passing.transactions.create("b", begun, LIMIT)
    assert await passing.transactions.load("a") == begun
    await raw.config_set("maxmemory", used * 10)
    await passing.update_memory_usage()
    assert passing.memory_fullness() < 0.8
    assert await passing.transactions.create("b", begun, LIMIT)


async def test_a_redis_that_evicts_is_a_problem_with_a_mend(passing: EphemeralStores, raw: Redis) -> None:
    await raw.config_set("maxmemory-policy", "allkeys-lru")
    try:
        (problem,) = await passing.check_server()
        assert "allkeys-lru" in problem
        assert "noeviction" in problem
    finally:
        await raw.config_set("maxmemory-policy", "noeviction")


async def test_an_address_that_is_none_is_refused(some_sql: SqlStores, sealer: Sealer, system: System) -> None:
    with pytest.raises(ValueError, match="no such store"):
        open_ephemeral_stores("http://localhost", sealer, system, some_sql.kill_switches)
