"""Stores that are there and not as they must be: an evicting Redis, missing rights, databases that only read."""

import asyncio
import logging
import os
import pwd
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.ephemeral.transport import RedisAccess
from broker.stores.sql.migrate import migrate
from broker.stores.sql.schema import unwritable
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.support.postgres import PostgresServer, own_folder, unprivileged
from tests.support.redis import RedisServer

pytestmark = pytest.mark.store


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis whose settings a test may change."""
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@asynccontextmanager
async def opened(
    url: str, sql: SqlStores, sealer: Sealer, password: str | None = None
) -> AsyncIterator[EphemeralStores]:
    """Ephemeral stores, closed after the test."""
    passing = open_ephemeral_stores(url, sealer, sql.system, sql.kill_switches, RedisAccess(password))
    try:
        yield passing
    finally:
        await passing.close()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
async def test_an_evicting_policy_is_found_when_it_comes_and_when_it_goes(
    own_redis: RedisServer, some_sql: SqlStores, sealer: Sealer, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own_redis.url, some_sql, sealer) as passing:
        await passing.update_memory_usage()
        assert not passing.evicts()
        assert await passing.check_server() == []
        with caplog.at_level(logging.WARNING, "portico.passing"):
            own_redis.command("CONFIG", "SET", "maxmemory-policy", policy)
            for _ in range(2):
                await passing.update_memory_usage()
            assert passing.evicts()
            (problem,) = await passing.check_server()
            assert policy in problem
            assert "noeviction" in problem
            own_redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
            await passing.update_memory_usage()
        assert not passing.evicts()
    # other loggers may still report what an earlier test of this worker left running
    found = [record.message for record in caplog.records if record.message.startswith("redis_")]
    assert found == ["redis_evicts", "redis_evicts_no_more"]


async def test_a_replica_takes_no_records_and_is_named(
    own_redis: RedisServer, some_sql: SqlStores, sealer: Sealer
) -> None:
    own_redis.command("REPLICAOF", "127.0.0.1", "1")
    async with opened(own_redis.url, some_sql, sealer) as passing:
        (problem,) = await passing.check_server()
        assert "is a replica" in problem


ENOUGH = ("~portico:*", "+@all", "-@dangerous", "+info")


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        (ENOUGH, None),
        (("~portico:*", "+@all", "-@dangerous"), "+info"),
        (("~other:*", "+@all"), "~portico:*"),
        (("~portico:*", "+@all", "-eval", "-evalsha"), "ACL SETUSER"),
    ],
)
async def test_a_user_of_redis_needs_few_rights_and_one_that_is_missing_is_named(
    own_redis: RedisServer, some_sql: SqlStores, sealer: Sealer, rules: tuple[str, ...], word: str | None
) -> None:
    own_redis.command("ACL", "SETUSER", "portico", "on", ">sesame", *rules)
    url = own_redis.url.replace("redis://", "redis://portico@")
    async with opened(url, some_sql, sealer, "sesame") as passing:

        async def work() -> None:
            assert await passing.check_server() == []
            await passing.update_memory_usage()
            assert await passing.rate_limits.allow("key", 10, 60)
            assert await passing.proofs.first_use("proof", 2e9, await passing.proofs.epoch())
            await passing.continuations.put("code", "handle", 2e9)
            assert await passing.continuations.take("code") == "handle"

        if word is None:
            await work()
            return
        with pytest.raises(StoreUnavailable) as error:
            await work()
        assert word in str(error.value)
        assert "sesame" not in str(error.value)


@pytest.mark.parametrize(
    ("user", "password", "number", "said"),
    [
        ("", None, 0, "NOAUTH"),
        ("", "wrong", 0, "WRONGPASS"),
        ("nobody@", "sesame", 0, "WRONGPASS"),
        ("", "sesame", 99, "DB index is out of range"),
    ],
)
async def test_a_redis_that_lets_the_broker_not_in_is_unavailable_and_says_why(
    own_redis: RedisServer,
    some_sql: SqlStores,
    sealer: Sealer,
    user: str,
    password: str | None,
    number: int,
    said: str,
) -> None:
    own_redis.command("CONFIG", "SET", "requirepass", "sesame")
    url = f"redis://{user}127.0.0.1:{own_redis.port}/{number}"
    async with opened(url, some_sql, sealer, password) as passing:
        with pytest.raises(StoreUnavailable, match=said) as error:
            await passing.rate_limits.allow("key", 10, 60)
        assert "ephemeral.password_file" in str(error.value)


# --- databases that only read ---


async def test_a_postgresql_that_only_reads_by_default_is_not_writable(database: str, postgres: PostgresServer) -> None:
    await migrate(database)
    name = database.rpartition("/")[2]
    assert await unwritable(database) is None
    postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only" in (await unwritable(database) or "")
    postgres.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert await unwritable(database) is None


async def reloaded(sql: SqlStores, *, writable: bool) -> str | None:
    """Waits until the server has applied its new setting, a moment after the reload."""
    for _ in range(200):
        if ((said := await sql.unwritable()) is None) is writable:
            break
        await asyncio.sleep(0.05)
    return said


async def test_a_running_process_notices_a_postgresql_that_becomes_read_only(sealer: Sealer, system: System) -> None:
    server = PostgresServer()
    try:
        server.start()
        with server.database() as url:
            await migrate(url)
            sql = await open_sql_stores(url, sealer, system)
            try:
                assert await sql.unwritable() is None
                server.sql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
                assert "read-only" in (await reloaded(sql, writable=False) or "")
                server.sql(
                    "SET default_transaction_read_only = off",
                    "ALTER SYSTEM RESET default_transaction_read_only",
                    "SELECT pg_reload_conf()",
                )
                assert await reloaded(sql, writable=True) is None
            finally:
                await sql.close()
    finally:
        server.remove()


async def test_a_hot_standby_is_not_writable() -> None:
    server = PostgresServer()
    try:
        server.start()
        url = server.url()
        await migrate(url)
        assert await unwritable(url) is None
        server.stop()
        server.stand_by()
        server.start()
        assert "read-only" in (await unwritable(url) or "")
    finally:
        server.remove()


async def test_a_sqlite_file_on_a_full_disk_is_not_writable(sqlite_url: str, sealer: Sealer, system: System) -> None:
    sql = await open_sql_stores(sqlite_url, sealer, system)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        assert await sql.unwritable() is None
        # no file of this process may grow beyond one byte for a moment: as on a disk without room
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
        try:
            wrong = await sql.unwritable()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert wrong is not None
        assert "cannot be written" in wrong
        assert await sql.unwritable() is None
    finally:
        await sql.close()


ASK = """
import asyncio, os, sys
from broker.stores.sql.schema import unwritable
if sys.argv[2]:
    os.setgid(int(sys.argv[3])), os.setuid(int(sys.argv[2]))
print(asyncio.run(unwritable(sys.argv[1])))
"""


@pytest.mark.parametrize("locked", ["file", "folder and file"])
async def test_a_sqlite_file_without_the_right_to_write_is_not_writable(locked: str) -> None:
    user = unprivileged()
    folder = own_folder(user)
    file = folder / "facts.db"
    await migrate(f"sqlite:{file}")
    account = None if user is None else pwd.getpwnam(user)
    if account is not None:
        for path in folder.iterdir():
            os.chown(path, account.pw_uid, account.pw_gid)
    who = ("", "") if account is None else (str(account.pw_uid), str(account.pw_gid))

    def ask() -> str:
        words = [sys.executable, "-c", ASK, f"sqlite:{file}", *who]
        return subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path.cwd()).stdout

    assert ask() == "None\n"
    file.chmod(0o444)
    if "folder" in locked:
        folder.chmod(0o555)
    assert "write" in ask()
    folder.chmod(0o700)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
