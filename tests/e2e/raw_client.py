"""A citizen and a relying service without a browser: every request by hand, so that faults can be put in between.

Cookies are kept by hand, since the broker's are `Secure` and its address here is http. Forms are read from the pages.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import jwt
from multidict import CIMultiDict

NORTHBANK, HARBOUR, EID = "northbank", "harbour", "eid"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AMINA = "outcome:ok;persona:amina"
"""What makes a simulated provider answer at once, without a page."""

RIDES = "rides"
"""The service that `RIDES_SERVICE` registers: pushed requests and private_key_jwt, bearer tokens."""

RIDES_SERVICE = """
names = { en = "Rides", cy = "Teithiau" }
home = "http://localhost:8002/"
redirect_uris = ["http://localhost:9/rides/callback"]
profile = "oidc"
authentication = "private_key_jwt"
jwks_file = "../../.demo/secrets/rides.jwks.json"
sector = "rides.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
contact = "Rides, 01632 960 900"
claims = [{ claim = "name", reason = { en = "To address you", cy = "I'ch cyfarch" } }]
"""


class Gone(Exception):
    """The connection broke before an answer was there, or none came in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `seconds` is how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def told(self) -> dict[str, Any]:
        """The JSON object in it."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def location(self) -> str:
        """Where it redirects to."""
        assert "Location" in self.headers, f"status {self.status}, no redirect: {self.body[:2000]!r}"
        return self.headers["Location"]

    def right(self, status: int = 200) -> "Reply":
        """Itself, if it has this status."""
        assert self.status == status, f"expected {status}, got {self.status}: {self.body[:3000]!r}"
        return self


class Wire:
    """HTTP by hand: no redirect is followed, no cookie kept. A connection stays open unless `single` is set."""

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
        """One request. Raises Gone."""
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
            raise Gone(f"{method} {url}: {type(broken).__name__} {broken}") from broken


@asynccontextmanager
async def wire(
    *,
    single: bool = False,
    within: float = 20,
    tls: bool | ssl.SSLContext = False,
    source: str | None = None,
) -> AsyncIterator[Wire]:
    """A way to send. With `single` every request has a connection of its own, so that any worker may answer it.

    `tls` says whom to trust and which certificate to show; True for whom the environment says now, and not whom it said
    when the library was loaded. `source` is the address to call from.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        force_close=single,
        enable_cleanup_closed=False,
        ssl=(ssl.create_default_context() if tls is True else tls) or True,
        local_addr=None if source is None else (source, 0),
    )
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Wire(session, within)


