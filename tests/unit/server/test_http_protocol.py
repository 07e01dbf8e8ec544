"""Responses on the wire, written by a real server: their bytes, and the number of writes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.server.http_protocol import MOST, CoalescingTransport, HttpProtocol
from tests.support.ports import LOOPBACK
from tests.support.serving import serving


class Wire:
    """A transport that records its calls."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def gathering(wire: Wire) -> CoalescingTransport:
    """What is under test, around a transport."""
    return CoalescingTransport(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_goes_out_as_one() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"head")
    transport.write(b"body")
    assert wire.written == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.written == [b"headbody", b"next"]


async def test_closing_writes_what_was_held_back() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"the end")
    transport.close()
    await asyncio.sleep(0)
    assert (wire.written, wire.closed) == ([b"the end"], True)


async def test_nothing_is_written_to_a_connection_that_broke_meanwhile() -> None:
    wire = Wire()
    transport = gathering(wire)
    transport.write(b"too late")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.written == []


@given(st.lists(st.tuples(st.sampled_from([1, 5, MOST - 1, MOST, MOST + 1]), st.booleans()), max_size=12))
def test_every_byte_goes_out_once_and_in_order(pieces: list[tuple[int, bool]]) -> None:
    numbers = itertools.cycle(range(256))
    wanted = [bytes([next(numbers)]) * size for size, _ in pieces]
    wire = Wire()

    async def write() -> None:
        transport = gathering(wire)
        for data, (_, turn) in zip(wanted, pieces, strict=True):
            transport.write(data)
            if turn:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(write())
    assert b"".join(wire.written) == b"".join(wanted)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Small, large, in pieces, and closing."""
    request = Request(scope, receive)
    answers: dict[str, Callable[[], Response]] = {
        "/small": lambda: PlainTextResponse("small"),
        "/large": lambda: PlainTextResponse("x" * (MOST * 40)),
        "/pieces": lambda: StreamingResponse(pieces()),
        "/closing": lambda: PlainTextResponse("closing", headers={"connection": "close"}),
    }
    if scope["method"] == "POST":
        await request.body()
    await answers[scope["path"]]()(scope, receive, send)


async def pieces() -> AsyncIterator[bytes]:
    """Some of them in one turn of the loop, some not."""
    for number in range(5):
        yield b"%d" % number * 7
        if number % 2:
            await asyncio.sleep(0.001)


@asynccontextmanager
async def served(app: ASGIApp, protocol: type[HttpProtocol] = HttpProtocol) -> AsyncIterator[int]:
    """A real server; its port."""
    async with serving(app, http=protocol) as port:
        yield port


async def send_requests(port: int, *requests: str) -> bytes:
    """All that comes back on one connection until the server closes it."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write("".join(f"{line} HTTP/1.1\r\nHost: here\r\n{more}" for line, _, more in map(split, requests)).encode())
    answer = await reader.read()
    writer.close()
    return answer


def split(request: str) -> tuple[str, str, str]:
    """The request line, and all headers and content after it."""
    line, mark, more = request.partition("|")
    return line, mark, more or "\r\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/small", b"small"),
        ("/large", b"x" * (MOST * 40)),
        ("/pieces", b"".join(b"7\r\n%s\r\n" % (b"%d" % n * 7) for n in range(5)) + b"0\r\n\r\n"),
    ],
)
async def test_answers_arrive_whole_and_in_order_on_a_connection_that_stays_open(path: str, expected: bytes) -> None:
    async with served(application) as port:
        answer = await send_requests(port, f"GET {path}", "GET /small", "GET /closing")
    first, second, third = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.partition(b"\r\n\r\n")[2] == expected
    assert second.partition(b"\r\n\r\n")[2] == b"small"
    assert third.partition(b"\r\n\r\n")[2] == b"closing"


async def test_expect_100_continue_is_answered() -> None:
    async with served(application) as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"POST /closing HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await reader.read()).endswith(b"\r\n\r\nclosing")
        writer.close()


async def test_an_answer_is_one_write() -> None:
    written: list[bytes] = []

    class Noting:
        """A real transport, whose writes are noted."""

        def __init__(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast(asyncio.Transport, transport)

        def write(self, data: bytes) -> None:
            written.append(data)
            self._transport.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

    class Noted(HttpProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(cast(asyncio.BaseTransport, Noting(transport)))

    async with served(application, Noted) as port:
        await send_requests(port, "GET /small", "GET /closing")
    assert [answer[-7:] for answer in written] == [b"\r\nsmall", b"closing"]
