"""Sentinel and Redis Cluster, on real processes: users with few rights, TLS, failovers, a slot that moves."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.platform.redis_urls import read_redis_url
from broker.platform.tls import ClientTls, client_context
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.ephemeral.redis_client import Misconfigured, RedisClient, script
from broker.stores.ephemeral.transport import RedisAccess
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import refused_at_once
from tests.contracts.stores.samples import request, transaction
from tests.support.certificates import Authority, Certificate
from tests.support.ports import LOOPBACK
from tests.support.redis import RedisServer
from tests.support.redis_groups import SERVICE, ClusterGroup, GroupAccess, SentinelGroup, node_id
from tests.support.system import FakeClock

pytestmark = pytest.mark.slow

LIMIT = 1000
AGAIN = 30.0
"""Seconds after a failover within which the broker works again by itself, also on a busy machine."""
NEW = 8
"""New clients after a failover: redis-py asks the nodes in random order."""
DOCUMENTED = Path(__file__).parents[3] / "docs" / "operating.md"

Group = SentinelGroup | ClusterGroup


def documented_rights() -> list[str]:
    """The rules of the user with the fewest rights, as the documentation gives them."""
    lines = [line.split()[5:] for line in DOCUMENTED.read_text().splitlines() if line.startswith("ACL SETUSER portico")]
    return max(lines, key=len)


@pytest.fixture(scope="module")
def broker_certificate(authority: Authority) -> Certificate:
    """The certificate that the broker shows."""
    return authority.client("CN=portico")


@pytest.fixture(scope="module", params=["sentinel", "sentinel by TLS", "cluster", "cluster by TLS"])
def group(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Group]:
    """A group of each kind, whose users have the fewest rights that do."""
    rights = documented_rights()
    if "cluster" in request.param:
        rights += ["+cluster|slots", "+command", "+asking"]
    tls = authority if "TLS" in request.param else None
    users = {"portico": ["on", ">sesame", *rights]}
    access = GroupAccess(users, {"portico": ["on", ">open", "+sentinel|masters"]}, tls)
    group = ClusterGroup(access) if "cluster" in request.param else SentinelGroup(access)
    try:
        group.start()
        yield group
    finally:
        group.remove()


@pytest.fixture
def access(group: Group, authority: Authority, broker_certificate: Certificate) -> RedisAccess:
    """What lets the broker in."""
    how = ClientTls(authority.file, cert_file=broker_certificate.chain, key_file=broker_certificate.key)
    return RedisAccess(
        "sesame", client_context(how) if read_redis_url(group.url()).encrypted else None, "portico", "open"
    )


@asynccontextmanager
async def opened(url: str, access: RedisAccess, facts: SqlStores, sealer: Sealer) -> AsyncIterator[EphemeralStores]:
    """Ephemeral state, closed again."""
    passing = open_ephemeral_stores(url, sealer, facts.system, facts.kill_switches, access)
    try:
        yield passing
    finally:
        await passing.close()


@pytest.fixture
async def passing(
    group: Group, access: RedisAccess, some_sql: SqlStores, sealer: Sealer
) -> AsyncIterator[EphemeralStores]:
    """Ephemeral state in the group."""
    async with opened(group.url("portico@"), access, some_sql, sealer) as passing:
        yield passing


async def use(passing: EphemeralStores, clock: FakeClock, name: str) -> None:
    """Every verb once."""
    begun, until = transaction(clock.now()), clock.now() + 60
    assert await passing.transactions.create(name, begun, LIMIT)
    assert await passing.transactions.load(name) == begun
    assert await passing.transactions.save(name, replace(begun, version=2))
    assert not await passing.transactions.save(name, replace(begun, version=2))
    assert await passing.transactions.room_from(begun.browser, LIMIT) is None
    await passing.pushed.put(name, request(), until)
    assert await passing.pushed.get(name) == (request(), True)
    await passing.continuations.put(name, "handle", until)
    assert await passing.continuations.take(name) == "handle"
    epoch = await passing.proofs.epoch()
    assert [await passing.proofs.first_use(name, until, epoch) for _ in range(2)] == [True, False]
    assert await passing.rate_limits.allow(name, 1, 60)
    await passing.rate_limits.give_back(name, 60)
    await passing.provider_signals.exchange(name.encode())
    assert await passing.provider_signals.claim(name, 60)
    await passing.provider_signals.write_result(name.replace(" ", "-"), b"found", 60)
    assert (await passing.provider_signals.read_results())[name.replace(" ", "-")] == b"found"
    assert await passing.departures.reserve(name, 1.0, 10, clock.now()) == clock.now()


async def works_again(passing: EphemeralStores, clock: FakeClock, name: str) -> None:
    """Waits until every verb works, by the same client."""
    async with asyncio.timeout(AGAIN):
        for number in range(10_000):
            try:
                await use(passing, clock, f"{name} {number}")
            except StoreUnavailable:
                await asyncio.sleep(0.1)
                continue
            return


async def starts(
    group: Group, access: RedisAccess, facts: SqlStores, sealer: Sealer, clock: FakeClock, name: str
) -> None:
    """Opens ephemeral state for the first time, and waits until every verb works."""
    async with opened(group.url("portico@"), access, facts, sealer) as passing:
        await works_again(passing, clock, f"new {name}")


async def test_a_user_with_few_rights_can_use_every_verb(passing: EphemeralStores, clock: FakeClock) -> None:
    assert await passing.check_server() == []
    await passing.update_memory_usage()
    assert not passing.evicts()
    assert passing.memory_fullness() == 0
    assert passing.server_time is not None
    assert await passing.server_time() > 1.7e9
    await use(passing, clock, "used")
    await asyncio.gather(*(use(passing, clock, f"used {number}") for number in range(50)))


async def test_everything_is_forgotten_but_the_version_of_the_switches(
    passing: EphemeralStores, clock: FakeClock
) -> None:
    await passing.transactions.create("kept", transaction(clock.now()), LIMIT)
    await passing.forget()
    assert await passing.transactions.load("kept") is None


@pytest.mark.parametrize("fault", ["killed", "hanging"])
async def test_a_failover_refuses_at_once_then_works_again_and_begins_a_new_epoch_of_proofs(
    group: Group,
    passing: EphemeralStores,
    access: RedisAccess,
    some_sql: SqlStores,
    sealer: Sealer,
    clock: FakeClock,
    fault: str,
) -> None:
    await use(passing, clock, f"before {fault}")
    epoch = await passing.proofs.epoch()
    assert await passing.proofs.first_use(f"used {fault}", clock.now() + 60, epoch)
    lost = group.primary
    if fault == "killed":
        lost.kill()
    else:
        lost.freeze()
    try:
        await refused_at_once(lambda: passing.transactions.load("before"))
        await asyncio.to_thread(group.wait_for_failover, lost)
        await works_again(passing, clock, f"after {fault}")
        assert await passing.proofs.epoch() != epoch
        # a process that starts now asks any of the nodes first, also the lost one
        await asyncio.gather(*(starts(group, access, some_sql, sealer, clock, f"{fault} {n}") for n in range(NEW)))
        with pytest.raises(StoreUnavailable, match="another one"):
            await passing.proofs.first_use(f"used {fault}", clock.now() + 60, epoch)
    finally:
        if fault == "hanging":
            lost.program.send(signal.SIGCONT)
            lost.kill()
        await asyncio.to_thread(group.rejoin, lost)
    await works_again(passing, clock, f"later {fault}")


async def test_a_slot_that_moves_is_followed(
    group: Group, access: RedisAccess, passing: EphemeralStores, clock: FakeClock
) -> None:
    if isinstance(group, SentinelGroup):
        assert await passing.check_server() == []
        return
    begun = transaction(clock.now())
    await works_again(passing, clock, "before the move")
    assert await passing.transactions.create("moved", begun, LIMIT)
    target = next(one for one in group.servers if one.role == "master" and node_id(one) != node_id(group.primary))
    client = RedisClient(group.url("portico@"), access)
    record = client.key("transaction", "gone")
    await client.command("SET", record, "value")
    await asyncio.to_thread(group.begin_move, target)
    # a record that a script deletes is, for the rest of the script, a record of the other node
    with pytest.raises(StoreUnavailable, match="non local key"):
        await client.run(script("redis.call('DEL', KEYS[1]) return redis.call('GET', KEYS[1])"), [record])
    await client.close()
    # half of what a script uses is here and half is there: it is refused, and nothing else happens
    outcomes = await asyncio.gather(*(use(passing, clock, f"half {n}") for n in range(30)), return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable | None) for outcome in outcomes), outcomes
    assert any(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    await asyncio.to_thread(group.move_slot, target)
    await works_again(passing, clock, "moved")
    assert await passing.transactions.load("moved") == begun
    assert group.primary is target


async def test_what_refuses_the_broker_is_named_with_a_fix(
    group: Group, access: RedisAccess, some_sql: SqlStores, sealer: Sealer, tmp_path: Path
) -> None:
    url = group.url("portico@")
    wrong = [(url, replace(access, password="wrong"), "WRONGPASS", "ephemeral.password_file")]
    if isinstance(group, SentinelGroup):
        other = replace(access, sentinel_password="wrong")
        wrong += [
            (url.replace(f"/{SERVICE}", "/other"), access, "No such master", "sentinel monitor"),
            (url, other, "WRONGPASS", "ephemeral.sentinel_password_file"),
        ]
    if access.tls is not None:
        stranger = client_context(ClientTls(Authority(tmp_path / "stranger").file))
        wrong.append((url, replace(access, tls=stranger), "certificate verify failed", "ephemeral.ca_file"))
    for where, how, said, fix in wrong:
        async with opened(where, how, some_sql, sealer) as passing:
            with pytest.raises(Misconfigured, match=said) as error:
                await passing.check_server()
            assert fix in str(error.value), error.value


@pytest.mark.usefixtures("access")
async def test_a_url_of_another_topology_is_named_with_the_right_form(
    redis: RedisServer, group: Group, some_sql: SqlStores, sealer: Sealer
) -> None:
    async with opened(f"redis+cluster://{LOOPBACK}:{redis.port}", RedisAccess(), some_sql, sealer) as passing:
        with pytest.raises(Misconfigured, match="not a Redis Cluster"):
            await passing.check_server()
    if isinstance(group, ClusterGroup):
        async with opened(f"redis://{LOOPBACK}:{group.servers[0].port}", RedisAccess(), some_sql, sealer) as passing:
            problems = await passing.check_server()  # a replica since the failover of another test has one more
            assert [problem for problem in problems if "redis+cluster://" in problem]
