"""A server that stays while tests put one application after the other on it."""

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.serving import listening


class Host:
    """A server that stays while tests put one application after the other on it."""

    def __init__(self) -> None:
        """Nothing is served yet."""
        self.socket, port = listening()
        self.base = f"http://127.0.0.1:{port}"
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls the current application."""
        if self.app is None:
            raise RuntimeError("no application is on this host")
        await self.app(scope, receive, send)
