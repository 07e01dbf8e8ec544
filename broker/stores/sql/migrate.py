"""Schema migration: brings a database to the schema of this release. Imported only by `migrate`, since Alembic takes
several megabytes."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.stores.sql.address import NO_CREDENTIALS, DatabaseAccess, SqliteAddress, address
from broker.stores.sql.data_migration import case_batch, identity_batch
from broker.stores.sql.error_mapping import BROKEN, is_passing, unavailable
from broker.stores.sql.schema import CONNECT_TIMEOUT, MIGRATIONS, keep_apart
from broker.stores.sql.sqlite import meaning

_LOCK: Final = 7_042_001
"""The PostgreSQL advisory lock under which one process at a time migrates."""

_DATA: Final = (("0008", identity_batch), ("0019", case_batch))
"""Revisions at which rows have to be migrated by Python code, and what migrates the next of them."""


def config() -> Config:
    """The configuration of Alembic."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return found


async def migrate(
    url: str,
    access: DatabaseAccess = NO_CREDENTIALS,
    sealing: Callable[[], Sealer] | None = None,
) -> None:
    """Migrates the schema to this release. Does nothing if it is current; concurrent migrations wait for each other.

    If rows have to be rewritten, each batch is a transaction: an interrupted run is continued by the next one.
    `sealing` returns the broker's sealing keys, which this needs.

    Raises StoreUnavailable if the database cannot be used, BadUrl for an invalid URL, SealingKeyNeeded if there are
    such rows and no keys.
    """
    where = address(url, access)
    if isinstance(where, SqliteAddress):
        _migrate_file(where, sealing)
        return
    options = {"ssl": where.tls or False, "timeout": CONNECT_TIMEOUT}
    server = create_async_engine(where.url(), poolclass=NullPool, connect_args=options)

    async def run(step: Callable[[Connection], bool]) -> bool:
        async with server.connect() as remote, remote.begin():
            return await remote.run_sync(lambda connection: _alone(connection, step))

    try:
        for revision, batch in _DATA:
            await run(partial(_upgrade, to=revision))
            while await run(partial(batch, sealing=sealing)):
                pass
        await run(_upgrade)
    except DBAPIError as error:
        # the driver's exception is wrapped twice; any other exception is an error in a migration
        cause = getattr(error.orig, "__cause__", None)
        if isinstance(cause, Exception) and is_passing(cause):
            raise unavailable(cause) from error
        raise
    except (asyncpg.PostgresError, *BROKEN) as error:
        if is_passing(error):
            raise unavailable(error) from error
        raise


def _migrate_file(address: SqliteAddress, sealing: Callable[[], Sealer] | None) -> None:
    keep_apart(address)
    engine = create_engine(f"sqlite:///{address.path}", poolclass=NullPool)

    def run(step: Callable[[Connection], bool]) -> bool:
        with engine.connect() as connection:
            # secure_delete overwrites deleted content in the file
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            connection.commit()
            with connection.begin():
                # the driver does not begin a transaction for DDL
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return step(connection)

    moved = False
    try:
        for revision, batch in _DATA:
            run(partial(_upgrade, to=revision))
            while run(partial(batch, sealing=sealing)):
                moved = moved or batch is identity_batch
        run(_upgrade)
        if moved:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except DatabaseError as error:
        cause = error.orig
        failure = meaning(cause) if isinstance(cause, sqlite3.Error) else cause
        if isinstance(failure, StoreUnavailable):
            raise StoreUnavailable(f"{address.path}: {failure}") from error
        raise


def _alone(connection: Connection, step: Callable[[Connection], bool]) -> bool:
    """Runs a step while no other process runs one."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    return step(connection)


def _upgrade(connection: Connection, to: str = "head") -> bool:
    """Migrates the schema to a revision, unless it is there or beyond."""
    known = config()
    known.attributes["connection"] = connection
    command.upgrade(known, to)
    return True
