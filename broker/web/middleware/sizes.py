"""A limit on the size of what is sent to us, before anything reads it."""

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MOST_DIGITS = 15


class TooLarge(HTTPException):
    """More came than is read. An application inside that knows such exceptions answers it by itself."""

    def __init__(self) -> None:
        super().__init__(413, headers={"connection": "close"})


class BodyLimit:
    """Answers 413 (RFC 9110 15.5.14) to a body above the limit, whether its length was announced or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        if self._announced(scope) > self.limit:
            await _refusal()(scope, receive, send)
            return
        read = 0
        started = False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit:
                raise TooLarge
            return message

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, noticed)
        except TooLarge:
            if started:
                raise
            await _refusal()(scope, receive, send)

    def _announced(self, scope: Scope) -> int:
        for name, value in scope["headers"]:
            if name == b"content-length":
                return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else self.limit + 1
        return 0


def _refusal() -> PlainTextResponse:
    return PlainTextResponse("What was sent is too large.\n", status_code=413, headers={"connection": "close"})
