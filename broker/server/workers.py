"""The broker in one process, or in several workers under a supervisor."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import uvicorn

from broker import wiring
from broker.crypto.keys import finalize_libraries
from broker.platform.logging_setup import configure_logging
from broker.platform.system import real_system
from broker.server.ports import parse_address
from broker.server.process import drain_on_sigterm, end_with_parent, freeze_gc, reload_on_sighup
from broker.server.supervisor import Supervisor
from broker.server.uvicorn_server import behind_proxies, options, run, serve_all, server
from broker.settings import Settings
from broker.web.operations import clear
from broker.web.operations.metric_files import SHARED as SHARED_METRICS
from broker.wiring import SettingsReader

Listener = Literal["public", "staff", "all"]
"""Which listeners a process opens."""


async def serve_here(settings: Settings, reader: SettingsReader, listener: Listener) -> None:
    """Serves one or both listeners in this process until it is ended."""
    listen = settings.broker.listen
    async with wiring.open_container(settings, real_system(), reader) as container:
        servers: list[uvicorn.Server] = []
        if listener != "staff":
            servers.append(server(wiring.public_app(container), listen.public, settings))
        if listener != "public" and settings.staff is not None:
            servers.append(server(wiring.staff_app(container), listen.staff, settings))
        reload_on_sighup(container.configuration.settings_watch)
        freeze_gc()
        await serve_all(servers, started=lambda: drain_on_sigterm(container.monitoring.readiness))


def serve_workers(settings: Settings, reader: SettingsReader, listener: Listener) -> None:
    """Serves the public listener in `listen.workers` processes, and the staff listener in one beside them.

    All of them are forked from this process, which has imported everything, checked the keys and compiled the pages.
    """
    broker = settings.broker
    serves_staff = listener == "all" and settings.staff is not None
    finalize_libraries()
    wiring.compile_pages(settings, staff=serves_staff)
    host, port = parse_address(broker.listen.public)
    served = uvicorn.Config(
        partial(worker, reader),
        factory=True,
        host=host,
        port=port,
        workers=broker.listen.workers,
        **options(settings),
    )
    supervisor = Supervisor(served, [served.bind_socket()], partial(_serve_staff, reader) if serves_staff else None)
    freeze_gc()
    supervisor.run()


def _serve_staff(reader: SettingsReader) -> None:
    """Runs the process of the staff listener, which reads the settings again as a worker does."""

    async def serve() -> None:
        settings = await wiring.wait_for_valid(reader)
        configure_logging(verbose=settings.broker.development)
        end_with_parent()
        await serve_here(settings, reader, "staff")

    run(serve())


def share_metrics(folder: Path) -> None:
    """Makes the workers count into one folder, and deletes what an earlier run counted there."""
    os.environ[SHARED_METRICS] = str(folder)
    clear(folder)


def worker(reader: SettingsReader) -> wiring.Application:
    """The application factory of one worker: the public application, opened in its lifespan.

    `reader` knows the services that the supervisor has read.
    """

    @asynccontextmanager
    async def opening() -> AsyncIterator[wiring.Application]:
        # before the worker serves, a start may wait for long: SIGTERM ends it at once
        handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settings = await wiring.wait_for_valid(reader)
        configure_logging(verbose=settings.broker.development)
        async with wiring.open_container(settings, real_system(), reader) as container:
            signal.signal(signal.SIGTERM, handler)
            drain_on_sigterm(container.monitoring.readiness)
            reload_on_sighup(container.configuration.settings_watch)
            end_with_parent()
            application = behind_proxies(wiring.public_app(container), settings)
            freeze_gc()
            yield application

    return wiring.LifespanApp(opening)
