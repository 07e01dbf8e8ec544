"""How requests are read from their connections, and how answers are written to them.

uvicorn writes the head of an answer, then its body. Each write is a call into the kernel that wakes the reader, and
costs as much as a tenth of all that a small answer takes: what is written in one turn of the loop goes out as one.

uvicorn reads the head of a request whatever its size, and takes the trailer of a chunked body for headers: here the
head has a limit, and trailers are dropped (RFC 9110 6.5.1).
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST: Final = 65_536
"""Bytes from which on nothing is held back: copying them would cost more than it saves."""


LARGEST_HEAD: Final = 262_144
"""The most bytes of the head of a request that are held. Smaller ones the application refuses in better words."""

LINGER: Final = 1.0
"""Seconds for which a connection is still read, and nothing of it kept, after its head was refused."""

_TOO_LARGE: Final = (
    "Your browser sent more than this website can read. Delete the cookies of this website and try again.\n"
    "Anfonodd eich porwr fwy nag y gall y wefan hon ei ddarllen. Dilëwch gwcis y wefan hon a cheisiwch eto.\n"
    "أرسل متصفحك أكثر مما يستطيع هذا الموقع قراءته. احذف ملفات تعريف الارتباط الخاصة بهذا الموقع وحاول مرة أخرى.\n"
).encode()


class CoalescingTransport:
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


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 over such a transport."""

    _in_head = False
    _head = 0
    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        gathering = CoalescingTransport(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, gathering))

    def data_received(self, data: bytes) -> None:
        """Called by the loop. A head that goes on beyond the limit is answered with 431 (RFC 6585 5)."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser after the last header. The fields of a trailer go to a list that nothing reads."""
        self._in_head = False
        super().on_headers_complete()
        self.headers = []

    def _refuse_head(self) -> None:
        """Answers, and closes a moment later: closed at once, a connection that still sends loses what was answered."""
        self._refused = True
        head = (
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\ncache-control: no-store\r\nconnection: close\r\n\r\n" % len(_TOO_LARGE)
        )
        self.transport.write(head + _TOO_LARGE)
        self.loop.call_later(LINGER, self.transport.close)
