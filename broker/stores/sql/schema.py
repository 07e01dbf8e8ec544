"""The schema in a database: bringing it up to date, and asking whether it is."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Text, column, create_engine, select, table, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from broker.model.facts import Unavailable
from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.connections import tls
from broker.stores.sql.database import Database

_Result = TypeVar("_Result")
_LOCK: Final = 7_042_001
"""The advisory lock under which one process at a time migrates."""

_PATIENCE: Final = 5.0
"""How long (seconds) a connection may take to be made."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


async def migrate(url: str, password: str | None = None) -> None:
    """Brings the schema up to date in one transaction. Nothing happens if it is; two at a time wait for each other.

    Raises Unavailable where the database cannot be reached.
    """
    await _with_connection(url, password, _upgrade)


async def schema_is_current(url: str, password: str | None = None) -> bool:
    """Whether the schema is the one that this version of the broker needs. Raises Unavailable."""
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


class Schema:
    """The schema of a database that is open already, for asking often."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = set(ScriptDirectory.from_config(_config()).get_heads())
        present = table("alembic_version", column("version_num", Text))
        self._present = database.prepare(select(present.c.version_num))

    async def is_current(self) -> bool:
        """Whether it is what this version of the broker needs. One round trip. Raises Unavailable."""
        return {row[0] for row in await self._database.query(self._present, {})} == self._heads


async def _with_connection(url: str, password: str | None, work: Callable[[Connection], _Result]) -> _Result:
    where = address(url, password)
    if isinstance(where, SqliteAddress):
        # What lies beside the file (its log, its shared memory) takes over its permissions. Where it cannot be made the
        # engine says why.
        with suppress(OSError):
            where.path.touch(mode=0o600)
        engine = create_engine(f"sqlite:///{where.path}", poolclass=NullPool)
        try:
            with engine.begin() as connection:
                return work(connection)
        except OperationalError as error:
            raise Unavailable(str(error.orig)) from error
    options = {"ssl": tls(where), "timeout": _PATIENCE}
    server = create_async_engine(where.url(), poolclass=NullPool, connect_args=options)
    try:
        async with server.connect() as remote, remote.begin():
            return await remote.run_sync(work)
    except (OSError, TimeoutError, InterfaceError, OperationalError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
