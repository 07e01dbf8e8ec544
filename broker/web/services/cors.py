"""CORS (Fetch 3.3): lets pages of the origins that services register call endpoints and read their responses.

For the endpoints that a single-page application calls: token, userinfo, revocation, metadata and keys. Never for the
authorization endpoint (RFC 9700 2.6), and never with the browser's cookies: there is no `Allow-Credentials`.
"""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.model.service import Service
from broker.web.services.json_responses import Handler
from broker.web.shared import request_parsing
from broker.web.shared.responses import Header, RawResponse

CALLERS: Final = "cors_callers"
"""The member of `request.state` in which an endpoint lists the ids of the services that the call came from."""

_REQUEST_HEADERS: Final = b"authorization, content-type, dpop"
_EXPOSED: Final = b"dpop-nonce, www-authenticate, retry-after"
_PREFLIGHT_AGE: Final = b"600"
"""Seconds for which a browser may cache a preflight response."""


def is_allowed(origin: str, services: Mapping[str, Service], client_ids: Iterable[str] = ()) -> bool:
    """Whether one of these services registers the origin, compared byte for byte; without `client_ids`, any service."""
    known = [services[client_id] for client_id in client_ids if client_id in services]
    return any(origin in service.cors_origins for service in (known or services.values()))


class CrossOrigin:
    """CORS middleware: adds the response headers at some paths, also to errors. Pure ASGI.

    It stands outside of everything that answers at these paths, so that a page can also read 405, 413 and 500. If the
    service of the call is known, only the origins of that service may read the response.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], services: Mapping[str, Service]) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._services = services

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope.get("path") not in self._paths or scope.get("method", "OPTIONS") == "OPTIONS":
            return self._app(scope, receive, send)
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        return self._app(scope, receive, self._opened(scope, origins, send) if origins else send)

    def _opened(self, scope: Scope, origins: Sequence[bytes], send: Send) -> Send:
        callers: list[str] = []
        scope.setdefault("state", {})[CALLERS] = callers
        origin = origins[0].decode("latin-1") if len(origins) == 1 else None

        def answer(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                present = message.get("headers", ())
                varied = [] if any(name == b"vary" for name, _ in present) else [(b"vary", b"Origin")]
                opened = []
                if origin is not None and is_allowed(origin, self._services, callers):
                    opened = [(b"access-control-expose-headers", _EXPOSED), _origin(origin)]
                message["headers"] = [*present, *opened, *varied]
            return send(message)

        return answer


def preflight(methods: Sequence[str], services: Mapping[str, Service]) -> Handler:
    """A handler for CORS preflights (Fetch 3.3.6) of an endpoint with these methods.

    405 for an OPTIONS request that is no preflight, and for an origin that no service registers.
    """
    allowed = ", ".join(methods)

    async def answer(request: Request) -> Response:
        origins = request_parsing.header_values(request, b"origin")
        wanted = request_parsing.header(request, b"access-control-request-method")
        if wanted is None or len(origins) != 1 or not is_allowed(origins[0], services):
            raise HTTPException(405, headers={"Allow": allowed})
        headers = [
            _origin(origins[0]),
            (b"access-control-allow-methods", allowed.encode("ascii")),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_AGE),
            (b"vary", b"Origin"),
        ]
        return RawResponse(204, b"", headers)

    return answer


def _origin(origin: str) -> Header:
    return b"access-control-allow-origin", origin.encode("ascii")
