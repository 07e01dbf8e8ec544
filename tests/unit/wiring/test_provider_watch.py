"""What operators see of providers: gauges of their state, and a daily test of each by one process of all."""

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.kill_switches import KillSwitches, KillSwitchKind, ProviderPause
from broker.model.provider_policy import ProviderPolicy
from broker.model.self_test import LONGEST_TEXT, MOST_FINDINGS, SelfTestFinding, decode_findings, encode_findings
from broker.platform.system import System
from broker.provider import ProviderHealth
from broker.settings import Settings
from broker.stores.ephemeral.provider_signals import MemoryProviderSignals
from broker.web.operations.metrics import Metrics
from broker.wiring import provider_self_test
from broker.wiring.container import Container
from broker.wiring.provider_watch import DailyTest, update_provider_gauges
from providers.circuit_breaker import LEAST
from providers.health_monitor import HealthMonitor
from tests.support.system import FakeClock
from tests.support.watching import OPEN_FOR, TEST_EVERY, WATCH
from tests.unit.providers.test_health_monitor import Played, outage, sign_in
from tests.unit.web.operations import value


class SelfTesting(Played):
    """A provider that tests itself."""

    def __init__(self, provider_id: str) -> None:
        super().__init__(provider_id)
        self.found: Sequence[SelfTestFinding] = ()
        self.tests = 0
        self.callback = ""

    async def self_test(self, callback: str) -> Sequence[SelfTestFinding]:
        self.tests += 1
        self.callback = callback
        return self.found


class Process:
    """A process with two providers, as far as watching them needs one."""

    def __init__(self, clock: FakeClock, system: System, signals: MemoryProviderSignals) -> None:
        self.providers = {name: SelfTesting(name) for name in ("eid", "bank")}
        self.metrics, self.monitor = Metrics(None), HealthMonitor(system)
        watched = self.monitor.watch(self.providers)
        self.policies = {name: ProviderPolicy() for name in watched}
        self.switches = SimpleNamespace(latest=KillSwitches(1))
        here = "https://broker.example/callback"
        self.configured = {
            name: ConfiguredProvider(one, ProviderPolicy(), f"{here}/{name}") for name, one in watched.items()
        }
        self.container = cast(
            Container,
            SimpleNamespace(
                settings=SimpleNamespace(broker=SimpleNamespace(provider_watch=WATCH)),
                system=SimpleNamespace(now=clock.now),
                monitoring=SimpleNamespace(metrics=self.metrics, health_monitor=self.monitor),
                connections=SimpleNamespace(
                    sql_stores=SimpleNamespace(kill_switches=self.switches),
                    ephemeral_stores=SimpleNamespace(provider_signals=signals),
                ),
                configuration=SimpleNamespace(registry=SimpleNamespace(providers=self.configured)),
            ),
        )

    def gauge(self, name: str, provider: str = "eid") -> float | None:
        """One gauge of a provider."""
        return value(self.metrics.text(), f"portico_{name}", provider=provider)


@pytest.fixture
def signals(clock: FakeClock) -> MemoryProviderSignals:
    return MemoryProviderSignals(clock.now)


@pytest.fixture
def process(clock: FakeClock, system: System, signals: MemoryProviderSignals) -> Process:
    return Process(clock, system, signals)


async def test_the_gauges_of_a_provider_show_its_breaker_and_what_the_operator_decided(
    process: Process, clock: FakeClock
) -> None:
    update_provider_gauges(process.container)
    assert (process.gauge("provider_breaker"), process.gauge("provider_closed")) == (0, 0)
    for _ in range(LEAST):
        await sign_in(process.monitor.providers["eid"], outage(), process.providers["eid"])
    process.switches.latest = KillSwitches(
        2, {(KillSwitchKind.PROVIDER, "eid"): "x"}, {"bank": ProviderPause({"en": "y"})}
    )
    update_provider_gauges(process.container)
    assert (process.gauge("provider_breaker"), process.gauge("provider_closed")) == (2, 1)
    assert (process.gauge("provider_breaker", "bank"), process.gauge("provider_closed", "bank")) == (0, 1)
    clock.advance(OPEN_FOR)
    update_provider_gauges(process.container)
    assert process.gauge("provider_breaker") == 1


async def test_the_gauges_show_the_end_of_a_provider_and_its_line(process: Process, clock: FakeClock) -> None:
    leaving = ProviderPolicy(accept_sign_in_until=clock.now() + 3600)
    before = process.configured["eid"]
    process.configured["eid"] = ConfiguredProvider(before.provider, leaving, "")
    process.metrics.queued("eid", clock.now() + 90)
    update_provider_gauges(process.container)
    assert (process.gauge("provider_ends_seconds"), process.gauge("queue_seconds")) == (3600, 90)
    clock.advance(100)
    update_provider_gauges(process.container)
    assert process.gauge("queue_seconds") == 0


