"""The guarded HTTP client, against servers that listen on loopback and misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.platform.http_client import (
    BlockedAddress,
    HttpClients,
    HttpResponse,
    NotJson,
    ResponseTooLarge,
    TimedOut,
    Timeouts,
    Unreachable,
    is_allowed,
)
from tests.support.certificates import Authority

QUICK = Timeouts(connect=1, read=0.3, total=0.6)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts raw servers on loopback; gives the port."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the client gave up, as it should
            finally:
                writer.close()

        servers.append(await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


@pytest.fixture
async def outgoing() -> AsyncIterator[HttpClients]:
    """A client as in development, that waits less long."""
    client = HttpClients(development=True, patience=QUICK)
    yield client
    await client.close()


def saying(answer: bytes) -> Handler:
    """A server that gives one answer on each connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return handle


def http(body: bytes, kind: str = "application/json", status: str = "200 OK", extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n"
    ).encode() + body


async def test_an_answer_comes_back_with_its_status_and_body(serve: Serve, outgoing: HttpClients) -> None:
    port = await serve(saying(http(b'{"a": 1}', status="418 Teapot")))
    answer = await outgoing.client("x").get(f"http://127.0.0.1:{port}/there")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.json()) == (418, {"a": 1})


async def test_a_redirect_is_not_followed(serve: Serve, outgoing: HttpClients) -> None:
    visited = []

    async def elsewhere(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        visited.append(await reader.read(10))

    other = await serve(elsewhere)
    port = await serve(
        saying(http(b"", status="302 Found", extra=f"Location: http://127.0.0.1:{other}/\r\n")),
    )
    answer = await outgoing.client("x").get(f"http://127.0.0.1:{port}/")
    assert isinstance(answer, HttpResponse)
    assert answer.status == 302
    assert visited == []


async def test_an_answer_that_says_it_is_too_large_is_not_read(serve: Serve, outgoing: HttpClients) -> None:
    port = await serve(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"))
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/", limit=4999), ResponseTooLarge)


async def test_an_answer_without_a_length_is_cut_off_at_the_limit(serve: Serve, outgoing: HttpClients) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    port = await serve(endless)
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), ResponseTooLarge)


async def test_a_compressed_answer_is_refused_since_none_was_asked_for(serve: Serve, outgoing: HttpClients) -> None:
    port = await serve(saying(http(b"\x1f\x8b", extra="Content-Encoding: gzip\r\n")))
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), ResponseTooLarge)


async def test_a_silent_server_times_out(serve: Serve, outgoing: HttpClients) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await serve(silent)
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), TimedOut)


async def test_a_server_that_sends_byte_by_byte_times_out(serve: Serve, outgoing: HttpClients) -> None:
    async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    port = await serve(dribbling)
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), TimedOut)


async def test_a_slow_server_holds_up_no_other_name(serve: Serve, outgoing: HttpClients) -> None:
    release = asyncio.Event()

    async def held(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await release.wait()

    slow, quick = await serve(held), await serve(saying(http(b"{}")))
    waiting = [asyncio.create_task(outgoing.client("slow", limit=1).get(f"http://127.0.0.1:{slow}/")) for _ in range(5)]
    answer = await outgoing.client("quick", limit=1).get(f"http://127.0.0.1:{quick}/")
    assert isinstance(answer, HttpResponse)
    assert not any(task.done() for task in waiting)
    assert {type(outcome) for outcome in await asyncio.gather(*waiting)} == {TimedOut}
    release.set()


async def test_a_closed_port_is_unreachable(outgoing: HttpClients) -> None:
    server = await asyncio.start_server(saying(b""), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), Unreachable)


@pytest.mark.parametrize(
    "answer", [b"", b"\x00\xff junk", b"HTTP/1.1 999999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"]
)
async def test_an_answer_that_is_not_http_is_unreachable(serve: Serve, outgoing: HttpClients, answer: bytes) -> None:
    port = await serve(saying(answer))
    assert isinstance(await outgoing.client("x").get(f"http://127.0.0.1:{port}/"), Unreachable)


async def test_a_post_is_never_sent_twice_even_when_the_kept_connection_breaks(
    serve: Serve, outgoing: HttpClients
) -> None:
    received: list[bytes] = []

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        received.append(await reader.readuntil(b"code=1"))

    port = await serve(answers_once)
    client = outgoing.client("x")
    assert isinstance(await client.get(f"http://127.0.0.1:{port}/warm"), HttpResponse)
    assert isinstance(await client.post(f"http://127.0.0.1:{port}/token", {"code": "1"}), Unreachable)
    assert [line.split(b" ")[0] for line in received] == [b"GET", b"POST"]


