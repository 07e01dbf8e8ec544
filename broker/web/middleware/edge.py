"""Edge middleware: request id, header and body limits, security headers, and the last handler of exceptions.

One ASGI layer instead of one for each concern, because every layer adds its cost to every request (decision 0011).
"""

import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.platform.log_context import bind_request, unbind_request
from broker.platform.system import System
from broker.web.middleware.body_limit import BodyLimits, BodyTooLarge, declared_length, limit_body, too_large_response
from broker.web.middleware.client_certificates import log_untrusted_certificate
from broker.web.middleware.header_checks import header_error
from broker.web.middleware.security_headers import (
    REQUEST_ID,
    cookies_could_come,
    with_security_headers,
    without_cookies,
)

log = logging.getLogger("portico.web")

HeadRefusal = Callable[[Request, HTTPStatus], Response]
"""Builds the response to a request whose headers are rejected."""

_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_FILES = "/static/"
"""Static files are served even if headers are too large: the page of that error needs its style sheet."""

_BODILESS = frozenset({"GET", "HEAD"})
_GIVEN: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")


class EdgeMiddleware:
    """Outermost layer of an application: what applies to every request and response, also to failed ones."""

    def __init__(self, app: ASGIApp, system: System, limits: BodyLimits, refuse: HeadRefusal) -> None:
        """`limits` are the largest bodies accepted. `refuse` answers requests whose headers are rejected."""
        self._app = app
        self._system = system
        self._limits = limits
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = request_id(scope["headers"], self._system)
        name = scope.setdefault("state", {})["request_id"] = identifier.decode("ascii")
        bound = bind_request(name)
        try:
            await self._answer(scope, receive, send, identifier)
        finally:
            unbind_request(bound)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, identifier: bytes) -> None:
        """Answers a request whose log context is bound."""
        log_untrusted_certificate(scope)
        started = False

        def answer(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = message.get("headers", ())
                if not cookies_could_come(scope) and any(name == b"set-cookie" for name, _ in headers):
                    headers = without_cookies(headers)
                message["headers"] = with_security_headers(headers, identifier)
            return send(message)

        refused = header_error(scope["headers"], scope.get("http_version", "1.1"))
        if refused is not None and not (refused is _TOO_LARGE and scope["path"].startswith(_FILES)):
            await self._refuse(Request(scope, receive), refused)(scope, receive, answer)
            return
        try:
            if scope["method"] not in _BODILESS:
                receive = limit_body(receive, self._body_limit(scope))
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            log.info("client_disconnected")
        except Exception as exception:  # the outermost layer: no other handler is left
            if isinstance(exception, BodyTooLarge) and not started:
                await too_large_response()(scope, receive, answer)
                return
            log_unhandled(exception)
            if not started:
                await unhandled_error_response()(scope, receive, answer)

    def _body_limit(self, scope: Scope) -> int:
        """The largest body of the request in bytes. Raises BodyTooLarge if Content-Length exceeds the usual limit, and
        the path has no limit of its own.
        """
        usual = self._limits.usual
        declared = declared_length(scope["headers"], usual)
        if 0 < declared <= usual:
            return usual
        limit = self._limits.of(scope["path"])
        if declared > limit == usual:
            raise BodyTooLarge
        return limit


def request_id(headers: Iterable[tuple[bytes, bytes]], system: System) -> bytes:
    """The request id that a proxy sent in X-Request-Id, if it is well formed; else 16 random hex digits.

    It is also stored in `scope["state"]["request_id"]`.
    """
    for name, value in headers:
        if name == REQUEST_ID and _GIVEN.fullmatch(value):
            return value
        if name == REQUEST_ID:
            break
    return system.random_bytes(8).hex().encode("ascii")


def log_unhandled(exception: Exception) -> None:
    """Logs the class and the traceback's places of an unhandled exception.

    The message of an exception may contain what a citizen sent, so it is not logged.
    """
    log.error(
        "request_failed",
        extra={
            "exception": type(exception).__name__,
            "places": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(exception.__traceback__)],
        },
    )


def unhandled_error_response() -> PlainTextResponse:
    """500 in plain text, if the application sent no response."""
    return PlainTextResponse("There is a problem on our side.\n", status_code=500)
