"""One connection to Redis that many commands share: answers come back in the order in which commands were sent.

Why: one plain address is the common case, and redis-py costs more for each command although its commands share
pipelines too. Gain measured: 10 % of a sign-in with the profile `oidc`, 17 % with `fapi2` (docs/decisions/0010). Fall
back to RedisPyTransport, which serves such an address as well.

A command is a future and a share of a write: what all requests send in one turn of the loop goes out together, since a
write costs more than the command that it carries.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from hiredis import Reader, ReplyError, pack_command

MAX_QUEUED: Final = 10_000
"""Commands that may wait for their answers; more than that is a Redis that does not keep up."""


NOT_NOW: Final = frozenset({"OOM", "READONLY", "MISCONF", "MASTERDOWN", "LOADING", "BUSY", "NOREPLICAS"})
"""The first words of a Redis that is there and cannot do it now."""


class ConnectionLost(Exception):
    """The connection broke, or was given up; whether the command was carried out is not known."""


class ResponseTimeout(Exception):
    """An answer did not come in time, so the connection was given up with everything that waited on it."""


class QueueFull(Exception):
    """Too many wait for their answers already; the command was not sent, and those who wait are not disturbed."""


class AuthenticationFailed(Exception):
    """Redis is there, and refuses the user, the password or the number of the database."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis is, and how to be let in."""

    host: str
    port: int
    database: int = 0
    password: str | None = field(default=None, repr=False)

    def opening(self) -> Sequence[tuple[Any, ...]]:
        """The commands with which every connection begins."""
        first: list[tuple[Any, ...]] = []
        if self.password is not None:
            first.append(("AUTH", self.password))
        if self.database:
            first.append(("SELECT", self.database))
        return first


class RedisConnection(asyncio.Protocol):
    """The connection. `deadline` is how long (seconds) an answer may take before all of it is given up."""

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
        """The answer to come. It fails with Broken, Overdue, Crowded, or what Redis says is wrong (ReplyError).

        Raises TypeError or UnicodeEncodeError for words that cannot be sent.
        """
        # before anybody waits: who waited for a command that was never sent would be given the next one's answer
        packed = pack_command(words)
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            answer.set_exception(ConnectionLost("not connected"))
            return answer
        if len(self._waiting) >= MAX_QUEUED:
            answer.set_exception(QueueFull(f"{MAX_QUEUED} wait already"))
            return answer
        if not self._unsent:
            self._loop.call_soon(self._write)
        self._unsent.append(packed)
        self._waiting.append((self._loop.time() + self._deadline, answer))
        if self._watch is None:
            self._watch = self._loop.call_later(self._deadline, self._look)
        return answer

    def _write(self) -> None:
        """Sends what was asked for in this turn of the loop."""
        commands, self._unsent = self._unsent, []
        if self._transport is not None:
            self._transport.write(b"".join(commands))

    def close(self) -> None:
        """Gives the connection up; whoever still waits is told."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop: hands every answer to whoever waits longest."""
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

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: whoever waits is told."""
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
        """Gives the connection up where the answer that is due first is overdue; else looks again when it is due."""
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
    """A new connection, let in and at the right database. Raises OSError, Broken, Overdue, AuthenticationFailed."""
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
