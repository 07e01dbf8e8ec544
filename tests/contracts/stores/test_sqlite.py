"""What SQLite adds to the SQL store contract: they outlive the process, and a disk that is full loses none."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, bindparam, update

from broker.crypto.seal import Sealer
from broker.model.store_results import RedeemResult, StoreUnavailable
from broker.platform.system import System
from broker.stores.sql.migrate import migrate
from broker.stores.sql.sqlite import SqliteDatabase
from broker.stores.sql.tables import shared_counters
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.conftest import refused_at_once
from tests.contracts.stores.samples import ISSUER, SECTOR, SERVICE, answer, assertion, code, event, grant, tokens
from tests.support.system import FakeClock

WRITER = """
import asyncio, sys
from broker.platform.system import System
from broker.crypto.seal import sealer
from broker.stores.sql_stores import open_sql_stores
from tests.support.system import FakeRandom, FakeClock
from tests.contracts.stores.samples import answer, assertion, code, event, grant, tokens

async def write():
    clock = FakeClock()
    system = System(clock.now, FakeRandom().draw, clock.tick)
    sql = await open_sql_stores(sys.argv[1], sealer(bytes([7]) * 32, (), system.random_bytes), system)
    now = clock.now()
    for number in range(10_000):
        name = str(number)
        made = code(now, name)
        await sql.authorizations.record(answer(now, name, person=name, code=made, events=(event(now, "answered"),)))
        kept = (event(now, "redeemed"),)
        await sql.grants.redeem(made.digest, grant(made, now, name), tokens(now, name), assertion(now, name), kept)
        print(number, flush=True)

asyncio.run(write())
"""


@pytest.fixture
async def sql(sqlite_url: str, sealer: Sealer, system: System) -> AsyncIterator[SqlStores]:
    """SQL stores in SQLite."""
    sql = await open_sql_stores(sqlite_url, sealer, system)
    yield sql
    await sql.close()


@pytest.mark.slow
async def test_a_file_reopened_after_a_kill_has_every_fact_that_was_acknowledged_and_no_half_one(
    sqlite_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    root = Path(__file__).parents[3]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, sqlite_url], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(root)}
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(25)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    sql = await open_sql_stores(sqlite_url, sealer, system)
    now = clock.now()
    for number in acknowledged:
        assert await sql.authorizations.linked_identity(ISSUER, str(number), SECTOR, SERVICE) is not None
        assert await sql.grants.token(tokens(now, str(number))[0].digest) is not None
        assert not await sql.grants.use_assertion(assertion(now, str(number)))
    kinds = [row.kind for _, row in await sql.audit.read(0, 100_000)]
    answered, redeemed = 0, 0
    while await sql.authorizations.linked_identity(ISSUER, str(answered), SECTOR, SERVICE):
        answered += 1
    while await sql.grants.token(tokens(now, str(redeemed))[0].digest):
        redeemed += 1
    assert (kinds.count("answered"), kinds.count("redeemed")) == (answered, redeemed)
    assert await sql.authorizations.record(answer(now, "after", person="after"))
    await sql.close()


async def test_a_full_disk_makes_no_half_fact_and_is_forgotten_when_there_is_room(
    sql: SqlStores, clock: FakeClock
) -> None:
    made = code(clock.now())
    await sql.authorizations.record(answer(clock.now(), code=made))
    bound = await bounded(sql, 1)
    many = [event(clock.now(), details={"text": "x" * 4000}) for _ in range(200)]
    with pytest.raises(StoreUnavailable):
        await sql.grants.redeem(made.digest, grant(made, clock.now()), tokens(clock.now()), None, many)
    found = await sql.grants.code(made.digest)
    assert found is not None
    assert not found.redeemed
    assert await sql.grants.token(tokens(clock.now())[0].digest) is None
    await bounded(sql, bound + 10_000)
    done = await sql.grants.redeem(made.digest, grant(made, clock.now()), tokens(clock.now()), None, many)
    assert done is RedeemResult.DONE


async def bounded(sql: SqlStores, pages: int) -> int:
    """Lets the file grow to so many pages, but not smaller than it is; how many that is."""
    database = sql.authorizations._database
    assert isinstance(database, SqliteDatabase)
    rows = await database._job(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    return int(rows[0][0])


async def test_a_file_that_another_process_writes_for_long_is_unavailable_within_a_second(
    sql: SqlStores, sqlite_url: str, clock: FakeClock
) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await refused_at_once(lambda: sql.grants.use_assertion(assertion(clock.now())))
    assert await sql.grants.token("nothing") is None
    other.execute("ROLLBACK")
    other.close()
    assert await sql.grants.use_assertion(assertion(clock.now()))


@pytest.mark.store
async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path, sealer: Sealer, system: System) -> None:
    with pytest.raises(StoreUnavailable):
        await open_sql_stores(f"sqlite:{tmp_path}/missing/facts.db", sealer, system)


async def test_commits_reach_the_disk_and_references_are_held(sql: SqlStores) -> None:
    database = sql.authorizations._database
    assert isinstance(database, SqliteDatabase)
    settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for name, value in settings.items():
        rows = await database._job(lambda connection, name=name: connection.execute(f"PRAGMA {name}").fetchall())
        assert rows == [(value,)]


async def test_a_cancelled_transaction_leaves_nothing_behind(sql: SqlStores) -> None:
    database = sql.authorizations._database
    write = database.prepare(update(shared_counters).values(value=bindparam("value", type_=BigInteger)))

    async def hesitate() -> None:
        async with database.transaction() as unit:
            await unit.run(write, {"value": 5})
            await asyncio.Event().wait()

    for turns in range(12):
        hesitating = asyncio.ensure_future(hesitate())
        for _ in range(turns):
            await asyncio.sleep(0)
        hesitating.cancel()
        await asyncio.gather(hesitating, return_exceptions=True)
        assert await sql.counters.epoch() == 1


@pytest.mark.store
async def test_the_database_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    await migrate(f"sqlite:{tmp_path}/facts.db")
    assert (tmp_path / "facts.db").stat().st_mode & 0o777 == 0o600
