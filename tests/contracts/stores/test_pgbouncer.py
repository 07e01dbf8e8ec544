"""PostgreSQL behind a real PgBouncer in session mode with its default settings."""

import asyncio

import pytest
from sqlalchemy import func, select

from broker.crypto.seal import Sealer
from broker.model.kill_switches import KillSwitchKind
from broker.model.session import no_fan_out
from broker.platform.system import System
from broker.stores.sql.address import PostgresAddress, address
from broker.stores.sql.migrate import migrate
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.schema import schema_is_current
from broker.stores.sql_stores import open_sql_stores
from tests.support.pgbouncer import PgBouncer

pytestmark = pytest.mark.store


async def test_pgbouncer_in_session_mode_serves_migration_schema_and_facts(
    database: str, sealer: Sealer, system: System
) -> None:
    with PgBouncer(database) as between:
        assert not await schema_is_current(between.url)
        await migrate(between.url)
        assert await schema_is_current(between.url)
        # a process that ends gives its server connections to the next, which prepares the same statements
        for number in range(2):
            sql = await open_sql_stores(between.url, sealer, system, connections=4)
            try:
                assert await sql.schema_is_current()
                names = [f"citizen-{number}-{count}" for count in range(8)]
                kind = KillSwitchKind.ACCOUNT
                await asyncio.gather(
                    *(sql.kill_switches.turn_off(kind, name, "test", "olu", 1.0, no_fan_out) for name in names)
                )
                assert {off.id for off in await sql.kill_switches.listing()} >= set(names)
                await sql.maintain()
            finally:
                await sql.close()


SETTINGS = {
    "synchronous_commit": "on",
    "plan_cache_mode": "force_generic_plan",
    "idle_in_transaction_session_timeout": "5s",
    "application_name": "portico",
}


async def test_session_settings_hold_behind_pgbouncer_as_without_it(database: str) -> None:
    with PgBouncer(database) as between:
        for url in (database, between.url):
            where = address(url)
            assert isinstance(where, PostgresAddress)
            opened = PostgresDatabase(where, 1)
            try:
                asked = opened.prepare(select(*(func.current_setting(name).label(name) for name in SETTINGS)))
                (row,) = await opened.query(asked, {})
                assert list(row) == list(SETTINGS.values())
            finally:
                await opened.close()