async def test_each_provider_is_tested_once_a_day_by_one_process(
    process: Process, clock: FakeClock, system: System, signals: MemoryProviderSignals
) -> None:
    other = Process(clock, system, signals)
    tests = DailyTest(process.container), DailyTest(other.container)

    async def hours(number: int) -> list[int]:
        for _ in range(4):
            for test in tests:
                await test()
        clock.advance(number * 3600)
        return [sum(one.providers[name].tests for one in (process, other)) for name in ("eid", "bank")]

    assert await hours(1) == [1, 1]
    assert await hours(int(TEST_EVERY // 3600)) == [1, 1]
    assert await hours(1) == [2, 2]
    tested = [one.providers["eid"].callback for one in (process, other) if one.providers["eid"].tests]
    assert set(tested) == {"https://broker.example/callback/eid"}


async def test_the_command_tests_a_provider_with_its_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    played = SelfTesting("eid")
    played.found = (SelfTestFinding("scopes", "one is missing"),)

    async def deviations(_config: object, _http_clients: object) -> Sequence[str]:
        return ("jwks_uri is missing",)

    kind = SimpleNamespace(build=lambda *_parts: played, deviations=deviations)
    monkeypatch.setattr(provider_self_test, "KINDS", {"played": kind})
    http_client = SimpleNamespace(ca_file=None, allowed_networks=())
    names = {"en": "Portico"}
    broker = SimpleNamespace(issuer="https://broker.example", name=names, development=False, http_client=http_client)
    entry = SimpleNamespace(kind="played", card=None, config=None)
    settings = cast(Settings, SimpleNamespace(broker=broker, providers={"eid": entry}))
    found = await provider_self_test.test_provider(settings, "eid")
    assert [one.about for one in found] == ["metadata", "scopes"]
    assert played.callback == "https://broker.example/callback/eid"


async def test_what_a_test_finds_is_a_metric_and_logged_once(
    process: Process, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    finding = SelfTestFinding("token_endpoint", "it is another one than the preset says")
    process.providers["eid"].found = (finding,)
    process.providers["bank"].condition = ProviderHealth(working=False, detail="status 500")
    test = DailyTest(process.container)
    with caplog.at_level(logging.WARNING, "portico.providers"):
        for _ in range(2):
            for _ in range(4):
                await test()
            clock.advance(TEST_EVERY)
    assert (process.gauge("provider_differs"), process.gauge("provider_differs", "bank")) == (1, 1)
    logged = [vars(one) for one in caplog.records if one.message == "provider_differs"]
    assert [(one["provider"], one["about"], one["blocks"]) for one in logged] == [
        ("eid", "token_endpoint", False),
        ("bank", "health", True),
    ]


async def test_a_restart_and_other_processes_know_what_a_test_found_and_when_it_ended(
    process: Process, clock: FakeClock, system: System, signals: MemoryProviderSignals, caplog: pytest.LogCaptureFixture
) -> None:
    finding = SelfTestFinding("token_endpoint", "it is another one than the preset says", blocks=True)
    process.providers["eid"].found = (finding,)
    for test in [DailyTest(process.container)] * 4:
        await test()
    assert process.gauge("provider_differs") == 1
    caplog.clear()
    restarted = Process(clock, system, signals)
    test = DailyTest(restarted.container)
    await test()
    assert (restarted.gauge("provider_differs"), restarted.gauge("provider_differs", "bank")) == (1, None)
    restarted.providers["eid"].found = (finding, SelfTestFinding("scopes", "one is missing"))
    clock.advance(TEST_EVERY)
    for _ in range(3):
        await test()
    assert (restarted.providers["eid"].tests, restarted.gauge("provider_differs")) == (1, 2)
    assert [vars(one)["about"] for one in caplog.records if one.message == "provider_differs"] == ["scopes"]
    restarted.providers["eid"].found = ()
    clock.advance(TEST_EVERY)
    for _ in range(3):
        await test()
    third = Process(clock, system, signals)
    await DailyTest(third.container)()
    assert (restarted.gauge("provider_differs"), third.gauge("provider_differs")) == (0, None)


async def test_the_alarm_of_a_provider_that_is_removed_ends(process: Process, signals: MemoryProviderSignals) -> None:
    await signals.write_result("eid", encode_findings([SelfTestFinding("keys", "none")]), 60)
    await signals.write_result("gone", b"[[1, 2, 3]]", 60)
    test = DailyTest(process.container)
    await test()
    assert (process.gauge("provider_differs"), process.gauge("provider_differs", "gone")) == (1, None)
    del process.configured["eid"]
    await test()
    assert process.gauge("provider_differs") == 0


@given(st.lists(st.builds(SelfTestFinding, st.text(max_size=9), st.text(max_size=9), st.booleans()), max_size=9))
def test_findings_come_back_as_they_were(found: list[SelfTestFinding]) -> None:
    assert list(decode_findings(encode_findings(found))) == found


@pytest.mark.parametrize("result", [b"", b"\xff", b"{}", b"[" * 100_000, b'[["a","b",1],["a"],7]', b"null"])
def test_results_of_another_form_are_no_findings(result: bytes) -> None:
    assert decode_findings(result) == ()


def test_shared_findings_are_bounded() -> None:
    found = decode_findings(encode_findings([SelfTestFinding("a" * 9999, "b" * 9999)] * 999))
    assert (len(found), len(found[0].about), len(found[0].detail)) == (MOST_FINDINGS, LONGEST_TEXT, LONGEST_TEXT)
