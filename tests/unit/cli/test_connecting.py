"""`check --connect`: everything outside is used once, and what does not work is named."""

import pytest

from tests.support.configuration import Configuration, prepared
from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.unit.cli import forked
from tests.unit.cli.forked import Ended

pytestmark = pytest.mark.store


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory, database: str, redis: RedisServer) -> Configuration:
    """The examples on PostgreSQL and Redis, migrated. Nothing else of them runs."""
    made = prepared(tmp_path_factory.mktemp("connecting"))
    made.change("broker.toml", "database.url", database)
    made.change("broker.toml", "ephemeral.url", redis.url)
    assert forked.run("migrate", "--config", str(made.folder)).status == 0
    return made


def connect(config: Configuration) -> Ended:
    """Runs it."""
    ended = forked.run("check", "--connect", "--config", str(config.folder))
    assert "Traceback" not in ended.printed
    return ended


def test_check_connect_reports_the_result_of_each_dependency(config: Configuration) -> None:
    ended = connect(config)
    assert ended.status == 3
    for name in ("database", "Redis", "signing keys"):
        assert f"works:     {name}\n" in ended.out, ended.err
    for name in ("provider eid", "provider northbank", "provider staff"):
        assert f"{name}: " in ended.err, ended


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "database.url",
            "postgresql://portico@127.0.0.1:1/nothing",
            "database: database.url: the database cannot be used",
        ),
        ("ephemeral.url", "redis://127.0.0.1:1/0", "Redis: "),
        ("ephemeral.url", "redis://portico@<redis>/99", "Redis: "),
        (
            "notifications",
            {"smtp": {"host": LOOPBACK, "port": 1, "sender": "a@mail.example"}},
            "mail server: SMTPConnectError",
        ),
    ],
)
def test_an_unreachable_dependency_is_named(
    config: Configuration, redis: RedisServer, path: str, value: object, said: str
) -> None:
    if isinstance(value, str):
        value = value.replace("<redis>", f"{LOOPBACK}:{redis.port}")
    config.change("broker.toml", path, value)
    ended = connect(config)
    assert ended.status == 3, ended
    assert said in ended.err


def test_an_evicting_redis_and_a_read_only_database_do_not_work(
    config: Configuration, redis: RedisServer, postgres: PostgresServer, database: str
) -> None:
    name = database.rpartition("/")[2]
    postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        ended = connect(config)
        for said in ("database: ", "read-only", "Redis: "):
            assert said in ended.err, ended
    finally:
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_serve_refuses_an_evicting_redis(config: Configuration, redis: RedisServer) -> None:
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        ended = forked.run("serve", "--config", str(config.folder))
        assert ended.status == 1, ended
        assert "maxmemory-policy is allkeys-lru" in ended.err
    finally:
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
