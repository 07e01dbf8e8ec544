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
        self._line: RedisConnection | None = None
        self._opening: asyncio.Task[RedisConnection] | None = None
        self._closed = False

    async def execute(self, words: Sequence[Any]) -> Any:
        """See RedisTransport."""
        line, sent, loop = self._line, tuple(words), asyncio.get_running_loop()
        until = loop.time() + DEADLINE
        if line is None or not line.open:
            return await self._retry(line, sent, until)
        try:
            return await line.send(sent)
        except ConnectionLost:
            return await self._retry(line, sent, until)

    async def _retry(self, line: RedisConnection | None, words: tuple[Any, ...], until: float) -> Any:
        """Sends one command on another connection than `line`, and on a third if that one broke before its reply."""
        async with asyncio.timeout_at(until):
            line = await self._connected(line)
            try:
                return await line.send(words)
            except ConnectionLost:
                return await (await self._connected(line)).send(words)

    async def _connected(self, broken: RedisConnection | None) -> RedisConnection:
        """An open connection. Of concurrent callers one opens it and all use it."""
        if self._line is not None and self._line is not broken and self._line.open:
            return self._line
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> RedisConnection:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                line = await connected(self._place, DEADLINE)
            if self._closed:
                line.close()
                raise ConnectionLost("closed")
            self._line = line
            return line
        finally:
            self._opening = None

    async def close(self) -> None:
        """See RedisTransport."""
        self._closed = True
        if self._line is not None:
            self._line.close()
