"""Schema version: whether a database has the schema of this release. `broker.stores.sql.migrate` migrates it."""

import ast
import re
import sqlite3
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import Text, column, select, table

from broker.stores.sql.address import NO_CREDENTIALS, DatabaseAccess, SqliteAddress, address
from broker.stores.sql.database import Database
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.sqlite import SqliteDatabase

MIGRATIONS: Final = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT: Final = 5.0
"""Timeout in seconds for reaching a database outside of requests."""

_MARK: Final = re.compile(r"^(revision|down_revision) = (.+)$", re.MULTILINE)
_PRESENT: Final = select(table("alembic_version", column("version_num", Text)))


def heads() -> Set[str]:
    """The head revisions, read from the migrations as Alembic does, so that the server need not import Alembic."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in (MIGRATIONS / "versions").glob("*.py"):
        marks = {name: ast.literal_eval(value) for name, value in _MARK.findall(path.read_text())}
        if (revision := marks.get("revision")) is not None:
            revisions.add(revision)
            before = marks["down_revision"]
            followed.update({before} if isinstance(before, str) else before or ())
    return revisions - followed


async def schema_is_current(url: str, access: DatabaseAccess = NO_CREDENTIALS) -> bool:
    """Whether the schema is the one of this release. Raises StoreUnavailable and BadUrl."""
    database = _opened(url, access)
    try:
        return await Schema(database).is_current()
    finally:
        await database.close()


async def unwritable(url: str, access: DatabaseAccess = NO_CREDENTIALS) -> str | None:
    """Why nothing can be written to a database whose schema is current; None if it can. Raises StoreUnavailable."""
    database = _opened(url, access)
    try:
        return await database.unwritable()
    finally:
        await database.close()


def _opened(url: str, access: DatabaseAccess) -> Database:
    where = address(url, access)
    if isinstance(where, SqliteAddress):
        keep_apart(where)
        return SqliteDatabase(where.path)
    return PostgresDatabase(where, 1, CONNECT_TIMEOUT)


def keep_apart(address: SqliteAddress) -> None:
    """Creates the file with access for the broker's user only; SQLite gives its log and shared memory the same mode.

    If it cannot be created, opening it reports the reason.
    """
    with suppress(OSError):
        address.path.touch(mode=0o600)


class Schema:
    """The schema version of an open database, for frequent checks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._present = database.prepare(_PRESENT)
        self._heads = heads()

    async def is_current(self) -> bool:
        """Whether it is the schema of this release. One round trip. Raises StoreUnavailable."""
        try:
            rows = await self._database.query(self._present, {})
        except (asyncpg.UndefinedTableError, sqlite3.OperationalError):
            return False  # never migrated
        return {row[0] for row in rows} == self._heads
