"""One layer around an application, for all that must be on every answer. What each part does stands beside."""

from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.ambient import Ambient
from broker.web.middleware import mishaps
from broker.web.middleware.headers import dressed
from broker.web.middleware.requests import request_id
from broker.web.middleware.sizes import TooLarge, announced, refusal, within

_BODILESS = frozenset({"GET", "HEAD"})


class Guard:
    """Names a request, limits what is read of it, dresses its answer, and answers where nobody else did.

    It is one layer and not four, since each layer costs every request again.
    """

    def __init__(self, app: ASGIApp, ambient: Ambient, limit: int) -> None:
        """`limit` is the largest body read, in bytes."""
        self._app = app
        self._ambient = ambient
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = request_id(scope["headers"], self._ambient)
        scope.setdefault("state", {})["request_id"] = id.decode("ascii")
        started = False

        def answer(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = dressed(message.get("headers", ()), id)
            return send(message)

        try:
            if scope["method"] not in _BODILESS:
                if announced(scope["headers"], self._limit) > self._limit:
                    raise TooLarge
                receive = within(receive, self._limit)
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            mishaps.note_departure(scope)
        except Exception as mishap:  # the outermost place: there is nobody left to whom it could go
            if isinstance(mishap, TooLarge) and not started:
                await refusal()(scope, receive, answer)
                return
            mishaps.note(scope, mishap)
            if not started:
                await mishaps.apology()(scope, receive, answer)
