"""Shared Redis connection: one connection for all commands, reopened after a failure."""

import asyncio
from collections.abc import Sequence
from typing import Any

from broker.stores.ephemeral.redis_connection import ConnectionLost, RedisAddress, RedisConnection, connected
from broker.stores.ephemeral.transport import CONNECT_WITHIN, DEADLINE


class SharedConnection:
    """A RedisTransport over one connection, opened on first use and again once Redis is back."""

    def __init__(self, place: RedisAddress) -> None:
        """The connection is opened on first use."""
        self._place = place
        self._connection: RedisConnection | None = None
        self._opening: asyncio.Task[RedisConnection] | None = None
        self._closed = False

    async def execute(self, words: Sequence[Any]) -> Any:
        """See RedisTransport."""
        connection, sent, loop = self._connection, tuple(words), asyncio.get_running_loop()
        until = loop.time() + DEADLINE
        if connection is None or not connection.open:
            return await self._retry(connection, sent, until)
        try:
            return await connection.send(sent)
        except ConnectionLost:
            return await self._retry(connection, sent, until)

    async def _retry(self, connection: RedisConnection | None, words: tuple[Any, ...], until: float) -> Any:
        """Sends a command on another connection than this one, and on a third if that one broke before its reply."""
        async with asyncio.timeout_at(until):
            connection = await self._connected(connection)
            try:
                return await connection.send(words)
            except ConnectionLost:
                return await (await self._connected(connection)).send(words)

    async def _connected(self, broken: RedisConnection | None) -> RedisConnection:
        """An open connection. Of concurrent callers one opens it and all use it."""
        if self._connection is not None and self._connection is not broken and self._connection.open:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> RedisConnection:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                connection = await connected(self._place, DEADLINE)
            if self._closed:
                connection.close()
                raise ConnectionLost("closed")
            self._connection = connection
            return connection
        finally:
            self._opening = None

    async def close(self) -> None:
        """See RedisTransport."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
