"""Routes that are found in a table. What the table does not hold goes to Starlette's router, which tries one by one.

The table holds only what the router itself would find, so both always agree: what is not found or not allowed is
answered by the router. The router's own redirects from one slash to another are turned off, since it makes them of
`Host` and with 307; a path with a slash too many is answered by `broker.web.shared.not_found`.
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
Rescue = Callable[[Request, Exception], Awaitable[Response]]

_ONE_PARAMETER: Final = re.compile(r"/([^/{}]+)/\{([^{}:]+)\}(?:/([^{}]+))?")
"""The path of a route with one parameter, such as `/journey/{handle}/choose`: its head, the parameter, its tail."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a request goes: `template` is the route's path, `parameter` names what stands in it, if something does."""

    endpoint: Endpoint
    template: str
    parameter: str = ""


def fast_router(routes: Sequence[BaseRoute], rescues: Mapping[object, Rescue], astray: NotFoundHandler) -> "FastRouter":
    """An application of these routes. `rescues` answer exceptions by their class; one for `Exception` is among them."""
    others = Starlette(routes=routes, exception_handlers=dict(rescues))
    others.router.redirect_slashes = False
    return FastRouter(others, _table(routes), rescues, astray)


class FastRouter:
    """An application that finds most routes in a table."""

    def __init__(
        self,
        others: ASGIApp,
        table: Mapping[tuple[str, ...], Found],
        rescues: Mapping[object, Rescue],
        astray: NotFoundHandler,
    ) -> None:
        """`others` takes what is not in the table, `astray` what would be there without a slash too many."""
        self._others = others
        self._table = table
        self._rescues = rescues
        self._astray = astray
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
        except Exception as exception:  # a class without a rescue of its own falls to that of Exception
            await self._rescued(request, exception, send)
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
        """The answer at a path with a slash too many, if there is a route without it that says more than 404."""
        path = without_slashes(scope["path"])
        if path == scope["path"]:
            return None
        looked = ((method, self._look_up(method, path)[0]) for method in self._methods)
        templates = {method: found.template for method, found in looked if found is not None}
        return self._astray.answer(scope, path, templates) if templates else None

    async def _rescued(self, request: Request, exception: Exception, send: Send) -> None:
        """Answers an exception as Starlette does: one that nobody expected is passed on, to be logged."""
        kind = next(kind for kind in type(exception).__mro__ if kind in self._rescues)
        response = await self._rescues[kind](request, exception)
        await response(request.scope, request.receive, send)
        if kind is Exception:
            raise exception


def _table(routes: Sequence[BaseRoute]) -> Mapping[tuple[str, ...], Found]:
    """The routes by method and path, or by method, head, "" and tail for those with one parameter."""
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
    """The route that the router finds; a path's own template serves as an example of it."""
    scope = {"type": "http", "method": method, "path": path}
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
