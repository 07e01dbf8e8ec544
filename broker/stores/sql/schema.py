"""Whether a database has the schema of this release. What brings it there is `broker.stores.sql.migrate`."""

import ast
import re
import sqlite3
import ssl
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import Text, column, select, table

from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.database import Database
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.sqlite import SqliteDatabase

MIGRATIONS: Final = Path(__file__).parent / "migrations"
PATIENCE: Final = 5.0
"""How long (seconds) a database may take to be reached, outside of requests."""

_MARK: Final = re.compile(r"^(revision|down_revision) = (.+)$", re.MULTILINE)
_PRESENT: Final = select(table("alembic_version", column("version_num", Text)))


def heads() -> Set[str]:
    """The newest revisions, read off the migrations as Alembic does: what serves does not load what migrates."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in (MIGRATIONS / "versions").glob("*.py"):
        marks = {name: ast.literal_eval(value) for name, value in _MARK.findall(path.read_text())}
        if (revision := marks.get("revision")) is not None:
            revisions.add(revision)
            before = marks["down_revision"]
            followed.update({before} if isinstance(before, str) else before or ())
    return revisions - followed


async def schema_is_current(url: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the schema is the one that this version of the broker needs. Raises StoreUnavailable and BadUrl."""
    database = _opened(url, password, tls)
    try:
        return await Schema(database).is_current()
    finally:
        await database.close()


async def unwritable(url: str, password: str | None = None, tls: ssl.SSLContext | None = None) -> str | None:
    """Why nothing can be written to a database whose schema is current; None if it can. Raises StoreUnavailable."""
    database = _opened(url, password, tls)
    try:
        return await database.unwritable()
    finally:
        await database.close()


def _opened(url: str, password: str | None, tls: ssl.SSLContext | None) -> Database:
    where = address(url, password, tls)
    if isinstance(where, SqliteAddress):
        keep_apart(where)
        return SqliteDatabase(where.path)
    return PostgresDatabase(where, 1, PATIENCE)


def keep_apart(where: SqliteAddress) -> None:
    """Makes the file readable by nobody else: what lies beside it (its log, its shared memory) takes that over.

    Where it cannot be made, whoever opens it says why.
    """
    with suppress(OSError):
        where.path.touch(mode=0o600)


class Schema:
    """The schema of a database that is open already, for asking often."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._present = database.prepare(_PRESENT)
        self._heads = heads()

    async def is_current(self) -> bool:
        """Whether it is what this version of the broker needs. One round trip. Raises StoreUnavailable."""
        try:
            rows = await self._database.query(self._present, {})
        except (asyncpg.UndefinedTableError, sqlite3.OperationalError):
            return False  # nothing was ever made in it
        return {row[0] for row in rows} == self._heads
