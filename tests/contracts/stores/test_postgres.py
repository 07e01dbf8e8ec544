"""What PostgreSQL adds to the SQL store contract: few round trips, and a server that may go away and come back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest

from broker.crypto.seal import Sealer
from broker.model.grant import StoredToken
from broker.model.kill_switches import KillSwitchKind
from broker.model.store_results import RedeemResult, StoreUnavailable
from broker.platform.system import System
from broker.stores.sql.migrate import migrate
from broker.stores.sql.schema import schema_is_current
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import open_by_fake_clock, refused_at_once
from tests.contracts.stores.round_trip_proxy import Turns
from tests.contracts.stores.samples import (
    ISSUER,
    SECTOR,
    SERVICE,
    answer,
    assertion,
    case,
    code,
    event,
    grant,
    session,
    tokens,
)
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.system import FakeClock


@pytest.fixture
async def sql(postgres_url: str, sealer: Sealer, system: System) -> AsyncIterator[SqlStores]:
    """SQL stores on PostgreSQL."""
    sql = await open_by_fake_clock(postgres_url, sealer, system)
    yield sql
    await sql.close()


# --- number of statements ---


@pytest.mark.parametrize(
    "verb",
    ["known", "record", "code", "redeem", "token", "refresh", "use_assertion", "revoke", "session", "help", "attempt"],
)
async def test_each_verb_costs_one_round_trip(
    postgres: PostgresServer, postgres_url: str, sealer: Sealer, system: System, clock: FakeClock, verb: str
) -> None:
    now = clock.now()
    made = code(now, "kept")
    async with Turns("127.0.0.1", postgres.port).running() as turns:
        url = postgres_url.replace(f":{postgres.port}/", f":{turns.port}/")
        sql = await open_by_fake_clock(url, sealer, system)
        await sql.authorizations.record(answer(now, "kept", code=made))
        await sql.grants.redeem(made.digest, grant(made, now, "kept"), tokens(now, "kept"), None, ())
        waiting = {name: code(now, name) for name in ("first", "second")}
        for name, one in waiting.items():
            await sql.authorizations.record(answer(now, name, code=one))
        known = {name: grant(one, now, name, account="account-kept") for name, one in waiting.items()}
        verbs: dict[str, Callable[[str], Awaitable[object]]] = {
            "known": lambda _name: sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE),
            "record": lambda name: sql.authorizations.record(answer(now, f"new-{name}", person=name)),
            "code": lambda _name: sql.grants.code(made.digest),
            "redeem": lambda name: sql.grants.redeem(
                waiting[name].digest, known[name], tokens(now, name), assertion(now, name), (event(now),)
            ),
            "token": lambda _name: sql.grants.token(tokens(now, "kept")[0].digest),
            "refresh": lambda name: sql.grants.refresh(
                "grant-kept", StoredToken(name, "access", now, now), assertion(now, name), (event(now),)
            ),
            "use_assertion": lambda name: sql.grants.use_assertion(assertion(now, name)),
            "revoke": lambda _name: sql.grants.revoke(tokens(now, "kept")[0].digest, SERVICE, now, event(now)),
            "session": lambda _name: sql.sessions.load(session(now, "kept").digest),
            "help": lambda name: sql.cases.create(case(now, name), [event(now)]),
            "attempt": lambda name: sql.cases.count_attempt("case-1", name, 5),
        }
        await verbs[verb]("first")
        before = turns.count
        await verbs[verb]("second")
        assert turns.count - before == 1
        assert turns.connections == 1
        await sql.close()


async def test_a_process_opens_no_more_connections_than_it_may(
    postgres: PostgresServer, postgres_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    async with Turns("127.0.0.1", postgres.port).running() as turns:
        url = postgres_url.replace(f":{postgres.port}/", f":{turns.port}/")
        sql = await open_by_fake_clock(url, sealer, system, connections=3)
        used = await asyncio.gather(*(sql.grants.use_assertion(assertion(clock.now(), f"{n}")) for n in range(30)))
        assert all(used)
        assert turns.connections <= 3
        await sql.close()


@pytest.mark.usefixtures("sql")
async def test_every_commit_is_synchronous_whatever_the_server_says(
    postgres_url: str, sealer: Sealer, system: System
) -> None:
    connection = await asyncpg.connect(postgres_url)
    name = postgres_url.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        later = await open_by_fake_clock(postgres_url, sealer, system)
        database = later.authorizations._database
        from sqlalchemy import func, select

        rows = await database.query(database.prepare(select(func.current_setting("synchronous_commit"))), {})
        assert rows[0][0] == "on"
        await later.close()
    finally:
        await connection.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
        await connection.close()


async def test_a_statement_is_read_and_planned_once_for_a_connection(
    postgres_url: str, sealer: Sealer, system: System
) -> None:
    sql = await open_by_fake_clock(postgres_url, sealer, system, connections=1)
    for _ in range(3):
        await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    database = sql.authorizations._database
    from sqlalchemy import column, select, table

    names = ("name", "generic_plans", "custom_plans")
    held = table("pg_prepared_statements", column("statement"), *map(column, names))
    asked = database.prepare(
        select(*(held.c[name] for name in names)).where(
            held.c.statement.contains("pairwise_subjects.sub, consents.claim")
        )
    )
    assert [tuple(row)[1:] for row in await database.query(asked, {})] == [(3, 0)]
    await sql.close()


async def test_a_migration_under_a_running_process_costs_a_connection_and_no_more(
    postgres_url: str, sealer: Sealer, system: System
) -> None:
    sql = await open_by_fake_clock(postgres_url, sealer, system, connections=1)
    database = sql.authorizations._database
    from sqlalchemy import column, select, table

    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE growing (value int); INSERT INTO growing VALUES (7)")
    try:
        asked = database.prepare(select(column("value")).select_from(table("growing")))
        assert (await database.query(asked, {}))[0][0] == 7
        await connection.execute("ALTER TABLE growing ALTER COLUMN value TYPE text")
        with pytest.raises(StoreUnavailable):
            await database.query(asked, {})
        assert (await database.query(asked, {}))[0][0] == "7"
    finally:
        await connection.execute("DROP TABLE growing")
        await connection.close()
        await sql.close()


# --- absence ---


async def test_with_postgresql_killed_everything_is_refused_at_once_and_works_again_when_it_is_back(
    sql: SqlStores, postgres: PostgresServer, clock: FakeClock
) -> None:
    now = clock.now()
    made = code(now)
    await sql.authorizations.record(answer(now, code=made))
    await asyncio.gather(*(sql.grants.use_assertion(assertion(now, f"{n}")) for n in range(20)))
    postgres.kill()
    await refused_at_once(lambda: sql.grants.code(made.digest))
    await refused_at_once(lambda: sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE))
    await refused_at_once(lambda: sql.grants.use_assertion(assertion(now, "late")))
    await refused_at_once(lambda: sql.maintain())
    await refused_at_once(lambda: sql.schema_is_current())
    postgres.start()
    began = time.monotonic()
    while True:
        with suppress(StoreUnavailable):
            found = await sql.grants.code(made.digest)
            break
        assert time.monotonic() - began < 10
    assert found is not None
    assert found.code == made
    used = await asyncio.gather(*(sql.grants.use_assertion(assertion(now, f"{n}")) for n in range(20)))
    assert used == [False] * 20
    done = await sql.grants.redeem(made.digest, grant(made, now), tokens(now), None, (event(now),))
    assert done is RedeemResult.DONE


async def test_connections_that_died_unnoticed_fail_no_more_than_they_are(
    sql: SqlStores, postgres: PostgresServer, clock: FakeClock
) -> None:
    await asyncio.gather(*(sql.grants.use_assertion(assertion(clock.now(), f"{n}")) for n in range(20)))
    postgres.stop()
    postgres.start()
    await asyncio.sleep(0)
    used = await asyncio.gather(
        *(sql.grants.use_assertion(assertion(clock.now(), f"{n}")) for n in range(20, 40)),
        return_exceptions=True,
    )
    assert all(one is True or isinstance(one, StoreUnavailable) for one in used)
    again = await asyncio.gather(*(sql.grants.use_assertion(assertion(clock.now(), f"{n}")) for n in range(40, 60)))
    assert again == [True] * 20


async def test_a_server_that_answers_nothing_is_refused_within_a_second(
    sql: SqlStores, postgres_url: str, clock: FakeClock
) -> None:
    now = clock.now()
    assert await sql.grants.use_assertion(assertion(now))
    holding = await asyncpg.connect(postgres_url)
    lock = holding.transaction()
    await lock.start()
    await holding.execute("LOCK TABLE used_jtis IN ACCESS EXCLUSIVE MODE")
    waiting = [lambda n=n: sql.grants.use_assertion(assertion(now, f"{n}")) for n in range(20)]  # type: ignore[misc]
    await asyncio.gather(*(refused_at_once(one) for one in waiting))
    assert await sql.grants.token("nothing") is None
    await lock.rollback()
    await holding.close()
    assert await sql.grants.use_assertion(assertion(now, "after"))


async def test_a_cancelled_call_leaves_no_response_for_the_next(sql: SqlStores, clock: FakeClock) -> None:
    made = code(clock.now())
    await sql.authorizations.record(answer(clock.now(), code=made))
    for turns in range(20):
        hasty = asyncio.ensure_future(sql.kill_switches.listing())
        for _ in range(turns % 5):
            await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        found = await sql.grants.code(made.digest)
        assert found is not None
        assert found.code == made


async def test_a_redemption_cut_off_in_the_middle_is_whole_or_not_at_all(
    postgres_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    now = clock.now()
    outcomes = set()
    for number in range(12):
        sql = await open_by_fake_clock(postgres_url, sealer, system)
        made = code(now, f"{number}")
        recorded = await sql.authorizations.record(answer(now, f"{number}", code=made))
        assert recorded is not None
        account = recorded.account
        work = asyncio.ensure_future(
            sql.grants.redeem(
                made.digest,
                grant(made, now, f"{number}", account=account),
                tokens(now, f"{number}"),
                assertion(now, f"{number}"),
                (event(now, f"redeemed-{number}"),),
            )
        )
        for _ in range(number):
            await asyncio.sleep(0)
        await sql.close()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        after = await open_by_fake_clock(postgres_url, sealer, system)
        await asyncio.sleep(0.05)
        found = await after.grants.code(made.digest)
        assert found is not None
        whole = [found.redeemed]
        whole += [await after.grants.token(token.digest) is not None for token in tokens(now, f"{number}")]
        whole.append(not await after.grants.use_assertion(assertion(now, f"{number}")))
        kinds = [row.kind for _, row in await after.audit.read(0, 1000)]
        whole.append(f"redeemed-{number}" in kinds)
        assert len(set(whole)) == 1
        outcomes.add(whole[0])
        await after.close()
    assert False in outcomes


async def test_a_switch_turned_while_postgresql_is_gone_is_not_turned(
    sql: SqlStores, postgres: PostgresServer, clock: FakeClock
) -> None:
    postgres.stop()
    with pytest.raises(StoreUnavailable):
        await sql.kill_switches.turn_off(KillSwitchKind.PROVIDER, "bank", "it leaks", "operator", clock.now())
    postgres.start()
    assert await sql.kill_switches.listing() == []


async def test_a_server_that_is_not_there_is_unavailable_to_migrations_too() -> None:
    nowhere = f"postgresql://portico@127.0.0.1:{free_port()}/facts"
    with pytest.raises(StoreUnavailable):
        await schema_is_current(nowhere)
    with pytest.raises(StoreUnavailable):
        await migrate(nowhere)
