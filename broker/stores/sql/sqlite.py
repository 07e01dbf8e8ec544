"""SQLite database: one file, accessed by one thread that runs one job at a time. For one host.

Every commit is on disk before it is acknowledged (write-ahead log, `synchronous=FULL`).
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from broker.model.store_results import StoreUnavailable
from broker.stores.sql.database import Conflict, Parameters, Prepared, Row, SqlText
from broker.stores.sql.dialect import Sqlite

_Result = TypeVar("_Result")
BUSY_TIMEOUT: Final = 0.8
"""Busy timeout: seconds that a write waits for another process that has locked the file."""

_UNIQUE: Final = re.compile(r"UNIQUE constraint failed: (.+)")
_GONE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
"""SQLite error codes that say that the file cannot be used. Every other error is a programming error and is raised
as such."""

_FIXES: Final = {
    sqlite3.SQLITE_FULL: "free space on the disk",
    sqlite3.SQLITE_READONLY: "permit the broker's user to write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "permit the broker's user to write the file and its folder",
    sqlite3.SQLITE_CORRUPT: "restore a backup, or name another file",
    sqlite3.SQLITE_NOTADB: "restore a backup, or name another file",
}


class SqliteDatabase(Sqlite):
    """An SQLite file, opened on first use and again after an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facts")
        self._turn = asyncio.Lock()
        self._open: sqlite3.Connection | None = None

    async def query(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Reads."""
        async with self._turn:
            return await self._job(lambda connection: _run(connection, prepared, parameters))

    async def perform(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs one statement or atomic write in its own transaction."""

        def deed(connection: sqlite3.Connection) -> Sequence[Row]:
            connection.execute("BEGIN IMMEDIATE")
            rows = _run(connection, prepared, parameters)
            connection.execute("ROLLBACK" if prepared.gated and not rows else "COMMIT")
            return rows

        async with self._turn:
            return await self._job(deed)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqliteUnit"]:
        """A transaction of several steps. Nothing else of this process runs until it ends."""
        async with self._turn:
            ended = False
            try:
                await self._job(lambda connection: connection.execute("BEGIN IMMEDIATE"))
                yield SqliteUnit(self._job)
                ended = True
                await self._job(lambda connection: connection.execute("COMMIT"))
            finally:
                if not ended:
                    await self._job(_undo)

    @asynccontextmanager
    async def leased(self, _name: str) -> AsyncIterator["SqliteUnit | None"]:
        """A lease: a plain transaction, since SQLite has one writer at a time."""
        async with self.transaction() as unit:
            yield unit

    async def unwritable(self) -> str | None:
        """Writes one page, which changes nothing: only a write detects a full disk."""
        try:
            async with self._turn:
                await self._job(_write_nothing)
        except StoreUnavailable as problem:
            return f"the file cannot be written: {problem}"
        return None

    async def close(self) -> None:
        """Closes the file after the running job."""
        async with self._turn:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)

    async def _job(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            return work(self._connection())
        except sqlite3.Error as error:
            self._recover()
            raise meaning(error) from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._open = connection
        return self._open

    def _recover(self) -> None:
        """Rolls back after an error; a connection that cannot roll back is closed."""
        if self._open is None:
            return
        try:
            _undo(self._open)
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            connection, self._open = self._open, None
            connection.close()


class SqliteUnit:
    """A transaction in progress on the file's thread."""

    def __init__(self, job: Callable[[Callable[[sqlite3.Connection], Sequence[Row]]], Any]) -> None:
        self._job = job

    async def run(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs a statement or an atomic write in this transaction."""

        def step(connection: sqlite3.Connection) -> Sequence[Row]:
            if not connection.in_transaction:
                raise StoreUnavailable("the transaction was lost")
            return _run(connection, prepared, parameters)

        rows: Sequence[Row] = await self._job(step)
        return rows


def _undo(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _write_nothing(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE alembic_version SET version_num = version_num")
    connection.execute("COMMIT")


def _run(connection: sqlite3.Connection, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
    """The rows of the gate, or, without a gate, of the last step that has rows."""
    rows: Sequence[Row] = ()
    for number, step in enumerate(prepared.steps):
        if step.rows is not None:
            connection.executemany(step.sql, [_values(step, {**parameters, **row}) for row in parameters[step.rows]])
            continue
        found = connection.execute(step.sql, _values(step, parameters)).fetchall()
        if number == 0 or not prepared.gated:
            rows = found
        if number == 0 and prepared.gated and not found:
            break
    return rows


def _values(step: SqlText, parameters: Parameters) -> dict[str, Any]:
    values = {name: parameters[name] if name in parameters else step.constants[name] for name in step.names}
    for name in step.json:
        values[name] = msgspec.json.encode(values[name]).decode()
    return values


def meaning(error: sqlite3.Error) -> Exception:
    """Converts an error: a taken key, an unusable file, or the error itself."""
    unique = _UNIQUE.match(str(error))
    if isinstance(error, sqlite3.IntegrityError) and unique:
        names = [name.split(".") for name in unique[1].split(", ")]
        return Conflict(names[0][0], tuple(name[1] for name in names))
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _GONE:
        fix = _FIXES.get(code & 0xFF)
        return StoreUnavailable(f"{error}\n    {fix}" if fix else str(error))
    return error
