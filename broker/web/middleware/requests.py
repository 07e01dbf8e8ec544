"""An id for every request, for the log and for the answer's header."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.ambient import Ambient

_HEADER: Final = b"x-request-id"
_GIVEN: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")


class RequestIds:
    """Takes the id that a proxy in front gave, or draws one. It stands in `scope["state"]["request_id"]`."""

    def __init__(self, app: ASGIApp, ambient: Ambient) -> None:
        self.app = app
        self.ambient = ambient

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id = self._given(scope) or self.ambient.draw(8).hex().encode()
        scope.setdefault("state", {})["request_id"] = id.decode("ascii")

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_HEADER, id)]
            await send(message)

        await self.app(scope, receive, named)

    @staticmethod
    def _given(scope: Scope) -> bytes | None:
        for name, value in scope["headers"]:
            if name == _HEADER:
                return value if _GIVEN.fullmatch(value) else None
        return None
