"""HTTP client for every outgoing call to a remote server, with protection from server-side request forgery (SSRF).

Outside development only https and only public addresses are permitted. The IP address is checked when the socket is
created, after name resolution, which prevents DNS rebinding. Redirects are not followed, proxies of the environment are
not used, cookies are not stored, responses are limited in time and size. A failed call is a value.
"""

import asyncio
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus, urlsplit

import aiohttp
from aiohttp.connector import AddrInfoType

from broker.crypto.jose import strict_json
from broker.model import media
from broker.model.json_types import JsonObject
from broker.platform.tls import ServerContexts, ServerTls, authorities

IDLE: Final = 4.0
RETIRE_AFTER: Final = 60.0
"""Seconds after which the connections of a pool that was replaced are closed: longer than the calls of a sign-in."""
"""Keep-alive of unused connections in seconds: shorter than the five of common servers, so that a POST, which is
never repeated, is not lost on a connection that the server has just closed."""

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""TLS 1.2 cipher suites, for providers and services alike (BCP 195; FAPI 2.0 Security Profile 5.2.2)."""

MAX_BODY: Final = 262_144
"""Default maximum size of a response body in bytes."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED_LOCALLY: Final = ipaddress.IPv6Network("64:ff9b:1::/48")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds: for a connection (including the wait for a free one), for each read, and for the whole
    response."""

    connect: float = 2.0
    read: float = 5.0
    total: float = 8.0


@dataclass(frozen=True, slots=True)
class ConnectionTerms:
    """Terms of the connections to one server.

    `tls` overrides the authorities and the client certificate of all connections. `headers` are sent with every
    request. `simulator` is the origin of a simulator that plays the server, in development only: `https://host/path` is
    called at `<simulator>/host/path`.
    """

    tls: ServerTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    simulator: str = ""

    def place(self, url: str) -> str:
        """The URL that is called or visited in place of a published one."""
        return f"{self.simulator}/{url.removeprefix('https://')}" if self.simulator else url


PLAIN: Final = ConnectionTerms()


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response of any status. Header names are in lower case; of a repeated header the last one is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type of the body, in lower case and without parameters; empty if the response has none."""
        return media.media_type(self.headers.get("content-type"))

    def json(self) -> "JsonObject | NotJson":
        """The body as a JSON object, if its content type is JSON and it is strictly valid."""
        kind = self.media_type
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            return NotJson(f"content type {kind[:64]!r}: expected application/json")
        try:
            value = strict_json(self.body)
        except ValueError as problem:
            return NotJson(f"body cannot be read as JSON: {type(problem).__name__}")
        return value if isinstance(value, dict) else NotJson(f"a JSON {type(value).__name__}: expected an object")


