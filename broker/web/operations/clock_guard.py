"""Clock guard middleware: answers 503 to every request that depends on the time while this machine's clock is off."""

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.model.store_results import StoreUnavailable

Page = Callable[[Request, Exception], Awaitable[Response]]
"""Renders the page of a request that cannot be served now."""

RETRY_AFTER: Final = "5"
"""Seconds after which a service may retry: another process is likely to get the request."""
_TIMELESS: Final = frozenset({"/livez", "/readyz", "/metrics", "/jwks"})
_TIMELESS_FOLDERS: Final = ("/static/", "/.well-known/")
_DESKS: Final = "/desk/"
"""Folder of the API for partner desks, which reports errors as problem details (RFC 9457)."""

_LATER: Final = "please try again shortly"


class ClockGuard:
    """Answers 503 in place of the application while `out` gives a reason: JSON to services and desks, else a page.

    Paths that do not depend on the time are still served: `/livez`, `/readyz`, `/metrics`, the metadata, the key set
    and static files. Pure ASGI.
    """

    def __init__(self, app: ASGIApp, out: Callable[[], str | None], services: Collection[str], page: Page) -> None:
        """`services` are the paths that services call; `page` answers all others."""
        self._app = app
        self._out = out
        self._services = frozenset(services) - _TIMELESS
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = self._out()
        if out is None or scope["type"] != "http" or _timeless(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        headers = {"Retry-After": RETRY_AFTER, "Cache-Control": "no-store"}
        response: Response
        if scope["path"] in self._services:
            content = {"error": "temporarily_unavailable", "error_description": _LATER}
            response = JSONResponse(content, 503, headers)
        elif scope["path"].startswith(_DESKS):
            title = HTTPStatus.SERVICE_UNAVAILABLE.phrase
            problem = {"title": title, "status": 503, "code": "temporarily_unavailable", "detail": _LATER}
            response = JSONResponse(problem, 503, headers, "application/problem+json")
        else:
            response = await self._page(request, StoreUnavailable(out))
        await response(scope, receive, send)


def _timeless(path: str) -> bool:
    return path in _TIMELESS or path.startswith(_TIMELESS_FOLDERS)
