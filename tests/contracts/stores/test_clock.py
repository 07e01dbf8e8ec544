"""Whose clock is right: what a process concludes, and what one wrong clock can never do to the others."""

import asyncio
import logging
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from broker.crypto.seal import Sealer
from broker.platform.system import System
from broker.stores.clock_check import SETTLED_AFTER, ClockEvidence, Finding, Offset, judge
from broker.stores.monotonic_clock import MonotonicWallClock
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.clocks import LIMIT, Machine, World, pass_time
from tests.contracts.stores.conftest import OpenSqlStores, open_by_fake_clock
from tests.contracts.stores.samples import answer, code, grant, session, staff_attempt, tokens
from tests.support.system import FakeClock

HOURS = 7200.0
LONG = int(SETTLED_AFTER) + 2


def offset(seconds: float, slack: float = 0.0) -> Offset:
    """An offset of so many seconds, known to within `slack`."""
    return Offset(seconds - slack, seconds + slack)


# --- the judgement ---

AGREES, AHEAD, BEHIND = offset(0.2), offset(HOURS), offset(-HOURS)


@pytest.mark.parametrize(
    ("evidence", "finding"),
    [
        # this machine and the database agree
        (ClockEvidence(AGREES, -2.0), Finding.RIGHT),
        (ClockEvidence(offset(2.9), -2.0), Finding.RIGHT),
        (ClockEvidence(offset(3.5, slack=1.0), -2.0), Finding.RIGHT),
        (ClockEvidence(AGREES, -HOURS), Finding.RIGHT),
        (ClockEvidence(AGREES, -2.0, AHEAD, redis_expected=True), Finding.RIGHT),
        # they agree that the time noted lies in the future
        (ClockEvidence(AGREES, HOURS), Finding.MARK_AHEAD),
        (ClockEvidence(AGREES, HOURS, AGREES, redis_expected=True), Finding.MARK_AHEAD),
        (ClockEvidence(AGREES, HOURS, BEHIND, redis_expected=True), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, None, redis_expected=True), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, settled=False), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, contradicted=True), Finding.OWN_CLOCK),
        # they do not agree, and Redis is with the database
        (ClockEvidence(AHEAD, -2.0, AHEAD, redis_expected=True), Finding.OWN_CLOCK),
        (ClockEvidence(BEHIND, HOURS, BEHIND, redis_expected=True), Finding.OWN_CLOCK),
        # they do not agree, and Redis is with this machine
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True), Finding.DATABASE_CLOCK),
        (ClockEvidence(BEHIND, -2.0, AGREES, redis_expected=True), Finding.DATABASE_CLOCK),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, settled=False), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, contradicted=True), Finding.OWN_CLOCK),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, jumped=True), Finding.OWN_CLOCK),
        (ClockEvidence(BEHIND, HOURS, AGREES, redis_expected=True), Finding.OWN_CLOCK),
        # they do not agree, and there is no third clock, or it shows a third time
        (ClockEvidence(AHEAD, -2.0), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, None, redis_expected=True), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, BEHIND, redis_expected=True), Finding.UNDECIDED),
    ],
)
def test_whose_clock_is_off_follows_from_the_evidence_alone(evidence: ClockEvidence, finding: Finding) -> None:
    assert judge(evidence, LIMIT) is finding


def test_a_slow_answer_of_the_database_proves_less() -> None:
    assert not offset(3.5, slack=1.0).beyond(LIMIT)
    assert offset(4.5, slack=1.0).beyond(LIMIT) and offset(-4.5, slack=1.0).beyond(LIMIT)
    assert offset(4.5, slack=1.0).middle == 4.5


# --- one process ---


def test_a_steady_clock_never_goes_back_and_ignores_a_jump(clock: FakeClock) -> None:
    steady = MonotonicWallClock(clock.now, clock.tick, LIMIT)
    start = steady()
    clock.advance(10)
    assert steady() == start + 10
    clock.jump(-2)
    assert (steady(), steady.jump) == (start + 10, 0.0)
    clock.advance(5)
    assert steady() == start + 13
    steady.follow()
    for jump in (HOURS, -HOURS):
        before = steady()
        clock.jump(jump)
        assert (steady(), steady.jump) == (before, jump)
        clock.jump(-jump)
        clock.advance(1)
        assert (steady(), steady.jump) == (before + 1, jump), "it is not followed again before it is looked at"
        steady.follow()
        assert (steady(), steady.jump) == (before + 1, 0.0)


