"""`portico serve`: runs the broker."""

import argparse
from pathlib import Path

from broker import wiring
from broker.cli.context import add_config
from broker.platform.logging_setup import configure_logging
from broker.server.ports import require_free_ports
from broker.server.process import block_sighup
from broker.server.uvicorn_server import run as run_loop
from broker.server.workers import serve_here, serve_workers, share_metrics

HELP = "run the broker"
DESCRIPTION = "Runs the broker from a configuration. Nothing starts before everything in it is right."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    add_config(parser)
    parser.add_argument(
        "--listener",
        choices=("public", "staff", "all"),
        default="all",
        help="which listeners to open (default: %(default)s)",
    )
    parser.add_argument(
        "--settings-cache",
        type=Path,
        metavar="FILE",
        help="with thousands of services: a file in which the next start finds those that did not change",
    )
    parser.add_argument("--door", type=_old_listener_option, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Runs the broker from a configuration. Nothing starts before everything in it is right."""
    block_sighup()
    reader = wiring.SettingsReader(args.config, args.settings_cache)
    configure_logging(verbose=False)
    settings = reader.load()
    configure_logging(verbose=settings.broker.development)
    run_loop(wiring.check_start(settings))
    listen, metrics = settings.broker.listen, settings.broker.metrics.folder
    addresses = {"public": [listen.public], "staff": [listen.staff]}.get(args.listener, [listen.public])
    if args.listener == "all" and settings.staff is not None:
        addresses.append(listen.staff)
    require_free_ports(
        addresses, "end what listens there already, or write another address under [listen] in broker.toml"
    )
    if listen.workers > 1 and metrics is not None:
        share_metrics(metrics)
    if listen.workers > 1 and args.listener != "staff":
        serve_workers(settings, reader, args.listener)
    else:
        run_loop(serve_here(settings, reader, args.listener))
    return 0


def _old_listener_option(value: str) -> str:
    """Rejects the option `--door` of 0.1.0 with its new name."""
    raise argparse.ArgumentTypeError(f"write --listener {value}")
