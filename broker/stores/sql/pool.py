"""A few connections to PostgreSQL, made when they are needed and thrown away when anything is wrong with them."""

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
"""Settings of each session, made after it was opened: PgBouncer refuses them among the parameters of the start."""

_OLDEST: Final = 13
_ENCODINGS: Final = ("UTF8", "SQL_ASCII")
"""Encodings of a database that keep every name as it was written."""

_START: Final = {"application_name": "portico"}


class PooledConnection:
    """One connection, with the statements that were prepared on it."""

    def __init__(self, raw: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._raw = raw
        self._statements: dict[Prepared, PreparedStatement[asyncpg.Record]] = {}

    @property
    def usable(self) -> bool:
        """Whether it is open, as far as can be known without asking."""
        return not self._raw.is_closed()

    async def fetch(self, prepared: Prepared, values: Sequence[object]) -> Sequence[Row]:
        """Runs a statement. One round trip, apart from its first time on this connection."""
        statement = self._statements.get(prepared)
        if statement is None:
            # without a name the server would read and plan it again each time that it runs; with its hash in the name
            # nobody runs another one where a pooler lends what others prepared
            sql = prepared.steps[0].sql
            mark = hashlib.sha256(sql.encode()).hexdigest()[:16]
            name = f"portico_{len(self._statements)}_{mark}"
            statement = self._statements[prepared] = await self._raw.prepare(sql, name=name)
        return cast(Sequence[Row], await statement.fetch(*values))

    async def execute(self, text: str) -> None:
        """Runs a command that has no parameters."""
        await self._raw.execute(text)

    def drop(self) -> None:
        """Ends it at once."""
        self._raw.terminate()


class StatementTimeouts:
    """Ends connections on which something takes too long: one timer for all of them, where each could have its own."""

    def __init__(self, longest: float) -> None:
        """`longest` in seconds."""
        self._longest = longest
        self._busy: dict[PooledConnection, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: PooledConnection) -> None:
        """From now on the clock runs for this connection."""
        loop = asyncio.get_running_loop()
        self._busy[connection] = loop.time() + self._longest
        if self._timer is None:
            self._timer = loop.call_later(self._longest, self._look, loop)

    def end(self, connection: PooledConnection) -> None:
        """It is done in time."""
        self._busy.pop(connection, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends what is overdue, and looks again when the next one is; who began first is due first."""
        self._timer = None
        for connection, due in list(self._busy.items()):
            if (left := due - loop.time()) > 0:
                self._timer = loop.call_later(left, self._look, loop)
                return
            del self._busy[connection]
            connection.drop()


class ConnectionPool:
    """At most `most` connections; who comes later waits until one is given back."""

    def __init__(self, where: PostgresAddress, most: int) -> None:
        self._where = where
        self._idle: list[PooledConnection] = []
        self._places = asyncio.Semaphore(most)
        self._closed = False

    @property
    def at_hand(self) -> bool:
        """Whether `take` would give one at once, as far as can be known without asking."""
        return bool(self._idle) and not self._places.locked() and self._idle[-1].usable

    async def take(self) -> PooledConnection:
        """A connection, which must be given back. Raises what asyncpg raises where there is none to be had."""
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

    def give(self, connection: PooledConnection, sound: bool) -> None:
        """Gives one back. It is used again only if it is `sound`: nothing is under way on it."""
        if sound and connection.usable and not self._closed:
            self._idle.append(connection)
        else:
            connection.drop()
        self._places.release()

    def close(self) -> None:
        """Ends the idle ones now, the others when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().drop()

    async def _connect(self) -> PooledConnection:
        where = self._where
        raw = await asyncpg.connect(
            host=where.host,
            port=where.port,
            user=where.user,
            database=where.database,
            password=where.password,
            ssl=where.tls or False,
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
    """What a server says of itself when it is reached. Raises InterfaceError if it cannot keep what is written."""
    version, encoding = raw.get_server_version(), getattr(raw.get_settings(), "server_encoding", "UTF8")
    if version.major < _OLDEST:
        raise asyncpg.InterfaceError(f"this is PostgreSQL {version.major}: {_OLDEST} or later is needed")
    if encoding not in _ENCODINGS:
        raise asyncpg.InterfaceError(f"the database is encoded in {encoding}: make one with ENCODING 'UTF8'")
