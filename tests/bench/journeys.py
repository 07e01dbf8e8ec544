"""What a citizen's browser and a relying service send to get one sign-in done, step by step, for each product."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from tests.bench.client import Client, handle
from tests.bench.raw_http import Connection, Jar, Reply, Unexpected, get, post
from tests.bench.upstream import target

BROWSER = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.5\r\n"
    b"Sec-Fetch-Site: same-origin\r\n"
)
PROVIDER = "bench"
"""The id of the upstream provider at the broker."""


@dataclass(slots=True)
class Visit:
    """One sign-in under way: a browser without cookies, and the service that started it."""

    client: Client
    server: Connection
    upstream: Connection
    host: str
    jar: Jar = field(default_factory=Jar)
    verifier: str = field(default_factory=lambda: handle() + handle())
    state: str = field(default_factory=handle)
    request_uri: str = ""
    there: str = ""
    """Where the browser is to go next: a path at the server, or a URL elsewhere."""
    page: bytes = b""
    access: str = ""
    refresh: str = ""

    async def visit(self, path: str) -> Reply:
        """The browser follows a link."""
        reply = await self.server.send(get(self.host, path, BROWSER + self.jar.line))
        self.jar.learn(reply)
        return reply

    async def submit(self, path: str, form: bytes) -> Reply:
        """The browser sends a form."""
        lines = b"Origin: http://%s\r\n" % self.host.encode() + BROWSER + self.jar.line
        reply = await self.server.send(post(self.host, path, form, lines))
        self.jar.learn(reply)
        return reply

    async def call(
        self, method: str, path: str, form: Callable[[], bytes] = bytes, token: str | None = None, *, again: bool = True
    ) -> Reply:
        """Calls an endpoint as the service, with a DPoP proof if its tokens are bound to a key.

        If the server demands a newer nonce in the proof, the call is repeated once (RFC 9449 8).
        """
        lines = self.client.proof(method, f"http://{self.host}{path}", token)
        if token is not None:
            lines += b"Authorization: %s %s\r\n" % (b"DPoP" if self.client.bound else b"Bearer", token.encode())
        get_or_post = get(self.host, path, lines) if method == "GET" else post(self.host, path, form(), lines)
        reply = await self.server.send(get_or_post)
        if self.client.bound and (nonce := reply.header("dpop-nonce")) is not None:
            self.client.nonce = nonce
            if again and reply.status in (400, 401) and b"use_dpop_nonce" in reply.body:
                return await self.call(method, path, form, token, again=False)
        return reply

    @property
    def code(self) -> tuple[str, str]:
        """The code that came back to the service, and the verifier that belongs to it; checks the state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.there).query).items()}
        if query.get("state") != self.state:
            raise ValueError(f"the service was sent {self.there}")
        return query["code"], self.verifier


