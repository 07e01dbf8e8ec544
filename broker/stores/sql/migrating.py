"""Brings a database to the schema of this release. Only what migrates loads this: it needs several megabytes."""

import ssl
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from broker.model.facts import Unavailable
from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.refusals import BROKEN, is_passing, unavailable
from broker.stores.sql.schema import MIGRATIONS, PATIENCE, keep_apart

_LOCK: Final = 7_042_001
"""The advisory lock under which one process at a time migrates."""


def config() -> Config:
    """Where Alembic finds the migrations."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return found


async def migrate(url: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> None:
    """Brings the schema up to date in one transaction. Nothing happens if it is; two at a time wait for each other.

    Raises Unavailable if the database cannot be used, BadUrl for an address that is none.
    """
    where = address(url, password, tls)
    if isinstance(where, SqliteAddress):
        keep_apart(where)
        engine = create_engine(f"sqlite:///{where.path}", poolclass=NullPool)
        try:
            with engine.begin() as connection:
                _upgrade(connection)
        except DatabaseError as error:
            raise Unavailable(f"{where.path}: {error.orig}") from error
        return
    options = {"ssl": where.tls or False, "timeout": PATIENCE}
    server = create_async_engine(where.url(), poolclass=NullPool, connect_args=options)
    try:
        async with server.connect() as remote, remote.begin():
            await remote.run_sync(_upgrade)
    except DBAPIError as error:
        # the driver's own exception is wrapped twice; any other is a fault of a migration
        cause = getattr(error.orig, "__cause__", None)
        if isinstance(cause, Exception) and is_passing(cause):
            raise unavailable(cause) from error
        raise
    except (asyncpg.PostgresError, *BROKEN) as error:
        if is_passing(error):
            raise unavailable(error) from error
        raise


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = config()
    known.attributes["connection"] = connection
    command.upgrade(known, "head")
