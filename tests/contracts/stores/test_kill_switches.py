"""Kill switches: a disabled item is off at the next request, in every process, also without Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.kill_switches import KillSwitchKind, ProviderPause
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql.kill_switches import SwitchedOff
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import ISSUER, SECTOR, SERVICE, assertion, request, transaction
from tests.support.redis import RedisServer
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

BANK = (KillSwitchKind.PROVIDER, "bank")


@dataclass(frozen=True, slots=True)
class Process:
    """What one process of the broker has open."""

    sql: SqlStores
    passing: EphemeralStores

    async def off(self) -> bool:
        """True if the bank is disabled in this process."""
        return (await self.sql.kill_switches.current()).is_off(*BANK)


Look = Callable[[Process], Awaitable[object]]
LOOKS: dict[str, Look] = {
    "a transaction": lambda process: process.passing.transactions.load("kept"),
    "a new transaction": lambda process: process.passing.transactions.create("new", transaction(1.8e9), 20),
    "a save": lambda process: process.passing.transactions.save("none", transaction(1.8e9, version=2)),
    "a pushed request": lambda process: process.passing.pushed.get("kept"),
    "a request pushed": lambda process: process.passing.pushed.put("new", request(), 1.8e9 + 300),
    "a limit": lambda process: process.passing.rate_limits.allow("key", 100, 60),
    "a person": lambda process: process.sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE),
    "a code": lambda process: process.sql.grants.code("none"),
    "a token": lambda process: process.sql.grants.token("none"),
    "a session": lambda process: process.sql.sessions.load("none"),
    "an assertion": lambda process: process.sql.grants.use_assertion(assertion(1.8e9)),
}


@pytest.fixture
async def processes(
    open_one: OpenSqlStores, redis: RedisServer, sealer: Sealer, clock: FakeClock
) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes over the same database and the same Redis, which have looked into both."""
    opened = []
    for _ in range(2):
        sql = await open_one()
        opened.append(Process(sql, open_ephemeral_stores(redis.url, sealer, sql.system, sql.kill_switches)))
    await opened[0].passing.transactions.create("kept", transaction(clock.now()), 20)
    await opened[0].passing.pushed.put("kept", request(), clock.now() + 300)
    for process in opened:
        assert not await process.off()
        await process.passing.transactions.load("kept")
        assert not await process.off()
    yield opened[0], opened[1]
    for process in opened:
        await process.passing.close()


