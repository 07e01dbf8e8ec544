"""The broker in one process, or in several workers under a supervisor."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import uvicorn
from uvicorn.supervisors import Multiprocess

from broker import wiring
from broker.platform.logging_setup import configure_logging
from broker.platform.system import real_system
from broker.server.ports import parse_address
from broker.server.process import drain_on_sigterm, end_with_parent, freeze_gc, reload_on_sighup
from broker.server.uvicorn_server import behind_proxies, options, serve_all, server
from broker.settings import Settings
from broker.web.operations import clear
from broker.web.operations.metric_files import SHARED as SHARED_METRICS

Listener = Literal["public", "staff", "all"]
"""Which listeners a process opens."""

CONFIG = "PORTICO_CONFIG"
"""Environment variable of a worker: the path of the configuration that `portico serve` was given."""

WORKER = "broker.server.workers:worker"


async def serve_here(settings: Settings, config: Path, listener: Listener) -> None:
    """Serves one or both listeners in this process until it is ended."""
    listen = settings.broker.listen
    async with wiring.open_container(settings, real_system(), partial(wiring.read, config), config) as container:
        servers: list[uvicorn.Server] = []
        if listener != "staff":
            servers.append(server(wiring.public_app(container), listen.public, settings))
        if listener != "public" and settings.staff is not None:
            servers.append(server(wiring.staff_app(container), listen.staff, settings))
        reload_on_sighup(container.configuration.settings_watch)
        freeze_gc()
        await serve_all(servers, started=lambda: drain_on_sigterm(container.monitoring.readiness))


def serve_workers(settings: Settings, config: Path, listener: Listener) -> None:
    """Serves the public listener in `listen.workers` processes, and the staff listener in one beside them."""
    os.environ[CONFIG] = str(config.resolve())
    staff = None
    if listener == "all" and settings.staff is not None:
        # workers inherit the interpreter's -O, a new command does not
        optimised = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
        command = [sys.executable, *optimised, "-m", "broker", "serve", "--config", str(config), "--listener", "staff"]
        staff = subprocess.Popen(command)
    try:
        host, port = parse_address(settings.broker.listen.public)
        workers = settings.broker.listen.workers
        served = uvicorn.Config(WORKER, factory=True, host=host, port=port, workers=workers, **options(settings))
        Supervisor(served, [served.bind_socket()], staff).run()
    finally:
        if staff is not None:
            staff.terminate()
            staff.wait()


def share_metrics(folder: Path) -> None:
    """Makes the workers count into one folder, and deletes what an earlier run counted there."""
    os.environ[SHARED_METRICS] = str(folder)
    clear(folder)


class Supervisor(Multiprocess):
    """Restarts workers, and passes SIGHUP on to them and to the staff process, which read their settings again.

    The signal stays blocked here and is polled. A process that is started from here begins with it blocked too, so a
    SIGHUP neither gets lost nor ends a process that does not handle it yet.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], staff: subprocess.Popen[bytes] | None):
        super().__init__(config, sockets)
        self._staff = staff

    def handle_signals(self) -> None:
        """Called by uvicorn twice a second."""
        if signal.sigtimedwait({signal.SIGHUP}, 0) is not None:
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Sends SIGHUP to every process."""
        for pid in (process.pid for process in (*self.processes, self._staff) if process is not None):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGHUP)


def worker() -> wiring.Application:
    """The application factory of one worker: the public application, opened in its lifespan."""
    config = Path(os.environ[CONFIG])
    configure_logging(verbose=False)

    @asynccontextmanager
    async def opening() -> AsyncIterator[wiring.Application]:
        # before the worker serves, a start may wait for long: SIGTERM ends it at once
        handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settings = await wiring.wait_for_valid(config)
        configure_logging(verbose=settings.broker.development)
        async with wiring.open_container(settings, real_system(), partial(wiring.read, config), config) as container:
            signal.signal(signal.SIGTERM, handler)
            drain_on_sigterm(container.monitoring.readiness)
            reload_on_sighup(container.configuration.settings_watch)
            end_with_parent()
            application = behind_proxies(wiring.public_app(container), settings)
            freeze_gc()
            yield application

    return wiring.LifespanApp(opening)
