"""PostgreSQL connection pool: connections are opened on demand and discarded after any error."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, cast

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from broker.stores.sql.address import PostgresAddress
from broker.stores.sql.database import Prepared, Row

_SESSION: Final = (
    "SET synchronous_commit = on; SET plan_cache_mode = force_generic_plan; "
    "SET idle_in_transaction_session_timeout = 5000"
)
"""Settings of each session, set after it was opened: PgBouncer rejects them among the startup parameters."""

_OLDEST: Final = 13
_ENCODINGS: Final = ("UTF8", "SQL_ASCII")
"""Database encodings that store every name unchanged."""

_START: Final = {"application_name": "portico"}


class PooledConnection:
    """One connection, with its prepared statements."""

    def __init__(self, raw: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._raw = raw
        self._statements: dict[Prepared, PreparedStatement[asyncpg.Record]] = {}

    @property
    def usable(self) -> bool:
        """Whether it is open, as far as known without a round trip."""
        return not self._raw.is_closed()

    async def fetch(self, prepared: Prepared, values: Sequence[object]) -> Sequence[Row]:
        """Runs a statement. One round trip, apart from its first time on this connection."""
        statement = self._statements.get(prepared)
        if statement is None:
            # An unnamed statement would be parsed and planned each time; a name that is its hash
            # never selects another statement behind a pooler that shares server connections.
            sql = prepared.steps[0].sql
            mark = hashlib.sha256(sql.encode()).hexdigest()[:16]
            name = f"portico_{len(self._statements)}_{mark}"
            statement = self._statements[prepared] = await self._raw.prepare(sql, name=name)
        return cast(Sequence[Row], await statement.fetch(*values))

    async def execute(self, text: str) -> None:
        """Runs a command without parameters."""
        await self._raw.execute(text)

    def drop(self) -> None:
        """Closes it immediately."""
        self._raw.terminate()


class StatementTimeouts:
    """Timeouts of statements: one timer for all connections, since one for each would cost more."""

    def __init__(self, longest: float) -> None:
        """`longest` in seconds."""
        self._longest = longest
        self._busy: dict[PooledConnection, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: PooledConnection) -> None:
        """Starts the timeout of this connection."""
        loop = asyncio.get_running_loop()
        self._busy[connection] = loop.time() + self._longest
        if self._timer is None:
            self._timer = loop.call_later(self._longest, self._look, loop)

    def end(self, connection: PooledConnection) -> None:
        """Stops the timeout of this connection."""
        self._busy.pop(connection, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes overdue connections, and schedules the next check; the earliest started is due first."""
        self._timer = None
        for connection, due in list(self._busy.items()):
            if (left := due - loop.time()) > 0:
                self._timer = loop.call_later(left, self._look, loop)
                return
            del self._busy[connection]
            connection.drop()


class ConnectionPool:
    """At most `most` connections; further callers wait until one is returned."""

    def __init__(self, address: PostgresAddress, most: int) -> None:
        self._where = address
        self._idle: list[PooledConnection] = []
        self._places = asyncio.Semaphore(most)
        self._closed = False

    @property
    def at_hand(self) -> bool:
        """Whether `take` would return one immediately, as far as known without a round trip."""
        return bool(self._idle) and not self._places.locked() and self._idle[-1].usable

    async def take(self) -> PooledConnection:
        """Returns a connection, which must be given back. Raises what asyncpg raises if none can be opened."""
        await self._places.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if connection.usable:
                    return connection
            return await self._connect()
        except BaseException:
            self._places.release()
            raise

    def give(self, connection: PooledConnection, *, sound: bool) -> None:
        """Returns a connection to the pool. It is reused only if it is `sound`: nothing is in progress on it."""
        if sound and connection.usable and not self._closed:
            self._idle.append(connection)
        else:
            connection.drop()
        self._places.release()

    def close(self) -> None:
        """Closes idle connections now, the others when they are returned."""
        self._closed = True
        while self._idle:
            self._idle.pop().drop()

    async def _connect(self) -> PooledConnection:
        address = self._where
        raw = await asyncpg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            database=address.database,
            password=address.password,
            ssl=address.tls or False,
            server_settings=_START,
            statement_cache_size=0,
        )
        try:
            _check_server(raw)
            await raw.execute(_SESSION)
        except BaseException:
            raw.terminate()
            raise
        return PooledConnection(raw)


def _check_server(raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Checks the server's version and encoding. Raises InterfaceError if it cannot store everything."""
    version, encoding = raw.get_server_version(), getattr(raw.get_settings(), "server_encoding", "UTF8")
    if version.major < _OLDEST:
        raise asyncpg.InterfaceError(f"this is PostgreSQL {version.major}: {_OLDEST} or later is needed")
    if encoding not in _ENCODINGS:
        raise asyncpg.InterfaceError(f"the database is encoded in {encoding}: make one with ENCODING 'UTF8'")
