"""Servers in the test's own process and loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.certificates import Certificate


def listening() -> tuple[socket.socket, int]:
    """A socket on a free loopback port, and that port."""
    sock = socket.create_server(("127.0.0.1", 0))
    return sock, int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def serving(app: Any, sock: socket.socket, certificate: Certificate | None = None) -> AsyncIterator[None]:
    """Serves an ASGI application on a socket, under TLS if there is a certificate, until the block ends."""
    config = uvicorn.Config(
        app,
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate.chain) if certificate else None,
        ssl_keyfile=str(certificate.key) if certificate else None,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await task


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