async def test_a_process_that_starts_with_its_clock_off_does_not_serve_until_it_is_right() -> None:
    world = World()
    for wrong in (HOURS, -HOURS, 3.5, -3.5):
        machine = Machine(world, wrong)
        await machine.check.check()
        assert not machine.serves
        assert f"{wrong:+.1f} s from the database's" in str(machine.check.out)
        assert world.mark == 0, "it notes nothing"
        assert abs(machine.clock() - world.now) < 0.01, "and reads the time from the database"
        machine.offset = 0.0
        await machine.check.check()
        assert machine.serves and world.mark == int(world.now)
        world.mark = 0


async def test_a_clock_that_jumps_midway_is_noticed_at_the_next_reading_and_read_by_nobody() -> None:
    world = World()
    machine = Machine(world)
    await pass_time(world, 5, machine)
    for jump in (HOURS, -HOURS):
        machine.offset = jump
        assert abs(machine.clock() - world.now) < 0.01
        assert not machine.serves and "jumped" in str(machine.check.out)
        await pass_time(world, 5, machine)
        assert machine.check.finding is Finding.OWN_CLOCK
        assert abs(machine.clock() - world.now) < 0.01
        machine.offset = 0.0
        await pass_time(world, 1, machine)
        assert machine.serves and abs(machine.clock() - world.now) < 0.01


async def test_a_clock_that_drifts_slowly_is_noticed_when_it_is_too_far_and_trusted_again_well_within() -> None:
    world = World()
    machine = Machine(world, drift=0.01)
    await pass_time(world, 290, machine)
    assert machine.serves and machine.check.offset == pytest.approx(2.9)
    await pass_time(world, 20, machine)
    assert not machine.serves and machine.check.finding is Finding.OWN_CLOCK
    machine.drift, machine.offset = 0.0, 2.5
    await pass_time(world, 1, machine)
    assert not machine.serves, "back within the limit, but not well within it"
    machine.offset = 1.0
    await pass_time(world, 1, machine)
    assert machine.serves


async def test_what_is_found_is_logged_once_with_the_offset_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    machine = Machine(world, HOURS)
    with caplog.at_level(logging.WARNING):
        await pass_time(world, 3, machine)
        machine.offset = 0.0
        await pass_time(world, 3, machine)
    events = [(one.levelname, one.msg) for one in caplog.records if one.name == "portico.clock"]
    assert events == [("ERROR", "clock_off"), ("WARNING", "clock_recovered")]
    assert caplog.records[0].__dict__["offset"] == HOURS
    assert caplog.records[0].__dict__["finding"] == "own_clock_off"


# --- one host of many ---


async def test_one_host_with_a_wrong_clock_moves_no_other() -> None:
    for wrong in (HOURS, -HOURS):
        world = World()
        good, bad = Machine(world), Machine(world, wrong)
        await pass_time(world, 60, good, bad)
        assert good.serves and not bad.serves
        assert world.now - 6 <= world.mark <= world.now and not world.taken_back
        later = Machine(world)
        await later.check.check()
        assert later.serves and later.clock() == pytest.approx(world.now)


async def test_a_wrong_host_whose_redis_is_as_wrong_still_learns_that_others_agree_with_the_database() -> None:
    world = World(redis=HOURS)
    good, bad = Machine(world), Machine(world, HOURS)
    await pass_time(world, LONG, good, bad)
    assert good.serves and bad.check.finding is Finding.OWN_CLOCK
    await pass_time(world, 60, bad)
    assert not bad.serves, "not even when the others have ended"


# --- the database's own clock ---


