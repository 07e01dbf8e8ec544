"""Request metrics middleware: counts and times every request. Pure ASGI."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REFUSED: Final = "refused"
"""The member of `request.state` in which a handler stores the code of the protocol error that it answers with."""
UNMATCHED: Final = "elsewhere"
"""The route label of a path that matches no route: paths that clients make up must not become labels."""
_METHODS: Final = frozenset({"GET", "POST", "HEAD"})


class RequestMeters(Protocol):
    """Counters of requests."""

    def answered(self, listener: str, method: str, route: str, status: int, seconds: float) -> None:
        """Records a response and the seconds from the request to it."""
        ...

    def refused(self, listener: str, error: str) -> None:
        """Counts a response with a protocol error."""
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
    """Counts responses. A request whose connection breaks before a response counts as status 499."""

    def __init__(
        self,
        app: ASGIApp,
        listener: str,
        routes: Mapping[object, str],
        meters: RequestMeters,
        tick: Callable[[], float],
    ) -> None:
        """`routes` is the result of `templates`; `tick` is a monotonic clock in seconds."""
        self._app = app
        self._listener = listener
        self._routes = routes
        self._meters = meters
        self._tick = tick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 499
        started = self._tick()

        def send_answer(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        state = scope.setdefault("state", {})
        try:
            await self._app(scope, receive, send_answer)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = self._routes.get(scope.get("endpoint"), UNMATCHED)
            self._meters.answered(self._listener, method, route, status, self._tick() - started)
            if (error := state.get(REFUSED)) is not None:
                self._meters.refused(self._listener, error)
