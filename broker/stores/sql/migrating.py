"""Brings a database to the schema of this release. Only what migrates loads this: it needs several megabytes."""

from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from broker.model.facts import Unavailable
from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.connections import tls
from broker.stores.sql.schema import MIGRATIONS, PATIENCE, keep_apart

_LOCK: Final = 7_042_001
"""The advisory lock under which one process at a time migrates."""


def config() -> Config:
    """Where Alembic finds the migrations."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return found


async def migrate(url: str, password: str | None = None) -> None:
    """Brings the schema up to date in one transaction. Nothing happens if it is; two at a time wait for each other.

    Raises Unavailable where the database cannot be reached.
    """
    where = address(url, password)
    if isinstance(where, SqliteAddress):
        keep_apart(where)
        engine = create_engine(f"sqlite:///{where.path}", poolclass=NullPool)
        try:
            with engine.begin() as connection:
                _upgrade(connection)
        except OperationalError as error:
            raise Unavailable(str(error.orig)) from error
        return
    options = {"ssl": tls(where), "timeout": PATIENCE}
    server = create_async_engine(where.url(), poolclass=NullPool, connect_args=options)
    try:
        async with server.connect() as remote, remote.begin():
            await remote.run_sync(_upgrade)
    except (OSError, TimeoutError, InterfaceError, OperationalError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = config()
    known.attributes["connection"] = connection
    command.upgrade(known, "head")
