"""One layer around an application, for all that must be on every answer. What each part does stands beside."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.ambient import Ambient
from broker.web.middleware import mishaps
from broker.web.middleware.cookies import cookies_could_come, without_cookies
from broker.web.middleware.headers import dressed
from broker.web.middleware.heads import refused_head
from broker.web.middleware.requests import request_id
from broker.web.middleware.sizes import TooLarge, announced, refusal, within

HeadRefusal = Callable[[Request, HTTPStatus], Response]
"""Makes the answer to a request that is refused for its headers."""

_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_FILES = "/static/"
"""Where the files of pages are: the page that tells of headers that are too large is shown with its style sheet."""

_BODILESS = frozenset({"GET", "HEAD"})


class Guard:
    """Names a request, limits what is read of it, dresses its answer, and answers where nobody else did.

    It is one layer and not four, since each layer costs every request again.
    """

    def __init__(self, app: ASGIApp, ambient: Ambient, limit: int, refuse: HeadRefusal) -> None:
        """`limit` is the largest body read, in bytes. `refuse` answers requests that are refused for their headers."""
        self._app = app
        self._ambient = ambient
        self._limit = limit
        self._refuse = refuse

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
                headers = message.get("headers", ())
                if any(name == b"set-cookie" for name, _ in headers) and not cookies_could_come(scope):
                    headers = without_cookies(headers)
                message["headers"] = dressed(headers, id)
            return send(message)

        refused = refused_head(scope["headers"], scope.get("http_version", "1.1"))
        if refused is not None and not (refused is _TOO_LARGE and scope["path"].startswith(_FILES)):
            await self._refuse(Request(scope, receive), refused)(scope, receive, answer)
            return
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
