"""A limit on the size of what is sent to us, before anything reads it.

A body above it is answered with 413 (RFC 9110 15.5.14), whether its length was announced or not.
"""

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive

_MOST_DIGITS = 15


class BodyTooLarge(HTTPException):
    """More came than is read. An application inside that knows such exceptions answers it by itself."""

    def __init__(self) -> None:
        super().__init__(413, headers={"connection": "close"})


def declared_length(headers: Iterable[tuple[bytes, bytes]], limit: int) -> int:
    """The size of the body in bytes as the headers tell it: 0 if they do not, above the limit if it is no size."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else limit + 1
    return 0


def limit_body(receive: Receive, limit: int) -> Receive:
    """Reads as `receive` does, and raises BodyTooLarge once more came than the limit, in bytes."""
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
    """The answer to a body that is too large."""
    return PlainTextResponse("What was sent is too large.\n", status_code=413, headers={"connection": "close"})
