"""Request headers on the wire: Host, framing, sizes, repeated fields. A real server and raw bytes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.platform.system import System
from broker.server.http_protocol import LARGEST_HEAD
from broker.web import public
from broker.web.middleware import guarded
from broker.web.middleware.header_checks import LARGEST, header_error
from broker.web.shared.fast_router import fast_router
from broker.web.shared.not_found import NotFoundHandler
from broker.web.shared.pages import PageRenderer
from tests.support.ports import LOOPBACK
from tests.unit.server.test_http_protocol import served


async def echo(request: Request) -> Response:
    """Responds with what arrived, after reading the body."""
    body = (await request.body()).decode()
    names = [name.decode() for name, _ in request.scope["headers"]]
    return JSONResponse({"path": request.scope["path"], "body": body, "names": names})


@pytest.fixture
def app(written: PageRenderer, system: System) -> ASGIApp:
    """An application with the middleware around it."""
    routes = [Route("/", echo, methods=["GET", "POST"]), Route("/help", echo, methods=["GET", "POST"])]
    inner = fast_router(routes, public.handlers(written), NotFoundHandler("https://id.test"))
    return guarded(inner, system, refuse=public.header_error_handler(written))


@pytest.fixture
async def port(app: ASGIApp) -> AsyncIterator[int]:
    """The port of a server with the product's HTTP protocol class."""
    async with served(app) as at:
        yield at


