"""`portico demo`: runs the demonstration."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from shutil import which

from broker import wiring
from broker.platform.logging_setup import configure_logging
from broker.platform.system import real_system
from broker.server.ports import require_free_ports
from broker.server.uvicorn_server import run as run_loop
from broker.server.uvicorn_server import serve_all, server
from broker.wiring.errors import CommandError

HELP = "run everything on this machine, to look at it"
DESCRIPTION = """Runs broker, staff console, sample service, simulated providers and inbox on loopback; nothing to
install. Takes the folder `config` of the current folder, which it fills with the demonstration's if there is none, and
keeps its data in `.demo`. The terminal tells what people do, in a line each, without anything personal. With --example
it runs a world in a folder of its name: national providers played exactly, and a service as there could be one; its
page /try says what to try."""

EXAMPLES = ("council", "denmark", "estonia", "france", "health", "norway", "singapore", "united-kingdom")
"""The worlds: folders of deploy/worlds."""

DEMO_PORT = "PORTICO_DEMO_PORT"
"""Environment variable: the first of the demonstration's four ports."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which world is run, how messages go out, and whether the terminal tells what happens."""
    parser.add_argument("--example", choices=EXAMPLES, metavar="WORLD", help=", ".join(EXAMPLES))
    parser.add_argument("--notify", action="store_true", help="send messages through a simulated GOV.UK Notify")
    parser.add_argument("--quiet", action="store_true", help="do not tell in the terminal what people do")


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration until it is ended. Raises CommandError if it cannot start."""
    # here: an installation that only serves does not need its packages
    from broker.demo import run as demo
    from broker.demo.narrator import narrated
    from broker.demo.notify import with_notify
    from broker.demo.world import ABERLAN, read_world

    configure_logging(verbose=True, quiet=True)
    first_port = os.environ.get(DEMO_PORT, str(demo.USUAL_PORT))
    if not first_port.isdecimal() or not 1024 <= int(first_port) <= 65_532:
        fix = f"write the first of four ports in a row: {DEMO_PORT}=9000"
        raise CommandError(f"{DEMO_PORT}={first_port}: no demonstration can begin there\n    {fix}")
    ports = demo.Ports(int(first_port))
    system = real_system()
    fix = f"end what listens there already, or move all of it: {DEMO_PORT}={ports.first + 100}"
    require_free_ports([f"127.0.0.1:{port}" for port in range(ports.first, ports.first + 4)], fix)
    config = demo.placed_config(Path.cwd(), args.example)
    world = read_world(config / demo.WORLD_FILE) if args.example else ABERLAN
    settings, notify = demo.configured(ports, system, config), None
    if args.notify:
        settings, notify = with_notify(settings, ports.url(2))
    run_loop(wiring.migrate_schema(settings))

    async def serve() -> None:
        async with wiring.open_container(settings, system) as opened:
            place = "" if args.example is None else f" --config {args.example}/config"
            container = opened if args.quiet else narrated(opened, partial(print, flush=True), _command(), place)
            servers = [
                server(stand.application, f"127.0.0.1:{stand.port}", settings)
                for stand in demo.demo_applications(container, ports, world, notify)
            ]
            await serve_all(
                servers, started=lambda: print(demo.greeting(ports, world, told=not args.quiet), flush=True)
            )

    run_loop(serve())
    return 0


def _command() -> str:
    """How this program's commands begin: in a checkout `portico` is not installed."""
    return "portico" if which("portico") else f"{os.path.relpath(sys.executable)} -m broker"
