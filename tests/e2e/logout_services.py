"""Services that take part in logout: what the broker sends them, and their own logout requests."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = b"<!DOCTYPE html><title>Signed out here</title><p>Signed out here"


@dataclass
class ReceivedLogouts:
    """Requests that a service received: logout tokens by path, and the queries of its page in a frame.

    `answers` are the statuses that it gives, one after the other; when there are none left it is 200.
    """

    tokens: list[tuple[str, str]] = field(default_factory=list)
    frames: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hang: bool = False

    def claims(self, path: str) -> list[dict[str, Any]]:
        """The claims of the tokens that came to a path. What their signature is worth is looked at elsewhere."""
        return [json.loads(decoded(token.split(".")[1])) for at, token in self.tokens if at == path]

    def of(self, sid: str) -> list[tuple[str, str]]:
        """The tokens about one session, each with the path that received it: earlier sessions may still be reported."""
        return [(at, token) for at, token in self.tokens if json.loads(decoded(token.split(".")[1]))["sid"] == sid]


class Receiver:
    """The sample service, with the endpoints of other services in front of it."""

    def __init__(self, inner: ASGIApp, logouts: ReceivedLogouts) -> None:
        self._inner = inner
        self._logouts = logouts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path"))
        if path.startswith("/logout/"):
            body = b""
            while (message := await receive()).get("type") == "http.request":
                body += message["body"]
                if not message.get("more_body"):
                    break
            self._logouts.tokens.append((path, parse_qs(body.decode())["logout_token"][0]))
            if self._logouts.hang:
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            await answer(send, self._logouts.answers.pop(0) if self._logouts.answers else 200)
        elif path == "/framed":
            self._logouts.frames.append(dict(parse_qsl(scope["query_string"].decode())))
            await answer(send, 200, PAGE)
        elif path == "/watching":
            await answer(send, 200, b"<!DOCTYPE html><title>Watching</title><h1>Watching</h1>")
        else:
            await self._inner(scope, receive, send)


async def answer(send: Send, status: int, body: bytes = b"") -> None:
    """One response. A redirect leads to a URL that no client may follow."""
    headers = [(b"content-type", b"text/html"), (b"location", b"/logout/elsewhere")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def expected_state(client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """The `session_state` that should have been sent (Session Management 1.0, 3.2), worked out by itself."""
    text = f"{client_id} {origin} {browser_state} {salt}"
    return f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"


def decoded(part: str) -> bytes:
    """What a part of a token holds, unverified."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