async def test_a_disabled_item_is_listed_with_actor_and_reason(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    before = (await sql.kill_switches.current()).version
    assert await sql.kill_switches.turn_off(*BANK, "it leaks", "operator", now)
    assert await sql.kill_switches.turn_off(KillSwitchKind.ACCOUNT, "account-1", "asked for", "operator", now)
    assert await sql.kill_switches.listing() == [
        SwitchedOff(KillSwitchKind.ACCOUNT, "account-1", "asked for", "operator", now),
        SwitchedOff(KillSwitchKind.PROVIDER, "bank", "it leaks", "operator", now),
    ]
    current = await sql.kill_switches.current()
    assert current.version == before + 2
    assert current.off == {BANK: "it leaks", (KillSwitchKind.ACCOUNT, "account-1"): "asked for"}
    assert await sql.kill_switches.turn_on(*BANK, "operator", now)
    assert not (await sql.kill_switches.current()).is_off(*BANK)


async def test_a_pause_holds_for_every_process_and_a_second_one_replaces_it(
    processes: tuple[Process, Process], clock: FakeClock
) -> None:
    one, other = processes
    now, switches = clock.now(), one.sql.kill_switches
    version = (await switches.current()).version
    await switches.pause("bank", {"en": "Maintenance", "cy": "Cynnal a chadw"}, now + 600, "olu", now)
    await other.passing.transactions.load("kept")
    seen = (await other.sql.kill_switches.current()).pause("bank", now)
    assert seen == ProviderPause({"en": "Maintenance", "cy": "Cynnal a chadw"}, now + 600, now)
    assert (await other.sql.kill_switches.current()).pause("bank", now + 600) is None
    assert not (await other.sql.kill_switches.current()).is_off(*BANK)
    assert await switches.listing() == []
    await switches.pause("bank", {"en": "Longer"}, None, "olu", now)
    await other.passing.transactions.load("kept")
    current = await other.sql.kill_switches.current()
    assert (current.pause("bank", now + 6000), current.version) == (
        ProviderPause({"en": "Longer"}, None, now),
        version + 2,
    )
    assert await switches.resume("bank", "olu", now)
    assert not await switches.resume("bank", "olu", now)
    await other.passing.transactions.load("kept")
    assert (await other.sql.kill_switches.current()).pauses == {}


async def test_a_pause_and_its_end_are_audited_with_the_provider(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.kill_switches.pause("bank", {"en": "Maintenance"}, now + 60, "olu", now)
    await sql.kill_switches.resume("bank", "olu", now)
    rows = [event for _, event in await sql.audit.read(0, 10)]
    assert [(row.kind, row.actor, row.provider, dict(row.details)) for row in rows] == [
        ("provider_paused", "olu", "bank", {"reason": "Maintenance", "until": str(int(now + 60))}),
        ("provider_resumed", "olu", "bank", {}),
    ]


async def test_disabling_twice_changes_nothing(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    version = (await sql.kill_switches.current()).version
    await sql.audit_chain.seal_once()
    assert not await sql.kill_switches.turn_off(*BANK, "another reason", "another operator", clock.now())
    assert not await sql.kill_switches.turn_on(KillSwitchKind.SERVICE, "bank", "operator", clock.now())
    assert (await sql.kill_switches.current()).version == version
    assert (await sql.kill_switches.current()).off[BANK] == "it leaks"
    assert await sql.audit_chain.seal_once() == 0


async def test_without_redis_another_process_finds_the_change_at_its_next_poll(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    one, other = await open_one(), await open_one()
    assert not (await other.kill_switches.current()).is_off(*BANK)
    await one.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    assert (await other.kill_switches.current()).is_off(*BANK)


@pytest.mark.parametrize("look", LOOKS)
async def test_the_next_look_into_any_store_of_the_hot_path_brings_the_change_along(
    processes: tuple[Process, Process], clock: FakeClock, look: str
) -> None:
    one, other = processes
    await one.sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    await LOOKS[look](other)
    assert await other.off()
    await one.sql.kill_switches.turn_on(*BANK, "operator", clock.now())
    if look != "an assertion":
        await LOOKS[look](other)
        assert not await other.off()


async def test_without_a_change_no_process_queries_sql_again(processes: tuple[Process, Process]) -> None:
    _, other = processes
    await other.passing.transactions.load("kept")
    copy = await other.sql.kill_switches.current()
    for _ in range(3):
        await other.passing.transactions.load("kept")
        assert await other.sql.kill_switches.current() is copy


async def test_a_change_is_found_although_redis_was_flushed(
    processes: tuple[Process, Process], redis: RedisServer, clock: FakeClock
) -> None:
    one, other = processes
    redis.flush()
    await one.sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    redis.flush()
    await other.passing.transactions.load("kept")
    assert await other.off()
    assert redis.command("EXISTS", "portico:switches:v1") == ":1"


async def test_a_change_is_found_although_redis_was_gone_when_it_was_made(
    processes: tuple[Process, Process], redis: RedisServer, clock: FakeClock
) -> None:
    one, other = processes
    redis.kill()
    assert await one.sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    assert await one.off()
    redis.start()
    await other.passing.transactions.load("kept")
    assert await other.off()


async def test_a_mirror_that_travelled_back_in_time_is_put_right_by_the_next_look_into_sql(
    processes: tuple[Process, Process], redis: RedisServer, clock: FakeClock
) -> None:
    one, other = processes
    version = (await other.sql.kill_switches.current()).version
    await one.sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
    redis.command("SET", "portico:switches:v1", str(version))
    await one.sql.kill_switches.check()
    await one.passing.transactions.load("kept")
    assert await one.off()
    await other.passing.transactions.load("kept")
    assert await other.off()


async def test_a_mirror_that_is_ahead_of_a_restored_database_is_put_right(
    processes: tuple[Process, Process], redis: RedisServer
) -> None:
    one, other = processes
    version = (await other.sql.kill_switches.current()).version
    redis.command("SET", "portico:switches:v1", str(version + 50))
    await one.passing.transactions.load("kept")
    assert (await one.sql.kill_switches.current()).version == version
    await other.passing.transactions.load("kept")
    copy = await other.sql.kill_switches.current()
    await other.passing.transactions.load("kept")
    assert await other.sql.kill_switches.current() is copy


async def test_a_process_that_is_slow_never_takes_a_later_change_back(
    processes: tuple[Process, Process], clock: FakeClock
) -> None:
    one, other = processes
    for round_ in range(10):
        turn = (
            one.sql.kill_switches.turn_off(*BANK, "it leaks", "operator", clock.now())
            if round_ % 2 == 0
            else one.sql.kill_switches.turn_on(*BANK, "operator", clock.now())
        )
        looks = [other.passing.transactions.load("kept") for _ in range(5)]
        await asyncio.gather(turn, *looks, *(other.off() for _ in range(5)))
        await other.passing.transactions.load("kept")
        assert await other.off() == (round_ % 2 == 0)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (KillSwitchKind.PROVIDER, {"provider": "x"}),
        (KillSwitchKind.SERVICE, {"client_id": "x"}),
        (KillSwitchKind.ACCOUNT, {"account": "x"}),
    ],
)
async def test_the_audit_row_of_a_kill_switch_names_the_disabled_item(
    sql: SqlStores, clock: FakeClock, kind: KillSwitchKind, expected: dict[str, str]
) -> None:
    await sql.kill_switches.turn_off(kind, "x", "it leaks", "operator", clock.now())
    await sql.kill_switches.turn_on(kind, "x", "operator", clock.now())
    assert [event for _, event in await sql.audit.read(after=0, limit=10)] == [
        AuditEvent(f"{kind.value}_disabled", clock.now(), "operator", details={"reason": "it leaks"}, **expected),
        AuditEvent(f"{kind.value}_enabled", clock.now(), "operator", **expected),
    ]
