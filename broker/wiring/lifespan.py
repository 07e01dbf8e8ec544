"""The lifespan of an application."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.types import ASGIApp, Receive, Scope, Send


class LifespanApp:
    """An application that is opened when the server that runs it starts, and closed when it stops (ASGI lifespan)."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[ASGIApp]]) -> None:
        self._opening = opening
        self._application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            if self._application is None:
                raise RuntimeError("a request came before the start")
            await self._application(scope, receive, send)
            return
        await receive()
        async with self._opening() as application:
            self._application = application
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
