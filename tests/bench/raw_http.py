"""HTTP/1.1 client on one persistent connection, written by hand: the cheapest way to drive a server from Python."""

import asyncio
import re
from dataclasses import dataclass
from functools import cache
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
COOKIE = re.compile(rb"\r\nset-cookie: *([^=;\r]+)=([^;\r]*)", re.IGNORECASE)
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


@cache
def _line(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\r\n" + re.escape(name.encode()) + rb": *([^\r]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `head` holds status line and headers without the empty line."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        found = _line(name).search(self.head)
        return None if found is None else found[1].decode("latin-1")

    @property
    def location(self) -> str:
        """Location of a redirect; raises for any other response."""
        if (there := self.header("location")) is None:
            raise Unexpected(self, "a redirect")
        return there


class Unexpected(Exception):
    """A server answered something else than a sign-in needs."""

    def __init__(self, reply: Reply, expected: str) -> None:
        self.reply = reply
        text = (reply.head + b"\r\n\r\n" + reply.body[:2000]).decode(errors="replace")
        super().__init__(f"expected {expected}, got:\n{text}")


class Connection(asyncio.Protocol):
    """A connection on which one request is under way at a time."""

    def __init__(self) -> None:
        """Not open yet: see `connect`."""
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[Reply] | None = None
        self.sent = 0
        """How many requests went out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""

        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio: the server hung up."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("the server hung up"))

    @property
    def open(self) -> bool:
        """Whether the connection can still be used."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    async def send(self, request: bytes) -> Reply:
        """Sends a whole request and gives the whole answer."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        self.sent += 1
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None:
            self._buffer = buffer
            return
        head = buffer[:end]
        length = LENGTH.search(head)
        if length is None:
            if b"chunked" in head.lower():
                if not buffer.endswith(b"0\r\n\r\n"):
                    self._buffer = buffer
                    return
                body = _joined(buffer[end + 4 :])
            else:
                body = b""
        else:
            whole = end + 4 + int(length[1])
            if len(buffer) < whole:
                self._buffer = buffer
                return
            body = buffer[end + 4 : whole]
        self._buffer = b""
        waiting, self._waiting = self._waiting, None
        waiting.set_result(Reply(int(head[9:12]), head, body))


def _joined(chunks: bytes) -> bytes:
    """The body in chunks (RFC 9112 7.1) as one."""
    body = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body, chunks = body + rest[:length], rest[length + 2 :]
        if length == 0:
            break
    return body


async def connect(port: int) -> Connection:
    """A connection to a loopback port."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


class Jar:
    """The cookies of one browser, at one origin."""

    def __init__(self) -> None:
        """Empty, as in a fresh browser."""
        self._cookies: dict[bytes, bytes] = {}

    def learn(self, reply: Reply) -> None:
        """Stores the cookies of a response."""
        if b"ookie" in reply.head:
            for name, value in COOKIE.findall(reply.head):
                self._cookies[name] = value

    @property
    def line(self) -> bytes:
        """The header line that sends all of them."""
        if not self._cookies:
            return b""
        pairs = b"; ".join(b"%s=%s" % pair for pair in self._cookies.items())
        return b"Cookie: %s\r\n" % pairs


def get(host: str, path: str, lines: bytes = b"") -> bytes:
    """A GET. `lines` are further header lines, each with its end."""
    return b"GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (path.encode(), host.encode(), lines)


def post(host: str, path: str, form: bytes, lines: bytes = b"") -> bytes:
    """A POST of an encoded form."""
    return b"POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n%s\r\n%s" % (
        path.encode(),
        host.encode(),
        FORM,
        len(form),
        lines,
        form,
    )
