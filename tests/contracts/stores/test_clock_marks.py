"""Clock check: a stored time mark in the future, SQLite's single clock, and the mark in a database."""

import math

import pytest

from broker.crypto.seal import Sealer
from broker.platform.system import System
from broker.stores.clock_check import SETTLED_AFTER, Finding
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.clocks import HOURS, LIMIT, LONG, Machine, World, pass_time
from tests.contracts.stores.conftest import OpenSqlStores, open_by_fake_clock
from tests.contracts.stores.samples import answer, code, grant, session, staff_attempt, tokens
from tests.support.system import FakeClock


async def test_a_mark_in_the_future_is_taken_back_once_and_what_it_held_expired_is_expired_first() -> None:
    world = World()
    world.mark = int(world.now + HOURS)
    poisoned = world.mark
    hosts = [Machine(world), Machine(world)]
    for host in hosts:
        await host.check.read_clocks()
        assert not host.serves
        assert host.check.finding in (Finding.MARK_AHEAD, Finding.MARK_DISPUTED)
    await pass_time(world, 2, *hosts)
    assert all(host.serves for host in hosts)
    assert world.taken_back == ["broker"]
    assert world.resets == 1
    assert world.forgotten >= 1
    assert (world.now - 1, poisoned) in [(now, mark) for now, mark in world.expired]
    assert all(host.clock() == pytest.approx(world.now) for host in hosts)


async def test_a_mark_in_the_future_is_not_taken_back_while_redis_is_away_or_of_another_opinion() -> None:
    for world, answers in ((World(), False), (World(redis=HOURS), True)):
        world.mark = int(world.now + HOURS)
        host = Machine(world, redis_answers=answers)
        await pass_time(world, 30, host)
        assert not host.serves
        assert not world.taken_back
        assert not world.expired
        assert "high-water mark of time is" in str(host.check.unready_reason)
        host.redis_answers, world.redis = True, 0.0
        await pass_time(world, 1, host)
        assert host.serves
        assert world.taken_back


async def test_a_mark_that_another_process_took_back_is_followed_while_running() -> None:
    world = World()
    host = Machine(world)
    await pass_time(world, 20, host)
    host.clock.at_least(world.now + HOURS)
    assert host.clock() > world.now + HOURS - 1
    world.resets += 1
    await pass_time(world, 1, host)
    assert host.clock() == pytest.approx(world.now, abs=6.0)


async def test_on_sqlite_a_jump_forward_is_followed_and_a_jump_back_ends_what_had_expired() -> None:
    world = World(sqlite=True, redis=None)
    host = Machine(world)
    await pass_time(world, 20, host)
    host.offset = HOURS
    assert not host.serves
    await pass_time(world, 1, host)
    assert host.serves
    assert host.clock() == pytest.approx(world.now + HOURS)
    await pass_time(world, LONG, host)
    ahead = world.mark
    assert ahead > world.now + HOURS - 10
    host.offset = 0.0
    await pass_time(world, 1, host)
    assert not host.serves, "it waits for a process that contradicts it"
    assert not world.expired
    await pass_time(world, LONG, host)
    assert host.serves
    assert host.clock() == pytest.approx(world.now)
    assert [mark for _, mark in world.expired] == [ahead]
    assert world.taken_back


async def test_on_sqlite_a_second_process_with_another_clock_moves_nothing() -> None:
    for wrong in (HOURS, -HOURS):
        world = World(sqlite=True, redis=None)
        good = Machine(world)
        await pass_time(world, 20, good)
        bad = Machine(world, wrong)
        await pass_time(world, 60, good, bad)
        assert good.serves
        assert not bad.serves
        assert not world.taken_back
        assert world.now - 6 <= world.mark <= world.now
        # one that was right and whose clock jumps moves nothing either
        second = Machine(world)
        await pass_time(world, 20, good, second)
        second.offset = wrong
        await pass_time(world, 60, good, second)
        assert good.serves
        assert not second.serves
        assert not world.taken_back
        assert world.now - 6 <= world.mark <= world.now


async def test_on_sqlite_a_machine_that_slept_goes_on_at_once() -> None:
    world = World(sqlite=True, redis=None)
    host = Machine(world)
    await pass_time(world, 20, host)
    host.offset = 8 * 3600.0  # the monotonic clock stood still meanwhile
    await pass_time(world, 1, host)
    assert host.serves
    assert host.clock() == pytest.approx(world.now + 8 * 3600)


