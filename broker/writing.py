"""How answers are written to their connections: what is written in one turn of the loop goes out as one.

uvicorn writes the head of an answer, then its body. Each write is a call into the kernel that wakes whoever reads, and
costs as much as a tenth of all that a small answer takes.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST: Final = 65_536
"""Bytes from which on nothing is held back: copying them would cost more than it saves."""


class Gathering:
    """A transport that holds back what is written until the end of this turn of the loop."""

    __slots__ = ("_loop", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """All but `write` and `close` is the transport's own."""
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Writes at the end of this turn, or at once if it is much."""
        if len(data) >= MOST:
            self._flush()
            self._transport.write(data)
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def close(self) -> None:
        """Writes what was held back, and closes."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._unsent and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 over such a transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        gathering = Gathering(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, gathering))