@dataclass(frozen=True, slots=True)
class NotJson:
    """The response is not the expected JSON object."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No response: no such name, connection refused or reset, certificate not trusted. The request may have arrived."""

    detail: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No complete response in time. The request may still have arrived."""

    detail: str


@dataclass(frozen=True, slots=True)
class ResponseTooLarge:
    """The response exceeds the size limit, or is compressed although that was not requested. It was not read to its
    end."""

    detail: str


@dataclass(frozen=True, slots=True)
class BlockedAddress:
    """The call was not made: its scheme or address is not permitted."""

    detail: str


HttpFailure = Unreachable | TimedOut | ResponseTooLarge | BlockedAddress


class _BlockedAddress(OSError):
    """Raised when the socket would be created; an OSError, so that the connector tries the other addresses of a
    name."""


def is_allowed(address: str, networks: Collection[Network] = (), *, development: bool) -> bool:
    """Whether connections to this IP address are permitted.

    Public addresses always, and those in `networks`; in development also loopback and private ones. An IPv6 address
    that embeds an IPv4 address is judged by that. Link-local ones, which serve credentials in clouds, never, unless
    `networks` contains them.
    """
    try:
        ip: Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour is not None or ip.teredo is not None or ip in _TRANSLATED_LOCALLY:
            return False
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _TRANSLATED:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if any(ip.version == network.version and ip in network for network in networks):
        return True
    if ip.is_multicast or ip.is_link_local or ip.is_unspecified:
        return False
    return ip.is_global or (development and (ip.is_loopback or ip.is_private))


class HttpClient:
    """The connection pool to one provider or service. Created by `HttpClients.client`, closed with it."""

    def __init__(
        self, name: str, outgoing: "HttpClients", limit: int, terms: ConnectionTerms, context: ssl.SSLContext
    ) -> None:
        """`limit` is the maximum number of concurrent connections; further calls wait, which counts towards the
        connect timeout. `context` is that of the terms."""
        self.name = name
        self.opened = 0
        """Number of connections opened so far."""
        self._outgoing = outgoing
        self._limit = limit
        self._terms = terms
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """Sends a GET. `limit` is the maximum size of the body in bytes."""
        return await self._call("GET", url, headers or {}, None, limit)

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """Sends a POST with an HTML form, once: it is never repeated."""
        encoded = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self._call("POST", url, encoded, _encoded(form), limit)

    async def post_json(
        self, url: str, value: JsonObject, headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """Sends a POST with a JSON object, once: it is never repeated."""
        encoded = {"Content-Type": "application/json", **(headers or {})}
        return await self._call("POST", url, encoded, json.dumps(value).encode("ascii"), limit)

    async def post_bytes(
        self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """Sends a POST with these bytes, whose content type is among the headers, once: it is never repeated."""
        return await self._call("POST", url, headers, body, limit)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> HttpResponse | HttpFailure:
        url = self._terms.place(url)
        if not self._outgoing.may_call(url):
            return BlockedAddress(f"{_place(url)}: only https addresses are called")
        if self._session is None:
            self._session = self._start()
        try:
            async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                return await _read(answer, limit)
        except TimeoutError:
            return TimedOut(f"{method} {_place(url)}: no whole answer in time")
        except aiohttp.ClientConnectorError as problem:
            if isinstance(problem.os_error, _BlockedAddress):
                return BlockedAddress(f"{_place(url)}: {problem.os_error}")
            return Unreachable(f"{method} {_place(url)}: {type(problem).__name__}")
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return Unreachable(f"{method} {_place(url)}: {type(problem).__name__}")

    def _start(self) -> aiohttp.ClientSession:
        patience = self._outgoing.patience
        connector = aiohttp.TCPConnector(
            limit=self._limit,
            keepalive_timeout=IDLE,
            ssl=self._context,
            socket_factory=self._socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=patience.total, connect=patience.connect, sock_connect=patience.connect, sock_read=patience.read
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "Portico",
                **self._terms.headers,
            },
            auto_decompress=False,
            trust_env=False,
        )

    def _socket(self, target: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = target
        if not self._outgoing.may_connect(str(address[0])):
            raise _BlockedAddress("resolves to an address that may not be called")
        self.opened += 1
        return socket.socket(family, kind, protocol)


class HttpClients:
    """All outgoing connections of one process: one SSL context, one connection pool for each name."""

    def __init__(
        self,
        *,
        development: bool = False,
        ca_file: Path | None = None,
        networks: Collection[str] = (),
        patience: Timeouts = Timeouts(),
    ) -> None:
        """`ca_file` (PEM) is trusted in addition to the operating system's authorities; `networks` (such as
        `10.0.0.0/8`) are permitted private networks. Raises OSError or ValueError for an unreadable file or network."""
        self.development = development
        self.patience = patience
        self.tls = ssl.create_default_context()
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.set_ciphers(SUITES)
        own = None if ca_file is None else authorities(ca_file)
        if own is not None:
            self.tls.load_verify_locations(cadata=own)
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._clients: dict[str, HttpClient] = {}
        self._contexts = ServerContexts(SUITES, own)
        self._retired: set[HttpClient] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def client(self, name: str, *, limit: int = 20, terms: ConnectionTerms = PLAIN) -> HttpClient:
        """The connection pool of this name, always the same one. Opens no connection yet.

        Raises ValueError for a simulator outside development, or for certificates that cannot be used.
        """
        if terms.simulator and not self.development:
            raise ValueError("a simulator is for development only")
        context = self.context(terms)
        if name not in self._clients:
            self._clients[name] = HttpClient(name, self, limit, terms, context)
        return self._clients[name]

    def context(self, terms: ConnectionTerms) -> ssl.SSLContext:
        """The SSL context for these terms: one for all with the same, until one of their files has another content.

        Raises ValueError.
        """
        if terms.tls is None:
            return self.tls
        return self._contexts.get(terms.tls)

    @property
    def clients(self) -> Mapping[str, HttpClient]:
        """All connection pools by name."""
        return self._clients

    def detach(self, name: str) -> HttpClient | None:
        """Takes out the connection pool of this name: `client` makes another one. Its holders may still use it."""
        return self._clients.pop(name, None)

    def attach(self, client: HttpClient) -> None:
        """Puts a pool that was taken out in the place of its name again."""
        self._clients[client.name] = client

    def retire(self, client: HttpClient) -> None:
        """Closes a pool that was taken out, as soon as the calls in progress on it have had their time."""
        self._retired.add(client)
        asyncio.get_running_loop().call_later(RETIRE_AFTER, self._close_retired, client)

    def _close_retired(self, client: HttpClient) -> None:
        self._retired.discard(client)
        closing = asyncio.ensure_future(client.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def may_call(self, url: str) -> bool:
        """Whether a URL has a permitted scheme, a host, and no credentials."""
        return _may_call(url, development=self.development)

    def may_connect(self, address: str) -> bool:
        """Whether connections to an IP address are permitted; see `is_allowed`."""
        return is_allowed(address, self._networks, development=self.development)

    async def close(self) -> None:
        """Closes all connections."""
        await asyncio.gather(*(client.close() for client in (*self._clients.values(), *self._retired)), *self._closing)


@lru_cache(256)
def _may_call(url: str, *, development: bool) -> bool:
    """See `HttpClients.may_call`. Cached, since the same few endpoints are called again and again."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    schemes = ("https", "http") if development else ("https",)
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc


def _encoded(form: Mapping[str, str]) -> bytes:
    """Encodes a form; most values (tokens, codes) need no escaping, which is checked first."""
    pairs = ([text if _PLAIN.fullmatch(text) else quote_plus(text) for text in pair] for pair in form.items())
    return "&".join(map("=".join, pairs)).encode("ascii")


async def _read(answer: aiohttp.ClientResponse, limit: int) -> HttpResponse | ResponseTooLarge:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        answer.close()
        return ResponseTooLarge("a compressed answer, which was not asked for")
    if (answer.content_length or 0) > limit:
        answer.close()
        return ResponseTooLarge(f"an answer of {answer.content_length} bytes: at most {limit} are read")
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > limit:
            answer.close()
            return ResponseTooLarge(f"an answer above {limit} bytes")
    return HttpResponse(answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(body))


def _place(url: str) -> str:
    """The URL for the log: without its query, which may contain secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:200]