async def say(port: int, sent: bytes) -> tuple[int, bytes]:
    """Sends bytes; returns the status and the rest of the response until the connection closes."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(sent)
    if b"connection: close" not in sent.lower() and writer.can_write_eof():
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    status, _, rest = answer.partition(b"\r\n")
    return int(status.split()[1]), rest


def request(*lines: str, first: str = "GET / HTTP/1.1", body: str = "") -> bytes:
    """A request with these header lines."""
    return "\r\n".join([first, *lines, "Connection: close", "", body]).encode("latin-1")


GOOD_HOSTS = (
    "id.test",
    "id.test:8443",
    "ID.TEST",
    "localhost:1",
    "10.0.0.7",
    "[::1]",
    "[::1]:8000",
    "broker_1",
    "id.test:",
)
BAD_HOSTS = (
    *("", " ", "id.test/x", "id.test?x", "id.test#x", "a b", "a@b", "[::1", "::1]", "[", "http://id.test", "id.test:x"),
    *("id.test,evil.test", "id.test:80:80", "a\tb", "é.test", "id.test:999999", "%zz", "[::1]x", "<script>", '"', "\\"),
)


@pytest.mark.parametrize("host", GOOD_HOSTS)
async def test_one_host_is_answered(port: int, host: str) -> None:
    assert (await say(port, request(f"Host: {host}")))[0] == 200


@pytest.mark.parametrize("host", [host for host in BAD_HOSTS if host.isascii()])
async def test_a_malformed_host_is_400_in_words(port: int, host: str) -> None:
    status, rest = await say(port, request(f"Host: {host}"))
    if host == "id.test,evil.test":
        return  # a host name may contain a comma (RFC 3986 3.2.2)
    assert status == 400
    assert b"Host" in rest


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Host: id.test", "Host: id.test"),
        ("Host: id.test", "Host: evil.test"),
        ("Host: id.test", "hOST: evil.test"),
        ("Host: id.test", "Host:"),
    ],
)
async def test_no_host_and_two_are_400_in_words(port: int, lines: tuple[str, ...]) -> None:
    for first in ("GET / HTTP/1.1", "POST / HTTP/1.1", "HEAD / HTTP/1.1", "GET http://id.test/ HTTP/1.1"):
        status, rest = await say(port, request(*lines, first=first))
        assert status == 400, first
        assert rest.lower().count(b"strict-transport-security") == 1
        assert first.startswith("HEAD") or b"Host has to be there once" in rest


async def test_http_1_0_needs_no_host_but_takes_no_two(port: int) -> None:
    assert (await say(port, request(first="GET / HTTP/1.0")))[0] == 200
    assert (await say(port, request("Host: a", "Host: a", first="GET / HTTP/1.0")))[0] == 400


@pytest.mark.parametrize(
    ("target", "status", "path"),
    [
        ("http://evil.example/help", 200, b'"path":"/help"'),
        ("https://evil.example:8443/help?x", 200, b'"path":"/help"'),
        ("http://evil.example", 400, b""),
        ("//evil.example/help", 404, b""),
        ("*", 404, b""),
        ("help", 400, b""),
        ("/help\xff", 400, b""),
        ("/\xc3\xa9", 400, b""),
        ("/help#x", 200, b'"path":"/help"'),
    ],
)
async def test_the_host_of_an_absolute_target_is_as_little_used_as_the_header(
    port: int, target: str, status: int, path: bytes
) -> None:
    got, rest = await say(port, request("Host: id.test", first=f"GET {target} HTTP/1.1"))
    assert got == status, rest[:500]
    assert path in rest
    assert b"\r\nlocation:" not in rest.lower()


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 1", "Content-Length: 1"),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: 1, 1",),
        ("Content-Length: +1",),
        ("Content-Length: -1",),
        ("Content-Length: 0x1",),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 1"),
        ("Transfer-Encoding: identity, chunked, x",),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length : 1",),
        (" Content-Length: 1",),
        ("X: a\x00b",),
        ("X: a\rb",),
        ("Not a header",),
    ],
)
async def test_a_body_or_a_header_that_two_readers_could_frame_differently_is_400(
    port: int, lines: tuple[str, ...]
) -> None:
    status, _ = await say(port, request("Host: id.test", *lines, first="POST / HTTP/1.1", body="x"))
    assert status == 400


async def test_the_trailer_of_a_chunked_body_adds_no_header(port: int) -> None:
    trailer = "Authorization: Bearer x\r\nDPoP: y\r\nHost: evil.example\r\nCookie: z=1\r\n"
    body = f"4\r\nbody\r\n0\r\n{trailer}\r\n"
    sent = request("Host: id.test", "Transfer-Encoding: chunked", first="POST / HTTP/1.1", body=body)
    status, rest = await say(port, sent)
    assert status == 200
    assert rest.endswith(b'{"path":"/","body":"body","names":["host","transfer-encoding","connection"]}')


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Delete the cookies of this website"),
        ("cy", "Dilëwch gwcis y wefan hon"),
        ("ar", "احذف ملفات تعريف الارتباط"),
    ],
)
async def test_the_page_of_headers_too_large_is_in_the_language_of_the_browser(
    port: int, language: str, said: str
) -> None:
    cookies = "; ".join(f"other{number}={'x' * 4000}" for number in range(20))
    status, rest = await say(port, request("Host: id.test", f"Accept-Language: {language}", f"Cookie: {cookies}"))
    assert status == 431
    assert said in rest.decode()
    assert f'lang="{language}"' in rest.decode()


@pytest.mark.parametrize("line", ["Cookie: a={}", "X: {}", "{}: x"])
async def test_a_head_up_to_the_limit_is_answered(port: int, line: str) -> None:
    room = LARGEST - 200
    assert (await say(port, request("Host: id.test", line.format("x" * room))))[0] == 200
    assert (await say(port, request("Host: id.test", line.format("x" * (room + 400)))))[0] == 431


@pytest.mark.parametrize("unit", [b"x" * 65_536, b"Cookie: a=b\r\n" * 5_000])
async def test_a_head_without_end_is_answered_in_words_before_it_ends(port: int, unit: bytes) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: id.test\r\nCookie: a=" + (b"\r\n" if unit.endswith(b"\n") else b""))
    for _ in range(LARGEST_HEAD // len(unit) + 2):
        writer.write(unit)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert head.startswith(b"HTTP/1.1 431 ")
    response = (await reader.read()).decode()
    for language in ("Delete the cookies", "Dilëwch gwcis", "احذف ملفات"):
        assert language in response
    writer.close()


async def test_the_header_limit_counts_each_request_of_a_connection_separately(port: int) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for _ in range(8):  # together more than the limit of one request
        writer.write(b"GET / HTTP/1.1\r\nHost: id.test\r\nX: " + b"x" * (LARGEST - 200) + b"\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        assert head.startswith(b"HTTP/1.1 200 ")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


def test_header_checks_depend_on_the_http_version() -> None:
    host = [(b"host", b"id.test")]
    for version in ("1.0", "1.1", "2", "3"):
        assert header_error(host, version) is None
        assert header_error(host * 2, version) is HTTPStatus.BAD_REQUEST
    assert header_error([], "1.1") is HTTPStatus.BAD_REQUEST
    assert header_error([], "1.0") is header_error([], "2") is None


async def test_a_refused_head_is_no_error_of_ours(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await say(port, request())
        await say(port, request("Host: [", "Cookie: a=b"))
    assert "request_failed" not in [record.message for record in caplog.records]