Step = Callable[[Visit], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Product:
    """A server with the requests of a sign-in. A step in brackets is served by another program."""

    name: str
    includes: str
    steps: Sequence[tuple[str, Step]]

    async def sign_in(self, visit: Visit) -> None:
        """All steps, one after the other."""
        for _, step in self.steps:
            await step(visit)


def right(reply: Reply, status: int) -> Reply:
    if reply.status != status:
        raise Unexpected(reply, f"status {status}")
    return reply


def _local(url: str) -> str:
    """The path of an address at the server itself."""
    return target(url) if url.startswith("http") else url


def hidden(page: bytes, action: bytes, name: bytes) -> bytes:
    """The value of a hidden field in the form with this action."""
    start = page.find(b'action="%s"' % action)
    start = page.find(b'name="%s" value="' % name, start) if start >= 0 else start
    if start < 0:
        raise ValueError(f"no form for {action!r} with {name!r} in {page[:3000]!r}")
    start += len(name) + 15
    return page[start : page.index(b'"', start)]


# --- the calls of the service, alike everywhere but for their paths ---


def pushed(path: str, scope: str) -> Step:
    """The pushed request."""

    async def step(visit: Visit) -> None:
        form = visit.client.pushed(visit.state, visit.verifier, scope)
        reply = right(await visit.server.send(post(visit.host, path, form)), 201)
        visit.request_uri = msgspec.json.decode(reply.body)["request_uri"]

    return step


def token(path: str) -> Step:
    """The code becomes tokens."""

    async def step(visit: Visit) -> None:
        reply = right(await visit.call("POST", path, lambda: visit.client.exchange(*visit.code)), 200)
        body = msgspec.json.decode(reply.body)
        if body["id_token"].count(".") != 2:
            raise Unexpected(reply, "an ID token")
        visit.access, visit.refresh = body["access_token"], body.get("refresh_token", "")

    return step


def userinfo(path: str) -> Step:
    """The claims behind the access token."""

    async def step(visit: Visit) -> None:
        reply = right(await visit.call("GET", path, token=visit.access), 200)
        if "sub" not in msgspec.json.decode(reply.body):
            raise Unexpected(reply, "claims")

    return step


def authorize(path: str) -> Step:
    """The browser arrives from the service, and is sent on within the server."""

    async def step(visit: Visit) -> None:
        asked = f"{path}?client_id={visit.client.client_id}&request_uri={quote(visit.request_uri, safe='')}"
        visit.there = _local(right(await visit.visit(asked), 303).location)

    return step


async def away(visit: Visit) -> None:
    """The browser goes to the provider, which sends it back at once."""
    reply = await visit.upstream.send(get("upstream", target(visit.there)))
    visit.there = _local(right(reply, 303).location)


# --- Portico ---


async def look(visit: Visit) -> None:
    """The transaction's page."""
    visit.page = right(await visit.visit(visit.there), 200).body


async def leave(visit: Visit) -> None:
    """Reads the target of the page that leaves for another origin."""
    reply = right(await visit.visit(visit.there), 200)
    refresh = reply.header("refresh")
    if refresh is None:
        raise Unexpected(reply, "a page that leaves")
    visit.there = refresh.partition("url=")[2]


async def choose(visit: Visit) -> None:
    """A provider is chosen."""
    action = f"{visit.there}/choose"
    form = b"token=%s&provider=%s" % (quote(hidden(visit.page, action.encode(), b"token")).encode(), PROVIDER.encode())
    visit.there = _local(right(await visit.submit(action, form), 303).location)


async def callback(visit: Visit) -> None:
    """The provider's answer arrives."""
    visit.there = _local(right(await visit.visit(visit.there), 303).location)


async def share(visit: Visit) -> None:
    """The citizen agrees."""
    action = f"{visit.there}/share"
    form = b"token=%s&agree=yes" % quote(hidden(visit.page, action.encode(), b"token")).encode()
    visit.there = _local(right(await visit.submit(action, form), 303).location)


def portico(name: str, scope: str) -> Product:
    """The broker, over its whole journey."""
    return Product(
        name,
        "pushed request, picker, choice, provider (2 calls), agreement, ID token, userinfo; facts and audit in SQL",
        [
            ("pushed request", pushed("/par", scope)),
            ("authorize", authorize("/authorize")),
            ("page: picker", look),
            ("choice", choose),
            ("page: leaving", leave),
            ("(provider)", away),
            ("callback", callback),
            ("page: agreement", look),
            ("agreement", share),
            ("page: returning", leave),
            ("token", token("/token")),
            ("userinfo", userinfo("/userinfo")),
        ],
    )


# --- the floor ---


async def _arrive(visit: Visit) -> None:
    asked = f"/authorize?client_id={visit.client.client_id}&request_uri={quote(visit.request_uri, safe='')}"
    visit.page = right(await visit.visit(asked), 200).body


async def _pick(visit: Visit) -> None:
    form = b"token=%s&provider=%s" % (hidden(visit.page, b"/choose", b"token"), PROVIDER.encode())
    visit.there = right(await visit.submit("/choose", form), 303).location


async def _return(visit: Visit) -> None:
    visit.page = right(await visit.visit(visit.there), 200).body


async def _agree(visit: Visit) -> None:
    form = b"token=%s&agree=yes" % hidden(visit.page, b"/share", b"token")
    visit.there = right(await visit.submit("/share", form), 303).location


FLOOR = Product(
    "floor",
    "the same in 7 requests on bare ASGI; no SQL, audit, limits, metrics, error pages",
    [
        ("pushed request", pushed("/par", "openid profile")),
        ("authorize and picker", _arrive),
        ("choice", _pick),
        ("(provider)", away),
        ("callback and agreement", _return),
        ("agreement", _agree),
        ("token", token("/token")),
        ("userinfo", userinfo("/userinfo")),
    ],
)


# --- npm oidc-provider ---


async def _onward(visit: Visit) -> None:
    visit.there = right(await visit.visit(_local(visit.there)), 303).location


PEER = Product(
    "npm oidc-provider",
    "pushed request, an interaction answered by script, ID token, userinfo; Redis; no provider behind it, no pages",
    [
        ("pushed request", pushed("/request", "openid profile")),
        ("authorize", authorize("/auth")),
        ("interaction", _onward),
        ("resumption", _onward),
        ("token", token("/token")),
        ("userinfo", userinfo("/me")),
    ],
)
