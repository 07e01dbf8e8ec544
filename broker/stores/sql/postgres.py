"""PostgreSQL database. An atomic write is one statement and so one round trip; every commit is synchronous."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg
import msgspec
from sqlalchemy import BigInteger, bindparam, func, select

from broker.model.store_results import StoreUnavailable
from broker.stores.sql.address import PostgresAddress
from broker.stores.sql.database import AccountMerged, Conflict, Parameters, Prepared, Row
from broker.stores.sql.dialect import Postgres
from broker.stores.sql.error_mapping import BROKEN, READ_ONLY, is_passing, unavailable
from broker.stores.sql.pool import ConnectionPool, PooledConnection, StatementTimeouts
from broker.stores.sql.tables import unique_keys

_Result = TypeVar("_Result")
DEADLINE: Final = 0.8
"""Deadline in seconds of one round trip, including the wait for a connection and its opening."""


class PostgresDatabase(Postgres):
    """A database on a PostgreSQL server."""

    def __init__(self, address: PostgresAddress, connections: int, deadline: float = DEADLINE) -> None:
        self._connections = ConnectionPool(address, connections)
        self._deadline = deadline
        self._patience = StatementTimeouts(deadline)
        self._keys = unique_keys()
        lock = func.pg_try_advisory_xact_lock(bindparam("key", type_=BigInteger))
        self._lease = self.prepare(select(lock))
        self._read_only = self.prepare(select(func.current_setting("transaction_read_only")))

    async def query(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Reads."""
        return await self._alone(prepared, parameters)

    async def perform(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs one statement or atomic write, which PostgreSQL wraps in an implicit transaction."""
        return await self._alone(prepared, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresUnit"]:
        """A transaction of several steps. An exception in the block, or of the connection, rolls it back."""
        connection = await self._in_time(self._connections.take())
        sound = False
        try:
            await self._in_time(connection.execute("BEGIN"))
            try:
                yield PostgresUnit(self, connection)
            except StoreUnavailable:
                raise
            except Exception:
                await self._in_time(connection.execute("ROLLBACK"))
                sound = True
                raise
            await self._in_time(connection.execute("COMMIT"))
            sound = True
        finally:
            self._connections.give(connection, sound=sound)

    @asynccontextmanager
    async def leased(self, name: str) -> AsyncIterator["PostgresUnit | None"]:
        """A lease: a transaction under an advisory lock, which ends with it."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        async with self.transaction() as unit:
            gained = await unit.run(self._lease, {"key": key})
            yield unit if gained[0][0] else None

    async def unwritable(self) -> str | None:
        """Detects a hot standby and a read-only database (`default_transaction_read_only`)."""
        if (await self.query(self._read_only, {}))[0][0] == "off":
            return None
        return f"the database is read-only\n    {READ_ONLY}"

    async def close(self) -> None:
        """Closes all connections."""
        self._connections.close()

    async def step(self, connection: PooledConnection, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs one step of a transaction."""
        return await self._in_time(connection.fetch(prepared, _values(prepared, parameters)))

    async def _alone(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        work = self._fetch(prepared, _values(prepared, parameters))
        if not self._connections.at_hand:
            return await self._in_time(work)
        try:
            return await work
        except (asyncpg.PostgresError, *BROKEN) as error:
            raise self._meaning(error) from error

    async def _fetch(self, prepared: Prepared, values: Sequence[object]) -> Sequence[Row]:
        connection = await self._connections.take()
        self._patience.begin(connection)
        sound = False
        try:
            rows = await connection.fetch(prepared, values)
            sound = True
        except asyncpg.PostgresError as error:
            # the server rejected this statement only: the connection stays usable
            sound = not is_passing(error)
            raise
        finally:
            self._patience.end(connection)
            self._connections.give(connection, sound=sound)
        return rows

    async def _in_time(self, work: Awaitable[_Result]) -> _Result:
        try:
            async with asyncio.timeout(self._deadline):
                return await work
        except (asyncpg.PostgresError, *BROKEN) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> Exception:
        """Converts an error: a taken key, a merged account, an unavailable server, or the error itself."""
        if isinstance(error, asyncpg.UniqueViolationError):
            table, columns = self._keys[str(error.constraint_name)]
            return Conflict(table, columns)
        if isinstance(error, asyncpg.ForeignKeyViolationError):
            return AccountMerged(f"{error.table_name}: {error.constraint_name}")
        if isinstance(error, asyncpg.PostgresError) and not is_passing(error):
            return error
        return unavailable(error)


class PostgresUnit:
    """A transaction in progress on one connection."""

    def __init__(self, database: PostgresDatabase, connection: PooledConnection) -> None:
        self._database = database
        self._connection = connection

    async def run(self, prepared: Prepared, parameters: Parameters) -> Sequence[Row]:
        """Runs a statement or an atomic write in this transaction."""
        return await self._database.step(self._connection, prepared, parameters)


def _values(prepared: Prepared, parameters: Parameters) -> list[Any]:
    step = prepared.steps[0]
    values = [parameters[name] if name in parameters else step.constants[name] for name in step.names]
    if step.json:
        for place, name in enumerate(step.names):
            if name in step.json:
                values[place] = msgspec.json.encode(values[place]).decode()
    return values