@pytest.mark.parametrize("jump", [HOURS, -HOURS, 10.0, -10.0])
async def test_a_database_whose_own_clock_is_off_ends_no_host_if_redis_is_with_them(jump: float) -> None:
    world = World()
    hosts = [Machine(world), Machine(world)]
    await pass_time(world, 20, *hosts)
    world.database = jump
    await pass_time(world, 30, *hosts)
    mark = world.mark
    for host in hosts:
        assert host.serves and host.check.finding is Finding.DATABASE_CLOCK
        assert host.clock() == pytest.approx(world.now)
        assert host.check.offset == pytest.approx(-jump)
    assert world.mark == mark <= world.now and not world.taken_back, "the high-water mark follows no process"
    fresh = Machine(world)
    await fresh.check.check()
    assert not fresh.serves, "a process that starts waits for what others note"
    await pass_time(world, LONG, *hosts, fresh)
    assert fresh.serves and fresh.clock() == pytest.approx(world.now)
    world.database = 0.0
    await pass_time(world, 10, *hosts, fresh)
    assert all(host.check.finding is Finding.RIGHT for host in (*hosts, fresh))
    assert world.mark > mark and not world.taken_back


async def test_without_a_third_clock_a_database_whose_clock_is_off_is_believed_and_nothing_served() -> None:
    for world in (World(redis=None), World()):
        host = Machine(world, redis_answers=False)
        await pass_time(world, 20, host)
        mark, world.database = world.mark, HOURS
        await pass_time(world, 30, host)
        assert host.check.finding is Finding.UNDECIDED and not host.serves
        assert world.mark == mark
        world.database = 0.0
        await pass_time(world, 1, host)
        assert host.serves


async def test_a_machine_that_was_paused_does_not_take_its_own_pause_for_a_jump_of_the_database() -> None:
    world = World()
    paused, other = Machine(world), Machine(world)
    await pass_time(world, 20, paused, other)
    await pass_time(world, 600, other)
    # both its clocks stood still
    paused.offset = -600.0
    paused.clock.tick = lambda: world.passed - 600.0
    await pass_time(world, 2, paused, other)
    assert not paused.serves and other.serves


# --- a mark that lies in the future ---


async def test_a_mark_in_the_future_is_taken_back_once_and_what_it_held_expired_is_expired_first() -> None:
    world = World()
    world.mark = int(world.now + HOURS)
    poisoned = world.mark
    hosts = [Machine(world), Machine(world)]
    for host in hosts:
        await host.check.look()
        assert not host.serves and host.check.finding in (Finding.MARK_AHEAD, Finding.MARK_DISPUTED)
    await pass_time(world, 2, *hosts)
    assert all(host.serves for host in hosts)
    assert world.taken_back == ["broker"] and world.resets == 1 and world.forgotten >= 1
    assert (world.now - 1, poisoned) in [(now, mark) for now, mark in world.expired]
    assert all(host.clock() == pytest.approx(world.now) for host in hosts)


async def test_a_mark_in_the_future_is_not_taken_back_while_redis_is_away_or_of_another_opinion() -> None:
    for world, answers in ((World(), False), (World(redis=HOURS), True)):
        world.mark = int(world.now + HOURS)
        host = Machine(world, redis_answers=answers)
        await pass_time(world, 30, host)
        assert not host.serves and not world.taken_back and not world.expired
        assert "high-water mark of time is" in str(host.check.out)
        host.redis_answers, world.redis = True, 0.0
        await pass_time(world, 1, host)
        assert host.serves and world.taken_back


async def test_a_mark_that_another_process_took_back_is_followed_while_running() -> None:
    world = World()
    host = Machine(world)
    await pass_time(world, 20, host)
    host.clock.at_least(world.now + HOURS)
    assert host.clock() > world.now + HOURS - 1
    world.resets += 1
    await pass_time(world, 1, host)
    assert host.clock() == pytest.approx(world.now, abs=6.0)


# --- SQLite: no clock but the machine's own ---


async def test_on_sqlite_a_jump_forward_is_followed_and_a_jump_back_ends_what_had_expired() -> None:
    world = World(sqlite=True, redis=None)
    host = Machine(world)
    await pass_time(world, 20, host)
    host.offset = HOURS
    assert not host.serves
    await pass_time(world, 1, host)
    assert host.serves and host.clock() == pytest.approx(world.now + HOURS)
    await pass_time(world, LONG, host)
    ahead = world.mark
    assert ahead > world.now + HOURS - 10
    host.offset = 0.0
    await pass_time(world, 1, host)
    assert not host.serves and not world.expired, "it waits for a process that contradicts it"
    await pass_time(world, LONG, host)
    assert host.serves and host.clock() == pytest.approx(world.now)
    assert [mark for _, mark in world.expired] == [ahead] and world.taken_back


