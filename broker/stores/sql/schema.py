"""The schema in a database: bringing it up to date, and asking whether it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.connections import tls

_Result = TypeVar("_Result")
_LOCK: Final = 7_042_001
"""The advisory lock under which one process at a time migrates."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


async def migrate(url: str, password: str | None = None) -> None:
    """Brings the schema up to date in one transaction. Nothing happens if it is; two at a time wait for each other."""
    await _with_connection(url, password, _upgrade)


async def schema_is_current(url: str, password: str | None = None) -> bool:
    """Whether the schema is the one that this version of the broker needs."""
    return await _with_connection(url, password, _is_current)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_current(connection: Connection) -> bool:
    present = MigrationContext.configure(connection).get_current_heads()
    return set(present) == set(ScriptDirectory.from_config(_config()).get_heads())


async def _with_connection(url: str, password: str | None, work: Callable[[Connection], _Result]) -> _Result:
    where = address(url, password)
    if isinstance(where, SqliteAddress):
        engine = create_engine(f"sqlite:///{where.path}", poolclass=NullPool)
        with engine.begin() as connection:
            return work(connection)
    server = create_async_engine(where.url(), poolclass=NullPool, connect_args={"ssl": tls(where)})
    async with server.begin() as remote:
        return await remote.run_sync(work)
