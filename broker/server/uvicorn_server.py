"""uvicorn as this broker configures it: HTTP protocol, proxies, time-outs; and servers that end together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvicorn
import uvloop
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from broker.model.address import networks
from broker.server.ports import parse_address
from broker.settings import Settings
from broker.web.middleware import with_client_certificates
from broker.wiring import Application

WORKER_TIMEOUT = 30
"""Seconds without a sign of life after which a worker is replaced. Workers that start on a busy machine are slow."""


def run(work: Coroutine[Any, Any, object]) -> None:
    """Runs a coroutine to its end on uvloop, as uvicorn's workers do: asyncio's own loop costs a third of a request."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def options(settings: Settings) -> dict[str, Any]:
    """Returns the arguments of `uvicorn.Config` that every process has in common."""
    proxies = settings.broker.listen.trusted_proxies
    return {
        "access_log": False,
        "log_config": None,
        "http": "broker.server.http_protocol:HttpProtocol",
        "server_header": False,
        "date_header": True,
        "proxy_headers": bool(proxies) and not settings.broker.client_certificates.trusted_proxies,
        "forwarded_allow_ips": networks(proxies),
        "timeout_graceful_shutdown": settings.broker.listen.shutdown_timeout,
        "timeout_worker_healthcheck": WORKER_TIMEOUT,
        "lifespan": "on",
    }


def behind_proxies(application: Application, settings: Settings) -> Application:
    """Wraps an application so that it takes client certificates from trusted proxies (RFC 9440).

    uvicorn's own handling of proxies would run outside of this and hide the address of the connection, so it runs
    inside.
    """
    broker = settings.broker
    if not broker.client_certificates.trusted_proxies:
        return application
    if broker.listen.trusted_proxies:
        trusted = networks(broker.listen.trusted_proxies)
        application = ProxyHeadersMiddleware(application, trusted)  # type: ignore[arg-type, assignment]
    return with_client_certificates(application, broker.client_certificates.trusted_proxies)


def server(application: Application, address: str, settings: Settings) -> uvicorn.Server:
    """Returns a server for one application at `host:port`; the caller runs the application's lifespan."""
    host, port = parse_address(address)
    config = options(settings) | {"lifespan": "off"}
    return uvicorn.Server(uvicorn.Config(behind_proxies(application, settings), host=host, port=port, **config))


def plain_server(application: Application, address: str) -> uvicorn.Server:
    """Returns a server for an application that belongs to no broker, at `host:port`."""
    host, port = parse_address(address)
    return uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning", lifespan="off"))


async def serve_all(servers: Sequence[uvicorn.Server], started: Callable[[], None]) -> None:
    """Runs servers until the first one ends, which ends the others. Calls `started` once all accept connections.

    A second SIGTERM or SIGINT ends them at once.
    """
    running = [asyncio.ensure_future(server.serve()) for server in servers]
    while not all(server.started or task.done() for server, task in zip(servers, running, strict=True)):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    if not any(task.done() for task in running):
        started()
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*running)
