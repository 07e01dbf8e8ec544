"""The one guarded HTTP client: every call the broker makes to somebody else's server leaves through here.

Outside development only https leaves, and only to public addresses. The address is checked where the socket is made,
after the name was resolved, so that a name cannot change its mind in between. Redirects are not followed, proxies of
the environment are not used, cookies are not kept, answers are limited in time and size. A failed call is a value.
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
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import aiohttp
from aiohttp.connector import AddrInfoType

from broker.crypto.jose import strict_json
from broker.model import media
from broker.platform.tls import authorities

IDLE: Final = 4.0
"""Seconds an unused connection is kept: shorter than the five after which common servers close theirs, so that a POST,
which is never repeated, is not lost on a connection that was just closed."""

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What is spoken in TLS 1.2, to providers and services alike (BCP 195; FAPI 2.0 Security Profile 5.2.2)."""

MAX_BODY: Final = 262_144
"""Bytes of an answer that are read unless the call says otherwise."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED_LOCALLY: Final = ipaddress.IPv6Network("64:ff9b:1::/48")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for a connection (waiting for a free one included), for each piece of an answer, and for all of it."""

    connect: float = 2.0
    read: float = 5.0
    whole: float = 8.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status. Header names are in lower case; of a repeated header the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type of the body, in lower case and without parameters; empty if the answer names none."""
        return media.media_type(self.headers.get("content-type"))

    def json(self) -> "Mapping[str, Any] | NotJson":
        """The body as a JSON object, if its content type says JSON and it is strictly that."""
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
    """An answer that is not the JSON object it should be."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: name not found, refused, broken off, certificate not trusted. The call may still have arrived."""

    detail: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No whole answer in time. The call may still have arrived."""

    detail: str


@dataclass(frozen=True, slots=True)
class ResponseTooLarge:
    """An answer above the size limit, or compressed though that was not asked for. It was not read to its end."""

    detail: str


@dataclass(frozen=True, slots=True)
class BlockedAddress:
    """A call that was not made: an address or scheme that may not be called from here."""

    detail: str


HttpFailure = Unreachable | TimedOut | ResponseTooLarge | BlockedAddress


class _BlockedAddress(OSError):
    """Raised where the socket would be made; an OSError, so that the connector tries the other addresses of a name."""


def is_allowed(address: str, development: bool, networks: Collection[Network] = ()) -> bool:
    """Whether a connection may be made to this IP address.

    Public addresses always; those of `networks` too; in development also loopback and private ones. An IPv6 address
    that stands for an IPv4 address is judged by that. Link-local ones, where clouds hand out credentials, never are
    unless `networks` has them.
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
    """The long-lived connections to one provider or service. Made by `HttpClients.client`, closed with it."""

    def __init__(self, name: str, outgoing: "HttpClients", limit: int) -> None:
        """`limit` is the number of connections at once; calls beyond it wait, and count that as connecting."""
        self.name = name
        self.opened = 0
        """Connections opened so far."""
        self._outgoing = outgoing
        self._limit = limit
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """A GET. `limit` is the largest body in bytes."""
        return await self._call("GET", url, headers or {}, None, limit)

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """A POST of an HTML form. It is sent once, whatever becomes of it."""
        encoded = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self._call("POST", url, encoded, _encoded(form), limit)

    async def post_json(
        self, url: str, value: Mapping[str, Any], headers: Mapping[str, str] | None = None, *, limit: int = MAX_BODY
    ) -> HttpResponse | HttpFailure:
        """A POST of a JSON object. It is sent once, whatever becomes of it."""
        encoded = {"Content-Type": "application/json", **(headers or {})}
        return await self._call("POST", url, encoded, json.dumps(value).encode("ascii"), limit)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> HttpResponse | HttpFailure:
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
            ssl=self._outgoing.tls,
            socket_factory=self._socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=patience.whole, connect=patience.connect, sock_connect=patience.connect, sock_read=patience.read
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Portico"},
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
    """All outgoing connections of one process: one TLS context, one pool of connections a name."""

    def __init__(
        self,
        *,
        development: bool = False,
        ca_file: Path | None = None,
        networks: Collection[str] = (),
        patience: Timeouts = Timeouts(),
    ) -> None:
        """`ca_file` (PEM) is trusted beside the machine's own authorities; `networks` (such as `10.0.0.0/8`) are
        private networks in which providers may live. Raises OSError or ValueError for what cannot be read.
        """
        self.development = development
        self.patience = patience
        self.tls = ssl.create_default_context()
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.set_ciphers(SUITES)
        if ca_file is not None:
            self.tls.load_verify_locations(cadata=authorities(ca_file))
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._clients: dict[str, HttpClient] = {}

    def client(self, name: str, *, limit: int = 20) -> HttpClient:
        """The connections of this name, the same ones every time. Opens nothing yet."""
        if name not in self._clients:
            self._clients[name] = HttpClient(name, self, limit)
        return self._clients[name]

    @property
    def clients(self) -> Mapping[str, HttpClient]:
        """Every pool by its name."""
        return self._clients

    def may_call(self, url: str) -> bool:
        """Whether a URL has a scheme that may be called from here, a host, and no credentials in it."""
        return _may_call(url, self.development)

    def may_connect(self, address: str) -> bool:
        """Whether an IP address may be connected to from here; see `allowed`."""
        return is_allowed(address, self.development, self._networks)

    async def close(self) -> None:
        """Closes every connection."""
        await asyncio.gather(*(client.close() for client in self._clients.values()))


@lru_cache(256)
def _may_call(url: str, development: bool) -> bool:
    """See `HttpClients.may_call`. What is called again and again are the same few endpoints."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    schemes = ("https", "http") if development else ("https",)
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc


def _encoded(form: Mapping[str, str]) -> bytes:
    """A form as HTML encodes it; most of what is sent, tokens and codes, means itself."""
    pairs = (f"{_quoted(name)}={_quoted(value)}" for name, value in form.items())
    return "&".join(pairs).encode("ascii")


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text)


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
    """Where a URL leads, for the log: no query, which may hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:200]
