"""Servers in the test's own process and loop."""

import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.support.certificates import Certificate
from tests.support.ports import LOOPBACK


def listening() -> tuple[socket.socket, int]:
    """A socket on a free loopback port, and that port.

    It names its protocol: asyncio sets TCP_NODELAY on no other, and each small answer would wait 40 ms.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((LOOPBACK, 0))
    sock.listen()
    return sock, int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, sock: socket.socket | None = None, certificate: Certificate | None = None, **options: Any
) -> AsyncIterator[int]:
    """Serves an ASGI application on a socket, by default on a new one of loopback, until the block ends. Yields its
    port. Under TLS if there is a certificate; `options` are further ones of uvicorn.

    `uvicorn.Server.serve` looks every tenth of a second whether it is to end, and waits as long for connections:
    here the server starts and ends at once, and what is still connected at the end is cut off.
    """
    if certificate is not None:
        options |= {"ssl_certfile": str(certificate.chain), "ssl_keyfile": str(certificate.key)}
    sock = sock or listening()[0]
    config = uvicorn.Config(app, lifespan="off", ws="none", **{"log_level": "critical", **options})
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    await server.on_tick(0)
    try:
        yield int(sock.getsockname()[1])
    finally:
        for one in server.servers:
            one.close()
        for connection in [*server.server_state.connections]:
            connection.transport.abort()  # type: ignore[union-attr]
        for task in [*server.server_state.tasks]:
            task.cancel()
        for one in server.servers:
            await one.wait_closed()