async def test_connections_are_kept_and_counted(serve: Serve, outgoing: HttpClients) -> None:
    async def staying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    port = await serve(staying)
    client = outgoing.client("x")
    for _ in range(5):
        await client.get(f"http://127.0.0.1:{port}/")
    assert client.opened == 1
    assert outgoing.client("x") is client


async def test_cookies_are_not_kept(serve: Serve, outgoing: HttpClients) -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b"{}", extra="Set-Cookie: a=b\r\n"))

    port = await serve(handle)
    for _ in range(2):
        await outgoing.client("x").get(f"http://localhost:{port}/")
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


# --- allowed addresses ---


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://example.org/", "file:///etc/passwd", "https:///x", ""])
async def test_outside_development_only_https_addresses_are_called(url: str) -> None:
    assert isinstance(await HttpClients().client("x").get(url), BlockedAddress)


@pytest.mark.parametrize("url", ["http://user:word@localhost/", "http://[::1", "gopher://localhost/"])
async def test_an_address_with_credentials_or_of_another_kind_is_never_called(url: str, outgoing: HttpClients) -> None:
    assert isinstance(await outgoing.client("x").get(url), BlockedAddress)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_outside_development_a_name_that_leads_to_this_machine_gets_no_connection(
    serve: Serve, host: str
) -> None:
    visited = []

    async def handle(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        visited.append(1)

    port = await serve(handle)
    outgoing = HttpClients(patience=QUICK)
    assert isinstance(await outgoing.client("x").get(f"https://{host}:{port}/"), BlockedAddress)
    assert outgoing.client("x").opened == 0
    assert visited == []
    await outgoing.close()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::", "not an address", "127.1", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_allowed(address, development=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, development=False)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::"])
def test_even_in_development_addresses_that_hand_out_credentials_are_refused(address: str) -> None:
    assert not is_allowed(address, development=True)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_private_address_is_allowed_in_any_notation(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]
    high, low = number >> 16, number & 0xFFFF
    for text in (str(address), f"::ffff:{address}", f"64:ff9b::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::1"):
        assert not is_allowed(text, development=False)


@given(st.text())
def test_no_url_raises_an_unexpected_exception(text: str) -> None:
    assert is_allowed(text, development=False) in (True, False)
    assert HttpClients.may_call(_PLAIN, text) in (True, False)


_PLAIN = HttpClients()


# --- TLS ---


async def test_a_certificate_of_an_unknown_authority_is_unreachable_and_of_a_named_one_is_trusted(
    serve: Serve, authority: Authority
) -> None:
    certificate = authority.certificate("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    port = await serve(saying(http(b"{}")), context)
    url = f"https://localhost:{port}/"
    strangers = HttpClients(networks=["127.0.0.0/8", "::1/128"], patience=QUICK)
    friends = HttpClients(networks=["127.0.0.0/8", "::1/128"], patience=QUICK, ca_file=authority.file)
    assert isinstance(await strangers.client("x").get(url), Unreachable)
    assert isinstance(await friends.client("x").get(url), HttpResponse)
    await strangers.close()
    await friends.close()


@pytest.mark.parametrize(
    ("suites", "spoken"),
    [("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE+AES:!AESGCM:!AESCCM", False)],
    ids=["recommended", "older"],
)
async def test_of_tls_1_2_only_suites_that_are_recommended_are_spoken(
    serve: Serve, authority: Authority, suites: str, *, spoken: bool
) -> None:
    certificate = authority.certificate("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    port = await serve(saying(http(b"{}")), context)
    friends = HttpClients(networks=["127.0.0.0/8", "::1/128"], patience=QUICK, ca_file=authority.file)
    found = await friends.client("x").get(f"https://localhost:{port}/")
    assert isinstance(found, HttpResponse) is spoken
    await friends.close()


# --- JSON ---


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"{}"),
        ("", b"{}"),
        ("application/json", b"[]"),
        ("application/json", b"<html>"),
        ("application/json", b'{"a": 1, "a": 2}'),
        ("application/json", b'{"a": NaN}'),
        ("application/json", b"\xff"),
        ("application/json", b'{"a":' * 100_000),
    ],
)
def test_what_is_not_a_strict_json_object_is_not_json(kind: str, body: bytes) -> None:
    assert isinstance(HttpResponse(200, {"content-type": kind}, body).json(), NotJson)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json"])
def test_a_json_object_is_read_under_each_name_of_json(kind: str) -> None:
    assert HttpResponse(200, {"content-type": kind}, b'{"a": [1]}').json() == {"a": [1]}


@given(st.binary())
def test_no_body_at_all_is_a_fault(body: bytes) -> None:
    value = HttpResponse(200, {"content-type": "application/json"}, body).json()
    assert isinstance(value, dict | NotJson)
