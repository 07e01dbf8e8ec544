"""Stores to test: each suite is given one after the other, all with the same clock."""

import math
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from broker.crypto.seal import Sealer
from broker.crypto.seal import sealer as make_sealer
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql.migrate import migrate
from broker.stores.sql.tables import metadata
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

AT_ONCE = 1.0
"""Seconds within which it is said that a store cannot be reached."""
TRIES = 10

open_by_fake_clock = partial(open_sql_stores, tolerance=math.inf)
"""Opens SQL stores with a fake clock, whose skew against the database clock is unlimited."""

OpenSqlStores = Callable[[], Awaitable[SqlStores]]
OpenPassing = Callable[[SqlStores], Awaitable[EphemeralStores]]


def by_redis_py(redis: RedisServer) -> str:
    """An address of a Redis that the broker's own connection does not serve: it names a user, the default one."""
    return redis.url.replace("redis://", "redis://default@")


async def refused_at_once(ask: Callable[[], Awaitable[object]]) -> None:
    """Asserts that a call fails within a second if its store cannot be reached.

    The call is repeated, since a busy machine may add time that is not the store's; it must fail each time.
    """
    took: list[float] = []
    while not took or took[-1] >= AT_ONCE:
        assert len(took) < TRIES, f"never refused within {AT_ONCE} s: {took}"
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await ask()
        took.append(time.monotonic() - began)


@pytest.fixture
def sealer(system: System) -> Sealer:
    """Seals with one key."""
    return make_sealer(b"\x07" * 32, (), system.random_bytes)


@pytest.fixture(scope="session")
async def migrated(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A PostgreSQL database with the present schema, as the last test left it."""
    with postgres_server.database() as url:
        await migrate(url)
        yield url


@pytest.fixture(scope="session")
async def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the present schema, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "facts.db"
    await migrate(f"sqlite:{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A file with the present schema and nothing in it."""
    return f"sqlite:{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture
async def postgres_url(migrated: str) -> str:
    """A database with the present schema and nothing in it."""
    connection = await asyncpg.connect(migrated)
    tables = "".join(f"DELETE FROM {table.name};" for table in reversed(metadata.sorted_tables))
    await connection.execute(
        f"{tables} INSERT INTO shared_counters VALUES ('epoch', 1), ('kill_switches', 1), ('time', 0)"
    )
    await connection.close()
    return migrated


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.store)])
def sql_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind, one after the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def open_one(sql_url: str, sealer: Sealer, system: System) -> AsyncIterator[OpenSqlStores]:
    """Opens the same stores as often as it is called, as several processes do."""
    async with AsyncExitStack() as opened:

        async def another() -> SqlStores:
            sql = await open_by_fake_clock(sql_url, sealer, system)
            opened.push_async_callback(sql.close)
            return sql

        yield another


@pytest.fixture
async def sql(open_one: OpenSqlStores) -> SqlStores:
    """SQL stores, opened once."""
    return await open_one()


@pytest.fixture
async def some_sql(sqlite_url: str, sealer: Sealer, system: System) -> AsyncIterator[SqlStores]:
    """SQL stores for a test of something else."""
    sql = await open_sql_stores(sqlite_url, sealer, system)
    yield sql
    await sql.close()


@pytest.fixture(params=["memory", *(pytest.param(one, marks=pytest.mark.store) for one in ("redis", "redis-py"))])
async def passing(
    request: pytest.FixtureRequest, some_sql: SqlStores, sealer: Sealer
) -> AsyncIterator[EphemeralStores]:
    """Ephemeral stores of each kind, one after the other."""
    redis: RedisServer | None = request.getfixturevalue("redis") if request.param != "memory" else None
    url = "memory:" if redis is None else redis.url if request.param == "redis" else by_redis_py(redis)
    passing = open_ephemeral_stores(url, sealer, some_sql.system, some_sql.kill_switches)
    yield passing
    await passing.close()