async def test_the_mark_holds_the_databases_clock_and_never_a_process_s(sql: SqlStores) -> None:
    seen = await sql.counters.look_at_time()
    now = seen.clock if seen.clock is not None else 1_800_000_000.0
    if seen.clock is not None:
        for wrong in (HOURS, -HOURS, 5.0, -5.0):
            await sql.counters.note_time(now + wrong, LIMIT)
            assert (await sql.counters.look_at_time()).mark == 0
    await sql.counters.note_time(now, LIMIT)
    mark = (await sql.counters.look_at_time()).mark
    assert now - 1 <= mark <= now + 30
    await sql.counters.note_time(now + 1, LIMIT)
    assert (await sql.counters.look_at_time()).mark <= mark + 30
    await sql.counters.note_time(now - 1000, math.inf if seen.clock is None else LIMIT)
    assert (await sql.counters.look_at_time()).mark >= mark, "it is never noted backwards"


async def test_a_mark_is_taken_back_by_one_of_two_with_one_audit_row(sql: SqlStores) -> None:
    seen = await sql.counters.look_at_time()
    assert not await sql.counters.take_time_back(seen.mark + 1, 1_800_000_000.0, "olu")
    assert await sql.counters.take_time_back(seen.mark, 1_800_000_000.0, "olu")
    after = await sql.counters.look_at_time()
    assert after.resets == seen.resets + 1
    assert after.mark != seen.mark
    if after.clock is not None:
        assert after.clock - 30 <= after.mark <= after.clock
    assert [one.actor for _, one in await sql.audit.read(0, 10) if one.kind == "time_mark_taken_back"] == ["olu"]
    assert await sql.counters.take_time_back(after.mark, 1_800_000_000.0, "olu")
    assert (await sql.counters.look_at_time()).resets == seen.resets + 2


async def test_a_new_epoch_takes_a_mark_in_the_future_back_in_running_processes_too(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    running, command = await open_one(), await open_one()
    before = await running.counters.look_at_time()
    await running.maintain()
    await command.counters.raise_epoch("operator", clock.now())
    after = await running.counters.look_at_time()
    assert after.resets == before.resets + 1
    for _ in range(3):
        await running.maintain()
        assert await running.counters.epoch() == 2


async def test_what_a_mark_held_expired_is_expired_before_it_is_taken_back(
    sqlite_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    start = clock.now()
    ahead = await open_sql_stores(sqlite_url, sealer, system)
    waiting, redeemed = code(start, "waiting"), code(start, "redeemed")
    await ahead.authorizations.record(answer(start, "waiting", code=waiting))
    await ahead.authorizations.record(answer(start, "redeemed", code=redeemed))
    made = grant(redeemed, start, account="account-waiting")
    await ahead.grants.redeem(redeemed.digest, made, tokens(start), None, ())
    await ahead.staff_sessions.store_attempt(staff_attempt(start))
    short, long = tokens(start)[:2]
    clock.advance(HOURS)
    await ahead.maintain()
    clock.advance(SETTLED_AFTER)
    await ahead.maintain()
    await ahead.close()
    mark = clock.now()
    clock.jump(start + 1 - clock.now())

    sql = await open_sql_stores(sqlite_url, sealer, system)
    assert sql.clock.unready_reason is not None
    clock.advance(SETTLED_AFTER)
    await sql.maintain()
    now = sql.system.now()
    assert sql.clock.unready_reason is None
    assert now == clock.now()
    for token in tokens(start):
        found = await sql.grants.token(token.digest)
        assert found is not None
        assert (found[0].expires <= now) == (token.expires <= mark), "what was expired stays so, the rest lives on"
    assert short.expires <= mark or long.expires <= mark
    assert (known := await sql.sessions.load(session(start, "waiting").digest)) is None or known.expires <= now
    left = await sql.staff_sessions.attempt(staff_attempt(start).digest)
    assert left is None or left.expires <= now
    await sql.close()


async def test_the_time_comes_from_the_database_if_this_machines_clock_is_off(
    postgres_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    sql = await open_sql_stores(postgres_url, sealer, system)
    seen = await sql.counters.look_at_time()
    assert seen.clock is not None
    assert abs(seen.clock - clock.now()) > 3600
    assert sql.clock.unready_reason is not None
    assert abs(sql.system.now() - seen.clock) < 30
    await sql.maintain()
    assert (await sql.counters.look_at_time()).mark == 0
    await sql.close()
    held = await open_by_fake_clock(postgres_url, sealer, system)
    assert held.clock.unready_reason is None
    assert held.system.now() == clock.now()
    await held.close()