async def test_on_sqlite_a_second_process_with_another_clock_moves_nothing() -> None:
    for wrong in (HOURS, -HOURS):
        world = World(sqlite=True, redis=None)
        good = Machine(world)
        await pass_time(world, 20, good)
        bad = Machine(world, wrong)
        await pass_time(world, 60, good, bad)
        assert good.serves and not bad.serves and not world.taken_back
        assert world.now - 6 <= world.mark <= world.now
        # one that was right and whose clock jumps moves nothing either
        second = Machine(world)
        await pass_time(world, 20, good, second)
        second.offset = wrong
        await pass_time(world, 60, good, second)
        assert good.serves and not second.serves and not world.taken_back
        assert world.now - 6 <= world.mark <= world.now


async def test_on_sqlite_a_machine_that_slept_goes_on_at_once() -> None:
    world = World(sqlite=True, redis=None)
    host = Machine(world)
    await pass_time(world, 20, host)
    host.offset = 8 * 3600.0  # the monotonic clock stood still meanwhile
    await pass_time(world, 1, host)
    assert host.serves and host.clock() == pytest.approx(world.now + 8 * 3600)


# --- whatever happens ---


class ManyHosts(RuleBasedStateMachine):
    """Hosts whose clocks do anything, around a database and a Redis whose clocks are right."""

    @initialize(sound=st.integers(1, 2))
    def begin(self, sound: int) -> None:
        self.runner = asyncio.Runner()
        self.world = World()
        self.sound = [Machine(self.world) for _ in range(sound)]
        self.others = [Machine(self.world)]
        self.runner.run(pass_time(self.world, 1, *self.sound, *self.others))

    @rule(offset=st.sampled_from([HOURS, -HOURS, 400 * 86_400.0, -400 * 86_400.0, 2.0, -2.0, 3.5, 0.0]))
    def start(self, offset: float) -> None:
        if len(self.others) < 4:
            self.others.append(Machine(self.world, offset))

    @rule(offset=st.sampled_from([HOURS, -HOURS, 4.0, -4.0, 1.0, 0.0]), drift=st.sampled_from([0.0, 0.1, -0.1]))
    def jump(self, offset: float, drift: float) -> None:
        if self.others:
            self.others[0].offset, self.others[0].drift = offset, drift

    @rule()
    def end(self) -> None:
        if self.others:
            self.others.pop()

    @rule(seconds=st.integers(1, 15))
    def go_on(self, seconds: int) -> None:
        self.runner.run(pass_time(self.world, seconds, *self.sound, *self.others))
        for machine in (*self.sound, *self.others):
            assert abs(machine.clock() - self.world.now) <= 2 * LIMIT, "the time that is read is right"
            assert not machine.serves or abs(machine.wall() - self.world.now) <= LIMIT + 0.01

    @invariant()
    def nobody_moves_the_others(self) -> None:
        if hasattr(self, "world"):
            assert all(machine.serves for machine in self.sound)
            assert self.world.mark <= self.world.now and not self.world.taken_back

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()


def test_whatever_wrong_clocks_do_the_hosts_with_right_ones_serve_on() -> None:
    run_state_machine_as_test(
        ManyHosts, settings=settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([HOURS, -HOURS, 10.0, -10.0, 3.5, 0.0]), st.integers(1, 30)), max_size=6))
def test_whatever_the_databases_clock_does_hosts_that_run_serve_on_and_read_the_right_time(
    jumps: list[tuple[float, int]],
) -> None:
    async def drill() -> None:
        world = World()
        hosts = [Machine(world), Machine(world)]
        await pass_time(world, 1, *hosts)
        late: list[Machine] = []
        for jump, seconds in jumps:
            world.database = jump
            late.append(Machine(world))
            await pass_time(world, seconds, *hosts, *late)
            for host in (*hosts, *(one for one in late if one.serves)):
                assert host.serves and abs(host.clock() - world.now) <= LIMIT
            assert world.mark <= world.now + LIMIT and not world.taken_back
        world.database = 0.0
        await pass_time(world, LONG, *hosts, *late)
        assert all(host.serves and abs(host.clock() - world.now) <= LIMIT for host in (*hosts, *late))

    asyncio.run(drill())


