"""Clock check: whose clock is wrong, and that one wrong clock never affects the other hosts."""

import asyncio
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from broker.stores.clock_check import ClockEvidence, Finding, Offset, judge
from broker.stores.monotonic_clock import MonotonicWallClock
from tests.contracts.stores.clocks import HOURS, LIMIT, LONG, Machine, World, pass_time
from tests.support.examples import scaled
from tests.support.system import FakeClock


def offset(seconds: float, slack: float = 0.0) -> Offset:
    """An offset of so many seconds, known to within `slack`."""
    return Offset(seconds - slack, seconds + slack)


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
        # the three agree that the recorded time is in the future
        (ClockEvidence(AGREES, HOURS), Finding.MARK_AHEAD),
        (ClockEvidence(AGREES, HOURS, AGREES, redis_expected=True), Finding.MARK_AHEAD),
        (ClockEvidence(AGREES, HOURS, BEHIND, redis_expected=True), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, None, redis_expected=True), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, enough_time=False), Finding.MARK_DISPUTED),
        (ClockEvidence(AGREES, HOURS, contradicted=True), Finding.OWN_CLOCK),
        # they do not agree, and Redis is with the database
        (ClockEvidence(AHEAD, -2.0, AHEAD, redis_expected=True), Finding.OWN_CLOCK),
        (ClockEvidence(BEHIND, HOURS, BEHIND, redis_expected=True), Finding.OWN_CLOCK),
        # they do not agree, and Redis is with this machine
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True), Finding.DATABASE_CLOCK),
        (ClockEvidence(BEHIND, -2.0, AGREES, redis_expected=True), Finding.DATABASE_CLOCK),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, enough_time=False), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, contradicted=True), Finding.OWN_CLOCK),
        (ClockEvidence(AHEAD, -2.0, AGREES, redis_expected=True, jumped=True), Finding.OWN_CLOCK),
        (ClockEvidence(BEHIND, HOURS, AGREES, redis_expected=True), Finding.OWN_CLOCK),
        # they do not agree, and there is no third clock, or it shows a third time
        (ClockEvidence(AHEAD, -2.0), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, None, redis_expected=True), Finding.UNDECIDED),
        (ClockEvidence(AHEAD, -2.0, BEHIND, redis_expected=True), Finding.UNDECIDED),
    ],
)
def test_the_wrong_clock_is_determined_from_the_readings(evidence: ClockEvidence, finding: Finding) -> None:
    assert judge(evidence, LIMIT) is finding


def test_a_slow_reading_of_the_database_clock_widens_the_tolerance() -> None:
    assert not offset(3.5, slack=1.0).beyond(LIMIT)
    assert offset(4.5, slack=1.0).beyond(LIMIT)
    assert offset(-4.5, slack=1.0).beyond(LIMIT)
    assert offset(4.5, slack=1.0).middle == 4.5


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
        assert f"{wrong:+.1f} s from the database's" in str(machine.check.unready_reason)
        assert world.mark == 0, "it notes nothing"
        assert abs(machine.clock() - world.now) < 0.01, "and reads the time from the database"
        machine.offset = 0.0
        await machine.check.check()
        assert machine.serves
        assert world.mark == int(world.now)
        world.mark = 0


async def test_a_clock_jump_is_noticed_at_the_next_reading_before_it_is_used() -> None:
    world = World()
    machine = Machine(world)
    await pass_time(world, 5, machine)
    for jump in (HOURS, -HOURS):
        machine.offset = jump
        assert abs(machine.clock() - world.now) < 0.01
        assert not machine.serves
        assert "jumped" in str(machine.check.unready_reason)
        await pass_time(world, 5, machine)
        assert machine.check.finding is Finding.OWN_CLOCK
        assert abs(machine.clock() - world.now) < 0.01
        machine.offset = 0.0
        await pass_time(world, 1, machine)
        assert machine.serves
        assert abs(machine.clock() - world.now) < 0.01


