"""An OpenID provider that answers at once: every visitor is a new person, without a prompt.

    python -m tests.bench.upstream PORT

A code holds all that the token endpoint needs, so nothing is remembered. What it costs is not counted.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import uvloop

from tests.bench.signing import Key, base64, plain

LEVEL = "bench:strong"
PERSON = {
    "name": "Eleri Vaughan",
    "given_name": "Eleri",
    "family_name": "Vaughan",
    "birthdate": "1980-04-01",
    "email": "eleri@mail.example",
    "email_verified": True,
}


def answer(status: bytes, body: bytes = b"", kind: bytes = b"application/json", lines: bytes = b"") -> bytes:
    """A whole HTTP answer."""
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, kind, len(body), lines, body)


class Provider:
    """Routes each request to its reply."""

    def __init__(self, issuer: str) -> None:
        """`issuer` is its origin."""
        self._issuer = issuer
        self._key = Key()
        self._head = self._key.head(kid=self._key.thumbprint, typ="JWT")
        self._people = itertools.count(time.time_ns())
        self._jwks = answer(b"200 OK", msgspec.json.encode({"keys": [self._key.jwk]}))
        self._metadata = answer(b"200 OK", msgspec.json.encode(self._described()))

    def _described(self) -> dict[str, Any]:
        at = self._issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "jwks_uri": f"{at}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": ["openid", "profile", "email"],
            "acr_values_supported": [LEVEL],
        }

    def reply(self, _method: bytes, target: str, authorization: bytes, body: bytes) -> bytes:
        """The answer to one request."""
        path, _, query = target.partition("?")
        match path:
            case "/authorize":
                return self._authorize({name: values[0] for name, values in parse_qs(query).items()})
            case "/token":
                return self._token({name: values[0] for name, values in parse_qs(body.decode()).items()})
            case "/userinfo":
                subject = authorization.partition(b" ")[2].decode()
                return answer(b"200 OK", msgspec.json.encode({"sub": subject, **PERSON}))
            case "/jwks":
                return self._jwks
            case "/.well-known/openid-configuration":
                return self._metadata
        return answer(b"404 Not Found")

    def _authorize(self, asked: Mapping[str, str]) -> bytes:
        kept = msgspec.json.encode([str(next(self._people)), asked.get("nonce"), asked["client_id"]])
        parts = {"code": base64(kept).decode(), "state": asked["state"], "iss": self._issuer}
        there = asked["redirect_uri"] + "?" + "&".join(f"{name}={value}" for name, value in parts.items())
        return answer(b"303 See Other", lines=b"Location: %s\r\n" % there.encode())

    def _token(self, form: Mapping[str, str]) -> bytes:
        subject, nonce, client_id = msgspec.json.decode(plain(form["code"].encode()))
        now = int(time.time())
        claims = {"iss": self._issuer, "sub": subject, "aud": client_id, "iat": now, "exp": now + 300}
        claims |= {"auth_time": now, "nonce": nonce, "acr": LEVEL, "amr": ["pwd", "otp", "mfa"]}
        tokens = {
            "access_token": subject,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self._key.sign(self._head, claims).decode(),
        }
        return answer(b"200 OK", msgspec.json.encode(tokens), lines=b"Cache-Control: no-store\r\n")


class UpstreamProtocol(asyncio.Protocol):
    """One connection to the provider."""

    def __init__(self, provider: Provider) -> None:
        """Not open yet."""
        self._provider = provider
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""

        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        assert self._transport is not None
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            whole = end + 4 + int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            method, target, _ = first.split(b" ")
            response = self._provider.reply(method, target.decode(), headers.get(b"authorization", b""), body)
            self._transport.write(response)


async def serve(port: int) -> None:
    """Serves until the process ends; prints a line once it listens."""
    provider = Provider(f"http://127.0.0.1:{port}")
    server = await asyncio.get_running_loop().create_server(
        lambda: UpstreamProtocol(provider), "127.0.0.1", port, backlog=512
    )
    print("ready", flush=True)
    await server.serve_forever()


def target(url: str) -> str:
    """Path and query of a URL, as in a request line."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
