"""Request body limit: 413 (RFC 9110 15.5.14), by Content-Length or, without it, by the bytes received.

Paths that take files have limits of their own. Their handlers read Content-Length themselves, and answer with a page.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive

_MOST_DIGITS = 15

USUAL = 64 * 1024
"""Largest body of a path without a limit of its own, in bytes."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Largest bodies, in bytes: `usual`, and those of the paths that a pattern of `larger` matches whole."""

    usual: int = USUAL
    larger: Mapping[re.Pattern[str], int] = field(default_factory=dict)

    def of(self, path: str) -> int:
        """The largest body at a path."""
        return next((limit for pattern, limit in self.larger.items() if pattern.fullmatch(path)), self.usual)


class BodyTooLarge(HTTPException):
    """413. Starlette's exception handlers answer it if the application reads the body; else `EdgeMiddleware` does."""

    def __init__(self) -> None:
        super().__init__(413, headers={"connection": "close"})


def declared_length(headers: Iterable[tuple[bytes, bytes]], limit: int) -> int:
    """Content-Length in bytes: 0 without the header, `limit` + 1 if it is malformed."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else limit + 1
    return 0


def limit_body(receive: Receive, limit: int) -> Receive:
    """Wraps `receive`; raises BodyTooLarge after more than `limit` bytes."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise BodyTooLarge
        return message

    return counted


def too_large_response() -> PlainTextResponse:
    """413 in plain text; closes the connection."""
    return PlainTextResponse("What was sent is too large.\n", status_code=413, headers={"connection": "close"})
