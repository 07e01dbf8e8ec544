"""Router with a hash table for static paths and paths of one parameter; Starlette's router takes all other requests.

Why: Starlette tries routes one by one and wraps every send; with our layers this was a sixth of all function calls of a
sign-in (decision 0011). The table holds only matches that Starlette's router would make, so both agree; 404 and 405
come from Starlette. Fallback: use the Starlette application alone.
Starlette's redirects for trailing slashes are turned off, because they use the `Host` header and status 307. A path
with redundant slashes is answered by `broker.web.shared.not_found`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.web.shared.not_found import NotFoundHandler, without_slashes

Endpoint = Callable[[Request], Awaitable[Response]]
ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]

_ONE_PARAMETER: Final = re.compile(r"/([^/{}]+)/\{([^{}:]+)\}(?:/([^{}]+))?")
"""A route path with one parameter, such as `/journey/{handle}/choose`. Groups: first segment, parameter, rest."""


@dataclass(frozen=True, slots=True)
class Found:
    """A matched route: `template` is its path, `parameter` the name of the path's parameter or ""."""

    endpoint: Endpoint
    template: str
    parameter: str = ""


def fast_router(
    routes: Sequence[BaseRoute], handlers: Mapping[object, ExceptionHandler], not_found: NotFoundHandler
) -> "FastRouter":
    """Builds the router. `handlers` are exception handlers by class; one for `Exception` is required."""
    others = Starlette(routes=routes, exception_handlers=dict(handlers))
    others.router.redirect_slashes = False
    return FastRouter(others, _table(routes), handlers, not_found)


class FastRouter:
    """ASGI application that looks up most routes in a table."""

    def __init__(
        self,
        others: ASGIApp,
        table: Mapping[tuple[str, ...], Found],
        handlers: Mapping[object, ExceptionHandler],
        not_found: NotFoundHandler,
    ) -> None:
        """`others` answers requests that are not in the table; `not_found` answers paths with redundant slashes."""
        self._others = others
        self._table = table
        self._handlers = handlers
        self._not_found = not_found
        self._methods = sorted({key[0] for key in table})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and not scope.get("root_path")
        found = self._find(scope) if ours else None
        if found is None:
            near = self._near(scope) if ours else None
            await (near or self._others)(scope, receive, send)
            return
        scope["endpoint"] = found.endpoint
        request = Request(scope, receive)
        try:
            response = await found.endpoint(request)
        except Exception as exception:  # the handler of Exception takes classes without a handler
            await self._handle_exception(request, exception, send)
            return
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Found | None:
        found, value = self._look_up(scope["method"], scope["path"])
        if found is not None:
            scope["path_params"] = {found.parameter: value} if found.parameter else {}
        return found

    def _look_up(self, method: str, path: str) -> tuple[Found | None, str]:
        """The route of a method and path, and the value of its parameter."""
        found = self._table.get((method, path))
        if found is not None:
            return found, ""
        root, *parts = path.split("/", 3)
        if root or len(parts) < 2 or not parts[1]:
            return None, ""
        return self._table.get((method, parts[0], "", *parts[2:])), parts[1]

    def _near(self, scope: Scope) -> Response | None:
        """The answer at a path with redundant slashes; None if there is no route without them."""
        path = without_slashes(scope["path"])
        if path == scope["path"]:
            return None
        looked = ((method, self._look_up(method, path)[0]) for method in self._methods)
        templates = {method: found.template for method, found in looked if found is not None}
        return self._not_found.answer(scope, path, templates) if templates else None

    async def _handle_exception(self, request: Request, exception: Exception, send: Send) -> None:
        """Calls the exception handler as Starlette does; one handled as `Exception` is raised again to be logged."""
        kind = next(kind for kind in type(exception).__mro__ if kind in self._handlers)
        response = await self._handlers[kind](request, exception)
        await response(request.scope, request.receive, send)
        if kind is Exception:
            raise exception


def _table(routes: Sequence[BaseRoute]) -> Mapping[tuple[str, ...], Found]:
    """Builds the table. Keys are (method, path), or (method, first segment, "", rest) for one parameter."""
    table: dict[tuple[str, ...], Found] = {}
    for route in routes:
        if not isinstance(route, Route) or not iscoroutinefunction(route.endpoint):
            continue
        parts = _ONE_PARAMETER.fullmatch(route.path)
        for method in route.methods or ():
            if parts is None:
                key: tuple[str, ...] = (method, route.path)
            else:
                key = (method, parts[1], "", *((parts[3],) if parts[3] else ()))
            if ("{" in route.path) == (parts is not None) and _first(routes, method, route.path) is route:
                table[key] = Found(route.endpoint, route.path, parts[2] if parts else "")
    return table


def _first(routes: Sequence[BaseRoute], method: str, path: str) -> BaseRoute | None:
    """The first route that Starlette's router matches; a path template is a valid example of its own path."""
    scope = {"type": "http", "method": method, "path": path}
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
