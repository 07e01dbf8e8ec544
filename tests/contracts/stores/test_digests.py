"""Subjects of citizens at providers: found by a keyed digest, sealed beside it, and never in the clear."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.ext.asyncio import create_async_engine

from broker.crypto.seal import Sealer
from broker.crypto.seal import sealer as make_sealer
from broker.platform.system import System
from broker.stores.sql import data_migration
from broker.stores.sql.address import PostgresAddress, SqliteAddress, address
from broker.stores.sql.data_migration import BEFORE, SealingKeyNeeded
from broker.stores.sql.digests import DigestKeyLost, Digests, Purpose
from broker.stores.sql.migrate import config, migrate
from broker.stores.sql.schema import schema_is_current
from broker.stores.sql.tables import accounts
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.samples import ISSUER, SECTOR, SERVICE, answer
from tests.support.system import FakeClock

NATIONAL = "19700101-4711"


async def rows(url: str, query: str) -> Sequence[Mapping[str, Any]]:
    """What a query finds in either database, beside the broker."""
    where = address(url)
    if isinstance(where, SqliteAddress):
        file = sqlite3.connect(where.path)
        file.row_factory = sqlite3.Row
        found = [dict(row) for row in file.execute(query).fetchall()]
        file.commit()
        file.close()
        return found
    server = await asyncpg.connect(url)
    found = [dict(row) for row in await server.fetch(query)]
    await server.close()
    return found


async def at_schema(url: str, step: Callable[[Connection], None]) -> None:
    """Runs a step on a plain connection to either database."""
    where = address(url)
    if isinstance(where, SqliteAddress):
        with create_engine(f"sqlite:///{where.path}").begin() as connection:
            step(connection)
        return
    engine = create_async_engine(where.url(), connect_args={"ssl": False})
    async with engine.begin() as remote:
        await remote.run_sync(step)
    await engine.dispose()


def subject_in(row: Mapping[str, Any], sealer: Sealer) -> str:
    """The subject that a row of `identities` holds sealed."""
    return sealer.open(row["sealed"], f"identities:{row['issuer']}:{row['digest']}").decode()


async def test_an_identity_is_found_by_its_digest_and_its_subject_is_sealed_in_its_row(
    sql: SqlStores, sql_url: str, clock: FakeClock
) -> None:
    await sql.authorizations.record(answer(clock.now(), "1", person=NATIONAL))
    known = await sql.authorizations.linked_identity(ISSUER, NATIONAL, SECTOR, SERVICE)
    assert known is not None
    assert known.account == "account-1"
    assert await sql.authorizations.linked_identity(ISSUER, f"{NATIONAL} ", SECTOR, SERVICE) is None
    [row] = await rows(sql_url, "SELECT * FROM identities")
    assert NATIONAL not in str(row)
    assert NATIONAL.encode() not in row["sealed"]
    assert row["digest"] == sql.digests.of_subject(ISSUER, NATIONAL)
    assert subject_in(row, sql.digests.sealer) == NATIONAL


def test_one_subject_at_two_issuers_has_two_digests_and_no_issuer_runs_into_its_subject(sealer: Sealer) -> None:
    digests = Digests({purpose: bytes([n]) * 32 for n, purpose in enumerate(Purpose)}, sealer)
    found = [digests.of_subject(*pair) for pair in (("https://a", "bc"), ("https://ab", "c"), ("https://b", "bc"))]
    assert len(set(found)) == 3
    assert digests.mac(Purpose.IDENTITY, "x") != digests.mac(Purpose.CASE_MARK, "x")


async def test_a_digest_key_outlives_the_sealing_key_under_which_it_was_made(
    sql_url: str, system: System, clock: FakeClock
) -> None:
    first, second = b"\x07" * 32, b"\x08" * 32
    marks: list[bytes] = []
    for current, previous in ((first, ()), (second, (first,)), (second, ())):
        sql = await open_sql_stores(sql_url, make_sealer(current, previous, system.random_bytes), system)
        recorded = await sql.authorizations.record(answer(clock.now(), f"{len(marks)}", person=NATIONAL))
        assert recorded is not None
        assert recorded.account == "account-0"
        marks.append(sql.digests.mac(Purpose.CASE_MARK, "+441632960001"))
        await sql.close()
    assert len(set(marks)) == 1
    assert marks[0] == make_sealer(first, (), system.random_bytes).mac("case mark", b"+441632960001")
    with pytest.raises(DigestKeyLost, match="not in the ring"):
        await open_sql_stores(sql_url, make_sealer(first, (), system.random_bytes), system)


async def test_a_lost_digest_key_with_identities_prevents_the_start(
    sql: SqlStores, sql_url: str, sealer: Sealer, system: System, clock: FakeClock
) -> None:
    await sql.authorizations.record(answer(clock.now(), "1"))
    where = address(sql_url)
    if isinstance(where, PostgresAddress):
        server = await asyncpg.connect(sql_url)
        await server.execute("DELETE FROM digest_keys")
        await server.close()
    else:
        await rows(sql_url, "DELETE FROM digest_keys")
    with pytest.raises(DigestKeyLost, match="there are identities"):
        await open_sql_stores(sql_url, sealer, system)


async def test_several_processes_that_start_at_once_agree_on_the_keys(
    sql_url: str, sealer: Sealer, system: System
) -> None:
    opened = await asyncio.gather(*(open_sql_stores(sql_url, sealer, system) for _ in range(4)))
    assert len({str(sorted(one.digests.keys.items())) for one in opened}) == 1
    for one in opened:
        await one.close()


PEOPLE = 25


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.store) for kind in ("sqlite", "postgres")])
async def before(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the release in which subjects stood in the clear, with people in it."""
    kind: str = request.param
    url: str = f"sqlite:{tmp_path}/facts.db" if kind == "sqlite" else request.getfixturevalue("database")

    def made(connection: Connection) -> None:
        known = config()
        known.attributes["connection"] = connection
        command.upgrade(known, "0007")
        people = [{"id": f"account-{n}", "created": 1.0} for n in range(PEOPLE)]
        connection.execute(insert(accounts), people)
        # the table had another name then
        connection.exec_driver_sql("ALTER TABLE identities RENAME TO identities_before")
        found = [
            {"issuer": f"{ISSUER}/{n % 2}", "subject": f"{NATIONAL}-{n}", "account_id": f"account-{n}", "created": 2.0}
            for n in range(PEOPLE)
        ]
        connection.execute(insert(BEFORE), found)
        connection.exec_driver_sql("ALTER TABLE identities_before RENAME TO identities")

    await at_schema(url, made)
    return url


