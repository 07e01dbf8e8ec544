"""HTTP requests without a browser, step by step, so that a test can inject faults between them.

Cookies are stored here, since the broker's are `Secure` and its address here is http. Forms are read from the pages.
"""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from multidict import CIMultiDict

from tests.e2e.relying_service import Service, sha256_base64url

NORTHBANK, HARBOUR, EID = "northbank", "harbour", "eid"
AMINA = "outcome:ok;persona:amina"
"""The `login_hint` that makes a simulated provider answer at once, without a page."""
IN_LINE = 30.0
"""Seconds within which it is a citizen's turn in the line for a provider that was not reached for a moment."""


class ConnectionLost(Exception):
    """The connection broke before a response, or no response came in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One response. `seconds` is the time that it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def location(self) -> str:
        """The target of the redirect."""
        assert "Location" in self.headers, f"status {self.status}, no redirect: {self.body[:2000]!r}"
        return self.headers["Location"]

    def expect(self, status: int = 200) -> "Reply":
        """Returns itself. Fails if it has another status."""
        assert self.status == status, f"expected {status}, got {self.status}: {self.body[:3000]!r}"
        return self


class HttpSender:
    """An HTTP client that follows no redirect and stores no cookie. Connections stay open unless `single` is set."""

    def __init__(self, session: aiohttp.ClientSession, within: float) -> None:
        self._session = session
        self._within = aiohttp.ClientTimeout(total=within)

    async def send(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Sends one request. Raises ConnectionLost."""
        began = time.monotonic()
        body = None if form is None else urlencode(form)
        lines = CIMultiDict(headers or {})
        if form is not None:
            lines["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            async with self._session.request(
                method, url, data=body, headers=lines, allow_redirects=False, timeout=self._within
            ) as response:
                read = await response.read()
                return Reply(response.status, response.headers, read, time.monotonic() - began)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as broken:
            raise ConnectionLost(f"{method} {url}: {type(broken).__name__} {broken}") from broken


