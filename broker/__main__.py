"""The command line. Beside `ambient`, the only place that asks the machine for anything: environment, user, servers."""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import getpass
import io
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.supervisors import Multiprocess

from broker import wiring
from broker.cli import CommandError, register
from broker.cli.context import add_config
from broker.cli.errors import EXPECTED, INTERRUPTED, STATUSES, WRONG, refusal
from broker.cli.ports import parse_address, require_free_ports
from broker.model.address import networks
from broker.platform import system
from broker.platform.logging_setup import configure_logging
from broker.settings import Settings
from broker.web.middleware import with_client_certificates
from broker.web.operations import Readiness, clear
from broker.web.operations.metrics_setup import SHARED as SHARED_COUNTERS

CONFIG = "PORTICO_CONFIG"
"""In a worker's environment: the configuration that `serve` was given."""

DEMO_PORT = "PORTICO_DEMO_PORT"
"""The first of the demonstration's four ports."""

WORKER = "broker.__main__:worker"

WORKER_TIMEOUT = 30
"""Seconds that a worker may be silent before it is replaced. One that starts on a busy machine is silent for long."""

GC_THRESHOLD = 10_000
"""How many more objects are made than dropped before Python looks for those that only hold each other."""

LINGER = 2.0
"""Seconds between a SIGTERM and the moment when no connection is accepted any more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = command_line().parse_args(arguments)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the program that read the output has ended: what Python would flush at its end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except (CommandError, *EXPECTED) as problem:
        refused = problem if isinstance(problem, CommandError) else refusal(problem)
        print(refused, file=sys.stderr)
        return refused.status
    except Exception as problem:
        if (said := wiring.wrong_tables(problem)) is None:
            raise
        print(f"database.url: {said}", file=sys.stderr)
        return WRONG
    return status


def _user() -> str:
    """Who runs the command, for audit rows: a number where the machine has no name for it, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _old_listener_option(value: str) -> str:
    """Rejects the option `--door` of 0.1.0 with its new name."""
    raise argparse.ArgumentTypeError(f"write --listener {value}")


def command_line() -> argparse.ArgumentParser:
    """The parser of every command. Parsed arguments hold `run`, which takes them and gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="portico", description="Portico, a federated identity broker.", epilog=STATUSES
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run the broker", description=serve.__doc__)
    add_config(serving)
    serving.add_argument(
        "--listener",
        choices=("public", "staff", "all"),
        default="all",
        help="which listeners to open (default: %(default)s)",
    )
    serving.add_argument("--door", type=_old_listener_option, help=argparse.SUPPRESS)
    serving.set_defaults(run=serve)
    showing = commands.add_parser(
        "demo", help="run everything on this machine, to look at it", description=demo.__doc__
    )
    showing.set_defaults(run=demo)
    register(commands, lambda: wiring.machine(_user()))
    return parser


def serve(args: argparse.Namespace) -> int:
    """Runs the broker from a configuration. Nothing starts before everything in it is right."""
    # one that comes early waits until somebody is there to heed it, here and in every process started from here
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    settings = wiring.configured(args.config)
    configure_logging(settings.broker.development)
    _run(wiring.check_start(settings))
    listen, counters = settings.broker.listen, settings.broker.metrics.folder
    wanted = {"public": [listen.public], "staff": [listen.staff]}.get(args.listener, [listen.public])
    if args.listener == "all" and settings.staff is not None:
        wanted.append(listen.staff)
    require_free_ports(wanted, "end what listens there already, or write another address under [listen] in broker.toml")
    if listen.workers > 1 and counters is not None:
        os.environ[SHARED_COUNTERS] = str(counters)
        clear(counters)
    if listen.workers > 1 and args.listener != "staff":
        return _serve_workers(settings, args.config, args.listener)
    _run(_serve_here(settings, args.config, args.listener))
    return 0


async def _serve_here(settings: Settings, config: Path, door: str) -> None:
    """Both doors, or one, in this process."""
    listen = settings.broker.listen
    async with wiring.open_container(settings, system.real_system(), partial(wiring.read, config), config) as parts:
        doors: list[uvicorn.Server] = []
        if door != "staff":
            doors.append(_server(wiring.public_app(parts), listen.public, settings))
        if door != "public" and settings.staff is not None:
            doors.append(_server(wiring.staff_app(parts), listen.staff, settings))
        _reload_on_sighup(parts.settings_watch)
        _freeze_gc()
        await _serve_all(doors, started=lambda: _drain_on_sigterm(parts.readiness))


def _serve_workers(settings: Settings, config: Path, door: str) -> int:
    """The public door in several processes, and the staff's in one of its own beside them."""
    os.environ[CONFIG] = str(config.resolve())
    staff = None
    if door == "all" and settings.staff is not None:
        optimised = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []  # workers inherit it, this does not
        command = [sys.executable, *optimised, "-m", "broker", "serve", "--config", str(config), "--listener", "staff"]
        staff = subprocess.Popen(command)
    try:
        host, port = parse_address(settings.broker.listen.public)
        workers = settings.broker.listen.workers
        served = uvicorn.Config(WORKER, factory=True, host=host, port=port, workers=workers, **_options(settings))
        Supervisor(served, [served.bind_socket()], staff).run()
    finally:
        if staff is not None:
            staff.terminate()
            staff.wait()
    return 0


