"""Health of a provider as several processes see it: told within one exchange, each on its own while they are apart."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, ProviderHealth, UpstreamRedirect
from providers.circuit_breaker import LEAST
from providers.health_monitor import HealthMonitor
from providers.monitored_provider import FEWEST, MonitoredProvider
from providers.shared_health import CheckResult, Observations, decode, encode
from tests.support.system import FakeClock, FakeRandom
from tests.support.watching import OPEN_FOR
from tests.unit.providers.stage import ASK
from tests.unit.providers.test_health_monitor import AMINA, Played, outage, sign_in


class SharedLog:
    """The store between processes: a list of entries, and leases by name."""

    def __init__(self, clock: FakeClock) -> None:
        self.entries: list[tuple[int, bytes]] = []
        self.leases: dict[str, float] = {}
        self.clock = clock
        self.down = False


class Signals:
    """One process's connection to it."""

    def __init__(self, shared: SharedLog, process: int) -> None:
        self.shared, self.process, self.seen = shared, process, 0

    async def exchange(self, entry: bytes) -> Sequence[bytes]:
        if self.shared.down:
            raise StoreUnavailable("gone")
        if entry:
            self.shared.entries.append((self.process, entry))
        new, self.seen = self.shared.entries[self.seen :], len(self.shared.entries)
        return [text for process, text in new if process != self.process]

    async def claim(self, name: str, seconds: float) -> bool:
        if self.shared.down:
            raise StoreUnavailable("gone")
        if self.shared.leases.get(name, 0.0) > self.shared.clock.now():
            return False
        self.shared.leases[name] = self.shared.clock.now() + seconds
        return True


class Processes:
    """Two processes with one provider."""

    def __init__(self) -> None:
        self.clock, chance = FakeClock(), FakeRandom()
        self.shared = SharedLog(self.clock)
        self.played = [Played(), Played()]
        self.monitors = []
        for number, played in enumerate(self.played):
            system = System(self.clock.now, chance.draw, self.clock.tick)
            monitor = HealthMonitor(system, Signals(self.shared, number))
            monitor.watch({"eid": played})
            self.monitors.append(monitor)

    def at(self, process: int) -> MonitoredProvider:
        """The provider as one process sees it."""
        return self.monitors[process].providers["eid"]

    async def outcome(self, process: int, *, good: bool) -> None:
        """One sign-in ends at one process."""
        await sign_in(self.at(process), AMINA if good else outage(), self.played[process])

    async def exchange(self) -> None:
        """Both tell each other; the second one tells the first in the next round."""
        for _ in range(2):
            for monitor in self.monitors:
                await monitor.exchange()

    def working(self) -> list[bool]:
        """Whether each process sends citizens there."""
        return [monitor.health_of("eid").working for monitor in self.monitors]


@pytest.fixture
def processes() -> Processes:
    return Processes()


async def test_an_outage_that_one_process_saw_is_known_to_the_other_after_one_exchange(processes: Processes) -> None:
    for _ in range(LEAST):
        await processes.outcome(0, good=False)
    assert processes.working() == [False, True]
    await processes.exchange()
    assert processes.working() == [False, False]
    assert isinstance(await processes.at(1).begin(ASK), ProviderFailure)


async def test_failures_at_two_processes_that_are_too_few_at_each_open_the_breaker_together(
    processes: Processes,
) -> None:
    for number in range(LEAST):
        await processes.outcome(number % 2, good=False)
    assert processes.working() == [True, True]
    await processes.exchange()
    assert processes.working() == [False, False]


async def test_one_probe_a_second_leaves_for_both_and_its_success_closes_the_breaker_at_both(
    processes: Processes,
) -> None:
    for _ in range(LEAST):
        await processes.outcome(0, good=False)
    await processes.exchange()
    processes.clock.advance(OPEN_FOR)
    assert isinstance(await processes.at(0).begin(ASK), UpstreamRedirect)
    assert isinstance(await processes.at(1).begin(ASK), ProviderFailure)
    await processes.outcome(0, good=True)
    await processes.exchange()
    assert isinstance(await processes.at(1).begin(ASK), UpstreamRedirect)


async def test_while_the_store_is_away_each_goes_on_alone_and_tells_the_other_afterwards(
    processes: Processes,
) -> None:
    processes.shared.down = True
    for _ in range(LEAST):
        await processes.outcome(0, good=False)
        with pytest.raises(StoreUnavailable):
            await processes.monitors[0].exchange()
    assert processes.working() == [False, True]
    processes.clock.advance(OPEN_FOR)
    assert isinstance(await processes.at(0).begin(ASK), UpstreamRedirect)
    processes.shared.down = False
    await processes.exchange()
    assert processes.working() == [True, False], "the first one is half open by now"


async def test_the_usual_time_is_that_of_all_processes(processes: Processes) -> None:
    for number in range(FEWEST):
        departure = await processes.at(number % 2).begin(ASK)
        assert isinstance(departure, UpstreamRedirect)
        processes.clock.advance(40)
        await processes.at(number % 2).complete(departure.provider_state, CallbackParameters({}, "c"))
    assert processes.at(0).current_health.median is None
    await processes.exchange()
    assert [processes.at(number).current_health.median for number in (0, 1)] == [40, 40]


async def test_one_process_checks_for_all_and_the_others_know_the_result(processes: Processes) -> None:
    for played in processes.played:
        played.condition = ProviderHealth(working=False, detail="metadata: status 503")
    await processes.at(0).check_in_turn()
    await processes.at(1).check_in_turn()
    assert [played.looked for played in processes.played] == [1, 0]
    await processes.exchange()
    assert processes.working() == [False, False]
    assert processes.at(1).current_health.detail == "metadata: status 503"


async def test_the_check_passes_on_when_the_process_that_checked_died(processes: Processes) -> None:
    await processes.at(0).check_in_turn()
    processes.clock.advance(processes.at(1).next_check())
    await processes.at(1).check_in_turn()
    assert [played.looked for played in processes.played] == [1, 1]


@given(st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.floats(0, 3), st.booleans()), max_size=60))
async def test_no_good_outcome_of_any_process_opens_a_breaker(
    history: list[tuple[int, bool, float, bool]],
) -> None:
    processes = Processes()
    for process, good, passed, told in history:
        processes.clock.advance(passed)
        before = [processes.at(number)._breaker.opened for number in (0, 1)]
        await processes.outcome(process, good=good)
        if good:
            assert processes.at(process)._breaker.opened is None
        assert processes.at(1 - process)._breaker.opened == before[1 - process]
        if told:
            await processes.exchange()
    await processes.exchange()
    for number in (0, 1):
        await processes.outcome(number, good=True)
    await processes.exchange()
    assert processes.working() == [True, True]


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.builds(
            Observations,
            st.lists(st.booleans(), max_size=5).map(tuple),
            st.lists(st.integers(0, 9000).map(lambda tenths: tenths / 10), max_size=5).map(tuple),
            st.none() | st.builds(CheckResult, st.booleans(), st.text(max_size=20)),
        ),
        min_size=1,
    )
)
def test_an_entry_is_read_as_it_was_written(observed: dict[str, Observations]) -> None:
    assert decode(encode(12.5, observed)) == (12.5, observed)


@given(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["at", "p", "o", "s", "c"]), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_an_entry_of_another_form_is_ignored(entry: bytes) -> None:
    found = decode(entry)
    assert found is None or all(isinstance(one, Observations) for one in found[1].values())