# --- in a database ---


async def test_the_mark_holds_the_databases_clock_and_never_a_process_s(sql: SqlStores) -> None:
    seen = await sql.marks.look_at_time()
    now = seen.clock if seen.clock is not None else 1_800_000_000.0
    if seen.clock is not None:
        for wrong in (HOURS, -HOURS, 5.0, -5.0):
            await sql.marks.note_time(now + wrong, LIMIT)
            assert (await sql.marks.look_at_time()).mark == 0
    await sql.marks.note_time(now, LIMIT)
    mark = (await sql.marks.look_at_time()).mark
    assert now - 1 <= mark <= now + 30
    await sql.marks.note_time(now + 1, LIMIT)
    assert (await sql.marks.look_at_time()).mark <= mark + 30
    await sql.marks.note_time(now - 1000, math.inf if seen.clock is None else LIMIT)
    assert (await sql.marks.look_at_time()).mark >= mark, "it is never noted backwards"


async def test_a_mark_is_taken_back_by_one_of_two_with_one_audit_row(sql: SqlStores, sql_url: str) -> None:
    seen = await sql.marks.look_at_time()
    assert not await sql.marks.take_time_back(seen.mark + 1, 1_800_000_000.0, "olu")
    assert await sql.marks.take_time_back(seen.mark, 1_800_000_000.0, "olu")
    after = await sql.marks.look_at_time()
    assert after.resets == seen.resets + 1 and after.mark != seen.mark
    if after.clock is not None:
        assert after.clock - 30 <= after.mark <= after.clock
    assert [one.actor for _, one in await sql.audit.read(0, 10) if one.kind == "time_mark_taken_back"] == ["olu"]
    assert await sql.marks.take_time_back(after.mark, 1_800_000_000.0, "olu")
    assert (await sql.marks.look_at_time()).resets == seen.resets + 2


async def test_a_new_epoch_takes_a_mark_in_the_future_back_in_running_processes_too(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    running, command = await open_one(), await open_one()
    before = await running.marks.look_at_time()
    await running.tick()
    await command.marks.raise_epoch("operator", clock.now())
    after = await running.marks.look_at_time()
    assert after.resets == before.resets + 1
    for _ in range(3):
        await running.tick()
        assert await running.marks.epoch() == 2


async def test_what_a_mark_held_expired_is_expired_before_it_is_taken_back(
    sqlite_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    start = clock.now()
    ahead = await open_sql_stores(sqlite_url, sealer, system)
    waiting, redeemed = code(start, "waiting"), code(start, "redeemed")
    await ahead.answers.record(answer(start, "waiting", code=waiting))
    await ahead.answers.record(answer(start, "redeemed", code=redeemed))
    made = grant(redeemed, start, account="account-waiting")
    await ahead.grants.redeem(redeemed.digest, made, tokens(start), None, ())
    await ahead.staff_sessions.leave(staff_attempt(start))
    short, long = tokens(start)[:2]
    clock.advance(HOURS)
    await ahead.tick()
    clock.advance(SETTLED_AFTER)
    await ahead.tick()
    await ahead.close()
    mark = clock.now()
    clock.jump(start + 1 - clock.now())

    sql = await open_sql_stores(sqlite_url, sealer, system)
    assert sql.clock.out is not None
    clock.advance(SETTLED_AFTER)
    await sql.tick()
    now = sql.system.now()
    assert sql.clock.out is None and now == clock.now()
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
    seen = await sql.marks.look_at_time()
    assert seen.clock is not None and abs(seen.clock - clock.now()) > 3600
    assert sql.clock.out is not None and abs(sql.system.now() - seen.clock) < 30
    await sql.tick()
    assert (await sql.marks.look_at_time()).mark == 0
    await sql.close()
    held = await open_by_fake_clock(postgres_url, sealer, system)
    assert held.clock.out is None and held.system.now() == clock.now()
    await held.close()
