"""Redis connection shared by many commands (pipelining): replies arrive in the order of the commands.

Why: a single plain address is the common case, and redis-py costs more for each command although its commands share
pipelines too. Gain measured: 10 % to 17 % of a sign-in (docs/decisions/0057). Fall
back to RedisPyTransport, which serves such an address as well.

A command is a future and a part of a write: the commands of all requests in one iteration of the event loop are written
together, since a write costs more than the command that it carries.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from hiredis import Reader, ReplyError, pack_command

MAX_QUEUED: Final = 10_000
"""Maximum number of commands that wait for replies; more means that Redis is overloaded."""


NOT_NOW: Final = frozenset({"OOM", "READONLY", "MISCONF", "MASTERDOWN", "LOADING", "BUSY", "NOREPLICAS"})
"""Error codes of a Redis that is temporarily unable to serve."""


class ConnectionLost(Exception):
    """The connection broke or was closed; whether the command was executed is unknown."""


class ResponseTimeout(Exception):
    """A reply did not arrive in time, so the connection was closed with all waiting commands."""


class QueueFull(Exception):
    """Too many commands wait for replies; this one was not sent, the others are not affected."""


class AuthenticationFailed(Exception):
    """Redis rejects the user, the password or the database number."""


class SentinelRefused(AuthenticationFailed):
    """A Sentinel rejects its user or its password."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Address and credentials of a Redis."""

    host: str
    port: int
    database: int = 0
    password: str | None = field(default=None, repr=False)

    def opening(self) -> Sequence[tuple[Any, ...]]:
        """The commands sent first on every connection."""
        first: list[tuple[Any, ...]] = []
        if self.password is not None:
            first.append(("AUTH", self.password))
        if self.database:
            first.append(("SELECT", self.database))
        return first


class RedisConnection(asyncio.Protocol):
    """The connection. `deadline` is the longest wait for a reply, in seconds, before the connection is closed."""

    def __init__(self, deadline: float) -> None:
        """Not connected yet; see `connected`."""
        self._deadline = deadline
        self._reader = Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None
        self._overdue = False
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        """Whether commands can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, words: tuple[Any, ...]) -> asyncio.Future[Any]:
        """Sends a command. Returns a future of the reply, which fails with ConnectionLost, ResponseTimeout, QueueFull
        or an error reply (ReplyError).

        Raises TypeError or UnicodeEncodeError for words that cannot be encoded.
        """
        # encoded before the future is queued: a command that was never sent would receive the next one's reply
        packed = pack_command(words)
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            answer.set_exception(ConnectionLost("not connected"))
            return answer
        if len(self._waiting) >= MAX_QUEUED:
            answer.set_exception(QueueFull(f"{MAX_QUEUED} commands wait already"))
            return answer
        if not self._unsent:
            self._loop.call_soon(self._write)
        self._unsent.append(packed)
        self._waiting.append((self._loop.time() + self._deadline, answer))
        if self._watch is None:
            self._watch = self._loop.call_later(self._deadline, self._look)
        return answer

    def _write(self) -> None:
        """Writes all commands of this iteration of the event loop."""
        commands, self._unsent = self._unsent, []
        if self._transport is not None:
            self._transport.write(b"".join(commands))

    def close(self) -> None:
        """Closes the connection; all waiting commands fail."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop: resolves the oldest waiting commands with the replies."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if not self._waiting:
                self.close()
                return
            answer = self._waiting.popleft()[1]
            if answer.done():
                continue
            if isinstance(reply, ReplyError):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the event loop: fails all waiting commands."""
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        why = ResponseTimeout if self._overdue else ConnectionLost
        while self._waiting:
            answer = self._waiting.popleft()[1]
            if not answer.done():
                answer.set_exception(why())

    def _look(self) -> None:
        """Closes the connection if the oldest reply is overdue; else checks again at its deadline."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0][0] - self._loop.time()
        if left <= 0:
            self._overdue = True
            self.close()
        else:
            self._watch = self._loop.call_later(left, self._look)


async def connected(place: RedisAddress, deadline: float) -> RedisConnection:
    """Opens a connection, authenticates and selects the database. Raises OSError, ConnectionLost, ResponseTimeout,
    AuthenticationFailed."""
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: RedisConnection(deadline), place.host, place.port)
    try:
        for words in place.opening():
            await line.send(words)
    except ReplyError as error:
        line.close()
        if str(error).partition(" ")[0] in NOT_NOW:
            raise ConnectionLost(str(error)) from error
        raise AuthenticationFailed(str(error)) from error
    except BaseException:
        line.close()
        raise
    return line