async def test_subjects_of_an_earlier_release_are_moved_and_a_move_that_was_cut_off_goes_on(
    before: str, sealer: Sealer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_migration, "BATCH", 10)
    with pytest.raises(SealingKeyNeeded):
        await migrate(before)
    calls = 0

    def broken() -> Sealer:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        return sealer

    with pytest.raises(KeyboardInterrupt):
        await migrate(before, sealing=broken)
    assert not await schema_is_current(before)
    assert len(await rows(before, "SELECT digest FROM identities")) == 10
    assert len(await rows(before, "SELECT subject FROM identities_before")) == PEOPLE - 10
    await migrate(before, sealing=lambda: sealer)
    assert await schema_is_current(before)

    sql = await open_sql_stores(before, sealer, system)
    for n in range(PEOPLE):
        known = await sql.authorizations.linked_identity(f"{ISSUER}/{n % 2}", f"{NATIONAL}-{n}", SECTOR, SERVICE)
        assert known is not None
        assert known.account == f"account-{n}"
    for row in await rows(before, "SELECT * FROM identities"):
        opened = subject_in(row, sealer)
        assert (row["account_id"], row["created"]) == (f"account-{opened.rpartition('-')[2]}", 2.0)
    await sql.close()


async def test_no_subject_is_left_in_the_file_that_was_migrated(before: str, sealer: Sealer) -> None:
    where = address(before)
    if isinstance(where, PostgresAddress):
        await migrate(before, sealing=lambda: sealer)
        tables = await rows(before, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in tables:
            assert NATIONAL not in str(await rows(before, f"SELECT * FROM {table['tablename']}")), table
        return
    folder = where.path.parent
    assert NATIONAL.encode() in where.path.read_bytes()
    await migrate(before, sealing=lambda: sealer)
    for file in folder.iterdir():
        assert NATIONAL.encode() not in file.read_bytes(), file


async def test_several_processes_may_move_at_once(
    before: str, sealer: Sealer, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_migration, "BATCH", 3)
    await asyncio.gather(*(migrate(before, sealing=lambda: sealer) for _ in range(3)))
    sql = await open_sql_stores(before, sealer, system)
    assert len(await rows(before, "SELECT digest FROM identities")) == PEOPLE
    await sql.close()