class Supervisor(Multiprocess):
    """Keeps the workers, and hands SIGHUP on to them and to the staff's process: they read again, nobody is replaced.

    The signal stays blocked here and is asked for. So whatever is started from here begins with it blocked too, and
    none is lost, or ends a process, that is not ready for it.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], staff: subprocess.Popen[bytes] | None):
        super().__init__(config, sockets)
        self._staff = staff

    def handle_signals(self) -> None:
        """Called twice a second."""
        if signal.sigtimedwait({signal.SIGHUP}, 0) is not None:
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Everybody reads again."""
        for pid in (process.pid for process in (*self.processes, self._staff) if process is not None):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGHUP)


def worker() -> wiring.Application:
    """The public door as one of several workers opens it."""
    config = Path(os.environ[CONFIG])
    configure_logging(False)

    @asynccontextmanager
    async def opening() -> AsyncIterator[wiring.Application]:
        # until the worker serves nothing is under way, and a start may wait for long: a SIGTERM simply ends it
        ending = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        settings = await wiring.wait_for_valid(config)
        configure_logging(settings.broker.development)
        async with wiring.open_container(settings, system.real_system(), partial(wiring.read, config), config) as parts:
            signal.signal(signal.SIGTERM, ending)
            _drain_on_sigterm(parts.readiness)
            _reload_on_sighup(parts.settings_watch)
            _end_with_parent()
            door = _behind_proxies(wiring.public_app(parts), settings)
            _freeze_gc()
            yield door

    return wiring.LifespanApp(opening)


def _freeze_gc() -> None:
    """What was made at the start stays until the end: no search for garbage goes through it again.

    Searching every 700 objects, as Python does by itself, would be a twentieth of what a request costs. What the start
    needed and dropped goes back to the machine, where the C library has a call for that (glibc).
    """
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def _end_with_parent() -> None:
    """A worker whose supervisor was killed ends in good order: else it would hold the port against a successor."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    loop = asyncio.get_running_loop()

    def orphaned() -> None:
        loop.remove_reader(parent.sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(parent.sentinel, orphaned)


def _drain_on_sigterm(readiness: Readiness) -> None:
    """From now on a SIGTERM first takes readiness away, and ends the server a moment later.

    So whoever sends requests here sees in time that the next ones go elsewhere, and no request meets a closed door.
    """
    loop, ending = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        readiness.draining = True
        if callable(ending):
            loop.call_soon_threadsafe(loop.call_later, LINGER, ending, number, frame)

    signal.signal(signal.SIGTERM, stop)


def _reload_on_sighup(rereading: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """From now on a SIGHUP makes this process read what may change while it runs."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def told() -> None:
        task = loop.create_task(rereading())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, told)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def demo(args: argparse.Namespace) -> int:
    """Runs broker, staff console, sample service, simulated providers and inbox on loopback; nothing to install.

    Takes the folder `config` of the current folder, which it fills with the demonstration's if there is none, and keeps
    its data in `.demo`.
    """
    from broker.demo import run

    configure_logging(True, quiet=True)
    wanted = os.environ.get(DEMO_PORT, str(run.USUAL_PORT))
    if not wanted.isdecimal() or not 1024 <= int(wanted) <= 65_532:
        mend = f"write the first of four ports in a row: {DEMO_PORT}=9000"
        raise CommandError(f"{DEMO_PORT}={wanted}: no demonstration can begin there\n    {mend}")
    ports = run.Ports(int(wanted))
    real = system.real_system()
    mend = f"end what listens there already, or move all of it: {DEMO_PORT}={ports.first + 100}"
    require_free_ports([f"127.0.0.1:{port}" for port in range(ports.first, ports.first + 4)], mend)
    settings = run.configured(ports, real, run.placed_config(Path.cwd()))
    _run(wiring.migrated(settings))

    async def show() -> None:
        async with wiring.open_container(settings, real) as parts:
            servers = [
                _server(stand.application, f"127.0.0.1:{stand.port}", settings) for stand in run.stands(parts, ports)
            ]
            await _serve_all(servers, started=lambda: print(run.greeting(ports), flush=True))

    _run(show())
    return 0


def _run(work: Coroutine[Any, Any, object]) -> None:
    """Runs to the end on uvloop, as uvicorn's own workers do: the loop is a third of what a request costs."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def _behind_proxies(door: wiring.Application, settings: Settings) -> wiring.Application:
    """The door, with the certificates that proxies pass on.

    What uvicorn itself does about proxies would stand around this, and hide who really holds the connection; so here it
    stands inside.
    """
    broker = settings.broker
    if not broker.client_certificates.trusted_proxies:
        return door
    if broker.listen.trusted_proxies:
        door = ProxyHeadersMiddleware(door, networks(broker.listen.trusted_proxies))  # type: ignore[arg-type, assignment]
    return with_client_certificates(door, broker.client_certificates.trusted_proxies)


def _options(settings: Settings) -> dict[str, Any]:
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


def _server(application: wiring.Application, address: str, settings: Settings) -> uvicorn.Server:
    host, port = parse_address(address)
    options = _options(settings) | {"lifespan": "off"}
    application = _behind_proxies(application, settings)
    return uvicorn.Server(uvicorn.Config(application, host=host, port=port, **options))


async def _serve_all(servers: Sequence[uvicorn.Server], started: Callable[[], None]) -> None:
    """Runs servers until the first of them ends, which ends the others; a second signal ends them at once."""
    running = [asyncio.ensure_future(server.serve()) for server in servers]
    while not all(server.started or task.done() for server, task in zip(servers, running, strict=True)):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    if not any(task.done() for task in running):
        started()
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*running)


if __name__ == "__main__":
    sys.exit(main())