class Jar:
    """The cookies of one browser at the broker (RFC 6265), whatever they say of transport."""

    def __init__(self) -> None:
        """Empty, as in a fresh browser."""
        self._cookies: dict[tuple[str, str], str] = {}

    def learn(self, reply: Reply) -> None:
        """Keeps what an answer sets."""
        for line in getattr(reply.headers, "getall", lambda name, default: [])("Set-Cookie", []):
            pair, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = pair.partition("=")
            told = {key.lower(): said for key, _, said in (attribute.partition("=") for attribute in attributes)}
            if told.get("max-age") == "0":
                self._cookies.pop((name, told.get("path", "/")), None)
            else:
                self._cookies[name, told.get("path", "/")] = value

    def line(self, path: str) -> Mapping[str, str]:
        """The header that sends what belongs to a path."""
        pairs = [f"{name}={value}" for (name, where), value in self._cookies.items() if path.startswith(where)]
        return {"Cookie": "; ".join(pairs)} if pairs else {}

    def value(self, name: str) -> str:
        """A cookie by its name, whatever its path."""
        return next(value for (known, _), value in self._cookies.items() if known == name)

    def copy(self) -> "Jar":
        """Another jar with the same content."""
        jar = Jar()
        jar._cookies = dict(self._cookies)
        return jar


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its hidden fields."""

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
class Service:
    """A relying service with keys: who it is, how it signs. With `bound` its tokens hang on a key (RFC 9449)."""

    client_id: str
    issuer: str
    redirect_uri: str
    key: str
    kid: str
    bound: bool = False
    nonce: str = ""
    now: Callable[[], float] = time.time

    def assertion(self) -> dict[str, str]:
        """The members of a form that prove who is calling (RFC 7523 2.2), good for one use."""
        now = int(self.now())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        signed = jwt.encode(claims, self.key, "ES256", headers={"kid": self.kid})
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION, "client_assertion": signed}

    def proof(self, method: str, url: str, token: str | None = None) -> dict[str, str]:
        """The header that proves which key is held (RFC 9449 4.2)."""
        if not self.bound:
            return {}
        claims = {"htm": method, "htu": url, "iat": int(self.now()), "jti": secrets.token_urlsafe(16)}
        if self.nonce:
            claims["nonce"] = self.nonce
        if token is not None:
            claims["ath"] = _digest(token)
        public = jwt.algorithms.ECAlgorithm.to_jwk(
            jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(self.key).public_key(),
            as_dict=True,
        )
        head = {"typ": "dpop+jwt", "jwk": {name: public[name] for name in ("kty", "crv", "x", "y")}}
        return {"DPoP": jwt.encode(claims, self.key, "ES256", headers=head)}


def rides(folder: Path, issuer: str) -> Service:
    """The service of `RIDES_SERVICE`, for a broker whose data lies in the folder."""
    return _service(folder, issuer, RIDES, "http://localhost:9/rides/callback", False)


def land_register(folder: Path, issuer: str, base: str) -> Service:
    """The example of the profile `fapi2`; `base` is where the sample service stands."""
    return _service(folder, issuer, "land-register", f"{base}/land-register/callback", True)


def _service(folder: Path, issuer: str, client_id: str, redirect_uri: str, bound: bool) -> Service:
    kept = folder / ".demo" / "secrets"
    key, *_ = json.loads((kept / f"{client_id}.jwks.json").read_text())["keys"]
    return Service(client_id, issuer, redirect_uri, (kept / f"{client_id}.pem").read_text(), key["kid"], bound)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True)
class Rider:
    """One sign-in under way: a browser, and the service that waits for it. Each step is one or two requests."""

    wire: Wire
    service: Service
    jar: Jar = field(default_factory=Jar)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    request_uri: str = ""
    page: str = ""
    """The path of the transaction's page."""

    @property
    def issuer(self) -> str:
        """The broker."""
        return self.service.issuer

    async def visit(self, url: str) -> Reply:
        """The browser follows a link."""
        there = url if url.startswith("http") else self.issuer + url
        reply = await self.wire.send("GET", there, headers=self.jar.line(urlsplit(there).path))
        self.jar.learn(reply)
        return reply

    async def submit(self, path: str, fields: Mapping[str, str]) -> Reply:
        """The browser sends a form."""
        headers = {**self.jar.line(path), "Origin": self.issuer}
        reply = await self.wire.send("POST", self.issuer + path, fields, headers)
        self.jar.learn(reply)
        return reply

    async def call(self, path: str, form: Mapping[str, str]) -> Reply:
        """The service calls, with a proof where it has a key; once more if only a nonce was missing (RFC 9449 8)."""
        url = self.issuer + path
        for _ in range(2):
            reply = await self.wire.send("POST", url, form, self.service.proof("POST", url))
            if "DPoP-Nonce" in reply.headers:
                self.service.nonce = reply.headers["DPoP-Nonce"]
            if reply.status != 400 or reply.told.get("error") != "use_dpop_nonce":
                break
            form = {**form, **self.service.assertion()}
        return reply

    # --- the steps of a sign-in ---

    async def push(self, hint: str = AMINA, **more: str) -> Reply:
        """The service pushes its request (RFC 9126)."""
        form = {
            "response_type": "code",
            "redirect_uri": self.service.redirect_uri,
            "scope": "openid profile offline_access",
            "state": self.state,
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": _digest(self.verifier),
            "code_challenge_method": "S256",
            "prompt": "consent",
            "login_hint": hint,
            **more,
        }
        reply = await self.call("/par", {**form, **self.service.assertion()})
        if reply.status == 201:
            self.request_uri = reply.told["request_uri"]
        return reply

    async def authorize(self) -> Reply:
        """The browser arrives with the pushed request."""
        asked = urlencode({"client_id": self.service.client_id, "request_uri": self.request_uri})
        reply = await self.visit(f"/authorize?{asked}")
        if reply.status == 303 and urlsplit(reply.location).path.startswith("/journey/"):
            self.page = reply.location
        return reply

    async def choose(self, provider: str = NORTHBANK) -> Reply:
        """A provider is chosen on the picker, wherever it is shown."""
        picker = (await self.visit(self.page)).right()
        fields = Forms(picker.body).found[f"{self.page}/choose"]
        return await self.submit(f"{self.page}/choose", {**fields, "provider": provider})

    async def leave(self) -> str:
        """The page that leaves: where to."""
        reply = (await self.visit(self.page)).right()
        refresh = reply.headers.get("Refresh", "")
        assert "url=" in refresh, f"not a page that leaves: {reply.body[:3000]!r}"
        return refresh.partition("url=")[2]

    async def away(self) -> str:
        """The provider, which sends the browser back at once: to where."""
        return (await self.wire.send("GET", await self.leave())).location

    async def share(self, agree: str = "yes") -> Reply:
        """The citizen agrees to share."""
        asked = (await self.visit(self.page)).right()
        forms = Forms(asked.body).found
        assert f"{self.page}/share" in forms, f"nothing to agree to: {asked.body[:3000]!r}"
        return await self.submit(f"{self.page}/share", {**forms[f"{self.page}/share"], "agree": agree})

    async def collect(self) -> str:
        """The service receives the browser: the code that it brings."""
        query = dict(parse_qsl(urlsplit(await self.leave()).query))
        assert query.get("state") == self.state and query.get("iss") == self.issuer, query
        return query["code"]

    # --- whole stretches of it ---

    async def begin(self, hint: str = AMINA, **more: str) -> None:
        """From the service to the picker."""
        (await self.push(hint, **more)).right(201)
        (await self.authorize()).right(303)

    async def return_(self, provider: str = NORTHBANK) -> None:
        """From the picker to the page after the provider."""
        (await self.choose(provider)).right(303)
        (await self.visit(await self.away())).right(303)

    async def code(self, provider: str = NORTHBANK) -> str:
        """A code for the service."""
        await self.begin()
        await self.return_(provider)
        (await self.share()).right(303)
        return await self.collect()

    # --- what the service does with it ---

    def exchange(self, code: str) -> dict[str, str]:
        """The form of a token request (RFC 6749 4.1.3), with an assertion of its own."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.service.redirect_uri,
            "code_verifier": self.verifier,
            **self.service.assertion(),
        }

    async def redeem(self, code: str) -> Reply:
        """The code becomes tokens, or does not."""
        return await self.call("/token", self.exchange(code))

    async def refresh(self, token: str) -> Reply:
        """A refresh token becomes an access token, or does not."""
        return await self.call(
            "/token", {"grant_type": "refresh_token", "refresh_token": token, **self.service.assertion()}
        )

    async def userinfo(self, token: str) -> Reply:
        """What a token opens."""
        url = f"{self.issuer}/userinfo"
        scheme = "DPoP" if self.service.bound else "Bearer"
        headers = {"Authorization": f"{scheme} {token}", **self.service.proof("GET", url, token)}
        reply = await self.wire.send("GET", url, headers=headers)
        if "DPoP-Nonce" in reply.headers:
            self.service.nonce = reply.headers["DPoP-Nonce"]
        return reply

    async def introspect(self, token: str) -> Reply:
        """What the broker says of a token."""
        return await self.call("/introspect", {"token": token, **self.service.assertion()})


SOON = 40.0
"""Seconds for what takes a moment, and on a busy machine longer: no promise of ours is measured by it."""


async def eventually(within: float, seen: Callable[[], Awaitable[object]]) -> float:
    """Waits until an awaited look is true; how many seconds that took. An error after `within` seconds."""
    began = time.monotonic()
    while not await seen():
        passed = time.monotonic() - began
        assert passed < within, f"not within {within} s: {seen}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began