@asynccontextmanager
async def http_sender(
    *,
    single: bool = False,
    within: float = 20,
    tls: bool | ssl.SSLContext = False,
    source: str | None = None,
) -> AsyncIterator[HttpSender]:
    """Opens a client. With `single` every request has a new connection, so that any worker may answer it.

    `tls` has the trusted authorities and the client certificate; True reads the authorities from the environment now,
    not at the time of the import. `source` is the local address of connections.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        force_close=single,
        enable_cleanup_closed=False,
        ssl=(ssl.create_default_context() if tls is True else tls) or True,
        local_addr=None if source is None else (source, 0),
    )
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield HttpSender(session, within)


class Jar:
    """The cookies of one browser at the broker (RFC 6265); `Secure` is ignored."""

    def __init__(self) -> None:
        """Starts empty."""
        self._cookies: dict[tuple[str, str], str] = {}

    def learn(self, reply: Reply) -> None:
        """Stores the cookies of a response."""
        for line in getattr(reply.headers, "getall", lambda _name, _default: [])("Set-Cookie", []):
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            options = {key.lower(): option for key, _, option in (attribute.partition("=") for attribute in attributes)}
            if options.get("max-age") == "0":
                self._cookies.pop((name, options.get("path", "/")), None)
            else:
                self._cookies[name, options.get("path", "/")] = value

    def line(self, path: str) -> Mapping[str, str]:
        """The `Cookie` header for a path."""
        pairs = [f"{name}={value}" for (name, where), value in self._cookies.items() if path.startswith(where)]
        return {"Cookie": "; ".join(pairs)} if pairs else {}

    def value(self, name: str) -> str:
        """The value of a cookie of any path."""
        return next(value for (known, _), value in self._cookies.items() if known == name)

    def keep(self, name: str, value: str, path: str = "/") -> None:
        """Stores a cookie."""
        self._cookies[name, path] = value

    def copy(self) -> "Jar":
        """Another jar with the same content."""
        jar = Jar()
        jar._cookies = dict(self._cookies)
        return jar


class Forms(HTMLParser):
    """The forms of a page: the hidden fields of each by its action."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._inside: dict[str, str] | None = None
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = self.found[said.get("action", "")] = {}
        elif tag == "input" and self._inside is not None and said.get("type") == "hidden":
            self._inside[said.get("name", "")] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Called at the end of each element."""
        if tag == "form":
            self._inside = None


@dataclass(slots=True)
class RawCitizen:
    """One sign-in: a browser and the service that started it. Each step is one or two requests."""

    http_sender: HttpSender
    service: Service
    jar: Jar = field(default_factory=Jar)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    request_uri: str = ""
    page: str = ""
    """The path of the transaction's page."""

    @property
    def issuer(self) -> str:
        """The broker's issuer URL."""
        return self.service.issuer

    async def visit(self, url: str) -> Reply:
        """Lets the browser follow a link."""
        there = url if url.startswith("http") else self.issuer + url
        reply = await self.http_sender.send("GET", there, headers=self.jar.line(urlsplit(there).path))
        self.jar.learn(reply)
        return reply

    async def submit(self, path: str, fields: Mapping[str, str]) -> Reply:
        """Lets the browser send a form."""
        headers = {**self.jar.line(path), "Origin": self.issuer}
        reply = await self.http_sender.send("POST", self.issuer + path, fields, headers)
        self.jar.learn(reply)
        return reply

    async def call(self, path: str, form: Mapping[str, str]) -> Reply:
        """Sends a form of the service, with a DPoP proof if it has a key; repeats it with the nonce of the broker
        if one is missing (RFC 9449 8).
        """
        url = self.issuer + path
        for _ in range(2):
            reply = await self.http_sender.send("POST", url, form, self.service.proof("POST", url))
            if "DPoP-Nonce" in reply.headers:
                self.service.nonce = reply.headers["DPoP-Nonce"]
            if reply.status != 400 or reply.json.get("error") != "use_dpop_nonce":
                break
            form = {**form, **self.service.assertion()}
        return reply

    # --- the steps of a sign-in ---

    async def push(self, hint: str = AMINA, **more: str) -> Reply:
        """Pushes the authorization request (RFC 9126)."""
        form = {
            "response_type": "code",
            "redirect_uri": self.service.redirect_uri,
            "scope": "openid profile offline_access",
            "state": self.state,
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": sha256_base64url(self.verifier),
            "code_challenge_method": "S256",
            "prompt": "consent",
            "login_hint": hint,
            **more,
        }
        reply = await self.call("/par", {**form, **self.service.assertion()})
        if reply.status == 201:
            self.request_uri = reply.json["request_uri"]
        return reply

    async def authorize(self) -> Reply:
        """Opens the authorization endpoint with the pushed request."""
        asked = urlencode({"client_id": self.service.client_id, "request_uri": self.request_uri})
        reply = await self.visit(f"/authorize?{asked}")
        if reply.status == 303 and urlsplit(reply.location).path.startswith("/journey/"):
            self.page = reply.location
        return reply

    async def choose(self, provider: str = NORTHBANK) -> Reply:
        """Chooses a provider on the picker."""
        picker = (await self.visit(self.page)).expect()
        fields = Forms(picker.body).found[f"{self.page}/choose"]
        return await self.submit(f"{self.page}/choose", {**fields, "provider": provider})

    async def leave(self) -> str:
        """The URL that the transaction's page leaves for. In a line for the provider it waits for its turn."""
        reply = (await self.visit(self.page)).expect()

        async def has_turn() -> bool:
            nonlocal reply
            reply = (await self.visit(self.page)).expect()
            return f"{self.page}/leave-line".encode() not in reply.body

        if f"{self.page}/leave-line".encode() in reply.body:
            await eventually(IN_LINE, has_turn)
        refresh = reply.headers.get("Refresh", "")
        assert "url=" in refresh, f"not a page that leaves: {reply.body[:3000]!r}"
        return refresh.partition("url=")[2]

    async def away(self) -> str:
        """Visits the provider, which redirects at once. Returns the callback URL."""
        return (await self.http_sender.send("GET", await self.leave())).location

    async def share(self, agree: str = "yes") -> Reply:
        """Answers the consent page."""
        asked = (await self.visit(self.page)).expect()
        forms = Forms(asked.body).found
        assert f"{self.page}/share" in forms, f"nothing to agree to: {asked.body[:3000]!r}"
        return await self.submit(f"{self.page}/share", {**forms[f"{self.page}/share"], "agree": agree})

    async def collect(self) -> str:
        """Receives the browser at the service. Returns the authorization code."""
        query = dict(parse_qsl(urlsplit(await self.leave()).query))
        assert (query.get("state"), query.get("iss")) == (self.state, self.issuer)
        return query["code"]

    # --- several steps ---

    async def begin(self, hint: str = AMINA, **more: str) -> None:
        """Goes from the service to the picker."""
        (await self.push(hint, **more)).expect(201)
        (await self.authorize()).expect(303)

    async def return_(self, provider: str = NORTHBANK) -> None:
        """Goes from the picker through the provider to the page after it."""
        (await self.choose(provider)).expect(303)
        (await self.visit(await self.away())).expect(303)

    async def code(self, provider: str = NORTHBANK) -> str:
        """Runs the whole sign-in. Returns the authorization code."""
        await self.begin()
        await self.return_(provider)
        (await self.share()).expect(303)
        return await self.collect()

    # --- requests of the service after the sign-in ---

    def exchange(self, code: str) -> dict[str, str]:
        """The form of a token request (RFC 6749 4.1.3) with a new client assertion."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.service.redirect_uri,
            "code_verifier": self.verifier,
            **self.service.assertion(),
        }

    async def redeem(self, code: str) -> Reply:
        """Sends a token request with an authorization code."""
        return await self.call("/token", self.exchange(code))

    async def refresh(self, token: str) -> Reply:
        """Sends a token request with a refresh token."""
        return await self.call(
            "/token", {"grant_type": "refresh_token", "refresh_token": token, **self.service.assertion()}
        )

    async def userinfo(self, token: str) -> Reply:
        """Sends a UserInfo request."""
        url = f"{self.issuer}/userinfo"
        scheme = "DPoP" if self.service.bound else "Bearer"
        headers = {"Authorization": f"{scheme} {token}", **self.service.proof("GET", url, token)}
        reply = await self.http_sender.send("GET", url, headers=headers)
        if "DPoP-Nonce" in reply.headers:
            self.service.nonce = reply.headers["DPoP-Nonce"]
        return reply

    async def introspect(self, token: str) -> Reply:
        """Sends an introspection request."""
        return await self.call("/introspect", {"token": token, **self.service.assertion()})


SOON = 40.0
"""A timeout in seconds for what takes a moment on an idle machine; it measures no documented limit."""


async def eventually(within: float, seen: Callable[[], Awaitable[object]]) -> float:
    """Polls `seen` until it is true. Returns the seconds that it took; fails after `within` seconds."""
    began = time.monotonic()
    while not await seen():
        passed = time.monotonic() - began
        assert passed < within, f"not within {within} s: {seen}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began
