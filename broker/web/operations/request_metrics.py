"""Around an application: every request is counted and timed. Pure ASGI."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REFUSED: Final = "refused"
"""The member of `request.state` in which a handler leaves the code of the protocol error that it answers with."""
ELSEWHERE: Final = "elsewhere"
"""The route of whatever fits no route: what strangers send must not become labels."""
_METHODS: Final = frozenset({"GET", "POST", "HEAD"})


class RequestMeters(Protocol):
    """Where requests are counted."""

    def answered(self, door: str, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        ...

    def refused(self, door: str, error: str) -> None:
        """A request was answered with a protocol error."""
        ...


def templates(routes: Iterable[BaseRoute]) -> Mapping[object, str]:
    """The path template of each endpoint, such as `/journey/{handle}`."""
    found: dict[object, str] = {}
    for route in routes:
        if isinstance(route, Route):
            found[route.endpoint] = route.path
        elif isinstance(route, Mount):
            found[route.app] = f"{route.path}/*"
    return found


class RequestMetricsMiddleware:
    """Counts what the application answers. A request whose connection breaks before an answer counts as status 499."""

    def __init__(
        self,
        app: ASGIApp,
        door: str,
        routes: Mapping[object, str],
        meters: RequestMeters,
        tick: Callable[[], float],
    ) -> None:
        """`routes` is what `templates` gives; `tick` gives seconds from no particular moment, and never goes back."""
        self._app = app
        self._door = door
        self._routes = routes
        self._meters = meters
        self._tick = tick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 499
        began = self._tick()

        def noticed(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        state = scope.setdefault("state", {})
        try:
            await self._app(scope, receive, noticed)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = self._routes.get(scope.get("endpoint"), ELSEWHERE)
            self._meters.answered(self._door, method, route, status, self._tick() - began)
            if (error := state.get(REFUSED)) is not None:
                self._meters.refused(self._door, error)
