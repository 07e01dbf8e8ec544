"""One layer around an application, for all that must be on every answer. What each part does stands beside."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.platform.system import System
from broker.web.middleware import unhandled_errors
from broker.web.middleware.body_limit import BodyTooLarge, declared_length, limit_body, too_large_response
from broker.web.middleware.cookies import cookies_could_come, without_cookies
from broker.web.middleware.heads import refused_head
from broker.web.middleware.request_id import request_id
from broker.web.middleware.security_headers import with_security_headers

HeadRefusal = Callable[[Request, HTTPStatus], Response]
"""Makes the answer to a request that is refused for its headers."""

_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_FILES = "/static/"
"""Where the files of pages are: the page that tells of headers that are too large is shown with its style sheet."""

_BODILESS = frozenset({"GET", "HEAD"})


class EdgeMiddleware:
    """Names a request, limits what is read of it, dresses its answer, and answers where nobody else did.

    It is one layer and not four, since each layer costs every request again.
    """

    def __init__(self, app: ASGIApp, system: System, limit: int, refuse: HeadRefusal) -> None:
        """`limit` is the largest body read, in bytes. `refuse` answers requests that are refused for their headers."""
        self._app = app
        self._ambient = system
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
                message["headers"] = with_security_headers(headers, id)
            return send(message)

        refused = refused_head(scope["headers"], scope.get("http_version", "1.1"))
        if refused is not None and not (refused is _TOO_LARGE and scope["path"].startswith(_FILES)):
            await self._refuse(Request(scope, receive), refused)(scope, receive, answer)
            return
        try:
            if scope["method"] not in _BODILESS:
                if declared_length(scope["headers"], self._limit) > self._limit:
                    raise BodyTooLarge
                receive = limit_body(receive, self._limit)
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            unhandled_errors.log_client_disconnect(scope)
        except Exception as mishap:  # the outermost place: there is nobody left to whom it could go
            if isinstance(mishap, BodyTooLarge) and not started:
                await too_large_response()(scope, receive, answer)
                return
            unhandled_errors.log_unhandled(scope, mishap)
            if not started:
                await unhandled_errors.unhandled_error_response()(scope, receive, answer)
