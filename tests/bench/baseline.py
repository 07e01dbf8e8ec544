"""The floor: what a brokered sign-in costs when nothing but the sign-in itself is done.

    python -m tests.bench.baseline PORT UPSTREAM REDIS CLIENT KEY

Bare ASGI on uvicorn, one Redis connection, twenty lines of JWS, hand-written HTTP calls. It checks
signatures, expiry, PKCE, state and nonce, and nothing else: it is a measuring rod and no product.
"""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qsl, quote

import msgspec
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec

from tests.bench.raw_http import Connection, connect, get, post
from tests.bench.signing import Key, base64, plain, verified

Message = dict[str, Any]
PAGE = b"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>%s</title>
<link rel="stylesheet" href="/static/site.css"></head><body><main>%s
<form method="post" action="%s"><input type="hidden" name="token" value="%s">%s<button>Continue</button></form>
</main></body></html>"""


def handle() -> str:
    """A handle of 128 bits."""
    return base64(os.urandom(16)).decode()


class Redis(asyncio.Protocol):
    """One connection, commands in a row (RESP 2), and only the answers that are needed: simple, bulk, null."""

    def __init__(self) -> None:
        """Not open yet."""
        self._transport: asyncio.Transport | None = None
        self._waiting: list[asyncio.Future[bytes | None]] = []
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""

        self._transport = cast(asyncio.Transport, transport)

    async def do(self, *words: bytes) -> bytes | None:
        """One command."""
        assert self._transport is not None
        waiting: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._transport.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return await waiting

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        buffer = self._buffer + data
        while (end := buffer.find(b"\r\n")) >= 0:
            line, rest = buffer[:end], buffer[end + 2 :]
            value: bytes | None = line[1:]
            if line[:1] == b"$":
                size = int(line[1:])
                if size >= 0 and len(rest) < size + 2:
                    break
                value, rest = (None, rest) if size < 0 else (rest[:size], rest[size + 2 :])
            buffer = rest
            self._waiting.pop(0).set_result(value)
        self._buffer = buffer


class Calls:
    """Connections to the provider that stay open."""

    def __init__(self, port: int) -> None:
        """None is open yet."""
        self._port = port
        self._idle: list[Connection] = []

    async def call(self, request: bytes) -> Any:
        """The JSON that the provider answers."""
        connection = self._idle.pop() if self._idle else await connect(self._port)
        reply = await connection.send(request)
        self._idle.append(connection)
        return msgspec.json.decode(reply.body)


class Floor:
    """The application."""

    def __init__(self, port: int, upstream: int, redis: int, client: dict[str, str]) -> None:
        """Ports of the server, of the provider and of Redis; `client` is the service's public key as a JWK."""
        self.issuer = f"http://127.0.0.1:{port}"
        self.provider = f"http://127.0.0.1:{upstream}"
        self.key, self.own = Key(), Key()
        self.head = self.key.head(kid=self.key.thumbprint)
        self.own_head = self.own.head(kid=self.own.thumbprint)
        self.redis_port, self.calls = redis, Calls(upstream)
        self.client = public(client)
        self.provider_key: ec.EllipticCurvePublicKey | None = None
        self.redis = Redis()
        self.paths: dict[str, Callable[[Message, bytes], Awaitable[tuple[int, list[tuple[bytes, bytes]], bytes]]]] = {
            "/par": self.push,
            "/authorize": self.authorize,
            "/choose": self.choose,
            "/callback": self.callback,
            "/share": self.share,
            "/token": self.token,
            "/userinfo": self.userinfo,
        }

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await receive()
            _, self.redis = await asyncio.get_running_loop().create_connection(Redis, "127.0.0.1", self.redis_port)
            jwks = await self.calls.call(get("upstream", "/jwks"))
            self.provider_key = public(jwks["keys"][0])
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        if scope["method"] == "POST":
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
        status, headers, content = await self.paths[scope["path"]](scope, body)
        headers += [(b"content-length", b"%d" % len(content)), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def keep(self, kind: bytes, key: str, value: Any) -> None:
        """Stores a value for ten minutes."""
        name = kind + hashlib.sha256(key.encode()).hexdigest().encode()
        await self.redis.do(b"SET", name, msgspec.json.encode(value), b"EX", b"600")

    async def kept(self, kind: bytes, key: str, *, once: bool = False) -> Any:
        """What was kept, for the last time with `once`."""
        name = kind + hashlib.sha256(key.encode()).hexdigest().encode()
        found = await self.redis.do(b"GETDEL" if once else b"GET", name)
        if found is None:
            raise LookupError(kind)
        return msgspec.json.decode(found)

    async def authenticated(self, form: dict[str, str]) -> None:
        """The service proves who it is, once with each assertion."""
        claims = verified(form["client_assertion"].encode(), self.client)
        if claims["exp"] < time.time() or claims["aud"] != self.issuer:
            raise ValueError("assertion")
        if await self.redis.do(b"SET", b"j" + claims["jti"].encode(), b"1", b"NX", b"EX", b"60") is None:
            raise ValueError("replay")

    async def push(self, _scope: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The pushed request."""
        form = dict(parse_qsl(body.decode()))
        await self.authenticated(form)
        name = handle()
        await self.keep(b"p", name, {k: v for k, v in form.items() if not k.startswith("client_assertion")})
        return json(201, {"request_uri": f"urn:ietf:params:oauth:request_uri:{name}", "expires_in": 60})

    async def authorize(self, scope: Message, _body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The picker."""
        query = dict(parse_qsl(scope["query_string"].decode()))
        asked = await self.kept(b"p", query["request_uri"].rpartition(":")[2])
        name, secret = handle(), handle()
        await self.keep(b"t", name, {"asked": asked, "secret": hashlib.sha256(secret.encode()).hexdigest()})
        radios = b'<input type="radio" name="provider" value="bench">Bench'
        page = PAGE % (b"Choose", b"<h1>Choose</h1>", b"/choose", name.encode(), radios)
        cookie = (b"set-cookie", b"b=%s; HttpOnly; SameSite=Lax" % secret.encode())
        return 200, [(b"content-type", b"text/html; charset=utf-8"), cookie], page

    def check(self, scope: Message, kept: Any) -> None:
        """The transaction is this browser's."""
        cookie = next(value for name, value in scope["headers"] if name == b"cookie")
        if hashlib.sha256(cookie.partition(b"b=")[2].partition(b";")[0]).hexdigest() != kept["secret"]:
            raise ValueError("browser")

    async def choose(self, scope: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Off to the provider."""
        form = dict(parse_qsl(body.decode()))
        kept = await self.kept(b"t", form["token"])
        self.check(scope, kept)
        kept["nonce"], kept["verifier"] = handle(), handle() + handle()
        await self.keep(b"t", form["token"], kept)
        challenge = base64(hashlib.sha256(kept["verifier"].encode()).digest()).decode()
        back = quote(f"{self.issuer}/callback", safe="")
        there = (
            f"{self.provider}/authorize?response_type=code&client_id=floor&redirect_uri={back}&scope=openid&state="
            f"{form['token']}&nonce={kept['nonce']}&code_challenge={challenge}&code_challenge_method=S256"
        )
        return 303, [(b"location", there.encode())], b""

    async def callback(self, scope: Message, _body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Handles the provider's callback and shows the consent page."""
        query = dict(parse_qsl(scope["query_string"].decode()))
        kept = await self.kept(b"t", query["state"])
        self.check(scope, kept)
        now = int(time.time())
        claims = {"iss": "floor", "sub": "floor", "aud": self.provider, "jti": handle(), "iat": now, "exp": now + 60}
        form = (
            f"grant_type=authorization_code&code={query['code']}&code_verifier={kept['verifier']}&client_assertion="
            f"{self.own.sign(self.own_head, claims).decode()}"
        )
        tokens = await self.calls.call(post("upstream", "/token", form.encode()))
        assert self.provider_key is not None
        identity = verified(tokens["id_token"].encode(), self.provider_key)
        if identity["nonce"] != kept["nonce"] or identity["exp"] < now or identity["iss"] != self.provider:
            raise ValueError("identity")
        bearer = b"Authorization: Bearer %s\r\n" % tokens["access_token"].encode()
        person = await self.calls.call(get("upstream", "/userinfo", bearer))
        if person["sub"] != identity["sub"]:
            raise ValueError("userinfo")
        kept["person"] = person
        await self.keep(b"t", query["state"], kept)
        shown = f"<h1>Share?</h1><p>{person['name']}</p><p>{person['birthdate']}</p>".encode()
        page = PAGE % (b"Share", shown, b"/share", query["state"].encode(), b"")
        return 200, [(b"content-type", b"text/html; charset=utf-8")], page

    async def share(self, scope: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Back to the service with a code."""
        form = dict(parse_qsl(body.decode()))
        kept = await self.kept(b"t", form["token"], once=True)
        self.check(scope, kept)
        code, asked = handle(), kept["asked"]
        await self.keep(b"c", code, {"asked": asked, "person": kept["person"]})
        there = f"{asked['redirect_uri']}?code={code}&state={asked['state']}&iss={quote(self.issuer, safe='')}"
        return 303, [(b"location", there.encode())], b""

    async def token(self, _scope: Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The code becomes tokens."""
        form = dict(parse_qsl(body.decode()))
        await self.authenticated(form)
        kept = await self.kept(b"c", form["code"], once=True)
        challenge = base64(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if kept["asked"]["code_challenge"] != challenge or kept["asked"]["redirect_uri"] != form["redirect_uri"]:
            raise ValueError("code")
        now, access = int(time.time()), handle()
        await self.keep(b"a", access, kept["person"])
        claims = {"iss": self.issuer, "sub": kept["person"]["sub"], "aud": form["client_id"], "iat": now}
        claims |= {"exp": now + 300, "nonce": kept["asked"]["nonce"]}
        id_token = self.key.sign(self.head, claims).decode()
        return json(200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id_token})

    async def userinfo(self, scope: Message, _body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The claims."""
        shown = next(value for name, value in scope["headers"] if name == b"authorization")
        return json(200, await self.kept(b"a", shown.partition(b" ")[2].decode()))


def json(status: int, content: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """An answer of JSON."""
    return status, [(b"content-type", b"application/json")], msgspec.json.encode(content)


def public(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    """A public key from its JWK."""
    x, y = (int.from_bytes(plain(jwk[name].encode())) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def main(port: str, upstream: str, redis: str, client: str) -> None:
    """Serves until the process ends."""
    app = Floor(int(port), int(upstream), int(redis), msgspec.json.decode(client))
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="warning", loop="uvloop")


if __name__ == "__main__":
    main(*sys.argv[1:])