async def test_a_clock_that_drifts_slowly_is_noticed_when_it_is_too_far_and_trusted_again_well_within() -> None:
    world = World()
    machine = Machine(world, drift=0.01)
    await pass_time(world, 290, machine)
    assert machine.serves
    assert machine.check.offset == pytest.approx(2.9)
    await pass_time(world, 20, machine)
    assert not machine.serves
    assert machine.check.finding is Finding.OWN_CLOCK
    machine.drift, machine.offset = 0.0, 2.5
    await pass_time(world, 1, machine)
    assert not machine.serves, "back within the limit, but not well within it"
    machine.offset = 1.0
    await pass_time(world, 1, machine)
    assert machine.serves


async def test_a_wrong_clock_is_logged_once_with_its_offset_and_once_when_it_is_right(
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


async def test_one_host_with_a_wrong_clock_moves_no_other() -> None:
    for wrong in (HOURS, -HOURS):
        world = World()
        good, bad = Machine(world), Machine(world, wrong)
        await pass_time(world, 60, good, bad)
        assert good.serves
        assert not bad.serves
        assert world.now - 6 <= world.mark <= world.now
        assert not world.taken_back
        later = Machine(world)
        await later.check.check()
        assert later.serves
        assert later.clock() == pytest.approx(world.now)


async def test_a_wrong_host_whose_redis_is_as_wrong_still_learns_that_others_agree_with_the_database() -> None:
    world = World(redis=HOURS)
    good, bad = Machine(world), Machine(world, HOURS)
    await pass_time(world, LONG, good, bad)
    assert good.serves
    assert bad.check.finding is Finding.OWN_CLOCK
    await pass_time(world, 60, bad)
    assert not bad.serves, "not even when the others have ended"


@pytest.mark.parametrize("jump", [HOURS, -HOURS, 10.0, -10.0])
async def test_a_database_whose_own_clock_is_off_ends_no_host_if_redis_is_with_them(jump: float) -> None:
    world = World()
    hosts = [Machine(world), Machine(world)]
    await pass_time(world, 20, *hosts)
    world.database = jump
    await pass_time(world, 30, *hosts)
    mark = world.mark
    for host in hosts:
        assert host.serves
        assert host.check.finding is Finding.DATABASE_CLOCK
        assert host.clock() == pytest.approx(world.now)
        assert host.check.offset == pytest.approx(-jump)
    assert world.mark == mark <= world.now, "the high-water mark follows no process"
    assert not world.taken_back
    fresh = Machine(world)
    await fresh.check.check()
    assert not fresh.serves, "a process that starts waits for what others note"
    await pass_time(world, LONG, *hosts, fresh)
    assert fresh.serves
    assert fresh.clock() == pytest.approx(world.now)
    world.database = 0.0
    await pass_time(world, 10, *hosts, fresh)
    assert all(host.check.finding is Finding.RIGHT for host in (*hosts, fresh))
    assert world.mark > mark
    assert not world.taken_back


async def test_without_a_third_clock_a_database_whose_clock_is_off_is_believed_and_nothing_served() -> None:
    for world in (World(redis=None), World()):
        host = Machine(world, redis_answers=False)
        await pass_time(world, 20, host)
        mark, world.database = world.mark, HOURS
        await pass_time(world, 30, host)
        assert host.check.finding is Finding.UNDECIDED
        assert not host.serves
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
    paused.clock.monotonic = lambda: world.passed - 600.0
    await pass_time(world, 2, paused, other)
    assert not paused.serves
    assert other.serves


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
    def no_wrong_clock_moves_the_others(self) -> None:
        if hasattr(self, "world"):
            assert all(machine.serves for machine in self.sound)
            assert self.world.mark <= self.world.now
            assert not self.world.taken_back

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()


def test_whatever_wrong_clocks_do_the_hosts_with_right_ones_serve_on() -> None:
    run_state_machine_as_test(
        ManyHosts, settings=settings(max_examples=scaled(60), deadline=None, suppress_health_check=list(HealthCheck))
    )


@settings(max_examples=scaled(60), deadline=None)
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
                assert host.serves
                assert abs(host.clock() - world.now) <= LIMIT
            assert world.mark <= world.now + LIMIT
            assert not world.taken_back
        world.database = 0.0
        await pass_time(world, LONG, *hosts, *late)
        assert all(host.serves and abs(host.clock() - world.now) <= LIMIT for host in (*hosts, *late))

    asyncio.run(drill())
