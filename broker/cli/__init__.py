"""The commands of `broker` that serve nothing: each registers its arguments, and runs with the machine it is given."""

import argparse
import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from broker.cli import audit, check, clock, epoch, keys, migrate, reference, reload, switches
from broker.cli.context import AdminStoresPort, CommandContext, CommandError
from broker.cli.generate_secrets import prepare, private_half
from broker.model.kill_switches import KillSwitchKind


def register(commands: Any, machine: Callable[[], CommandContext]) -> None:
    """Adds every command to what `ArgumentParser.add_subparsers` gave.

    Parsed arguments then hold `run`, which takes them and gives the exit status, or raises CommandError. `machine` is
    called when a command runs, not before.
    """
    for name, module in (("check", check), ("reference", reference)):
        parser = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
        module.add_arguments(parser)
        parser.set_defaults(run=partial(now, module.run, machine))
    talking = {"keys": keys, "migrate": migrate, "epoch": epoch, "audit": audit, "reload": reload, "clock": clock}
    for name, module in talking.items():
        parser = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
        module.add_arguments(parser)
        parser.set_defaults(run=partial(awaited, module.run, machine))
    for kind in KillSwitchKind:
        parser = commands.add_parser(kind.value, help=switches.HELP[kind], description=switches.DESCRIPTION)
        switches.add_arguments(parser, kind)
        parser.set_defaults(run=partial(awaited, partial(switches.run, kind=kind), machine))


def now(
    run: Callable[[argparse.Namespace, CommandContext], int],
    machine: Callable[[], CommandContext],
    args: argparse.Namespace,
) -> int:
    """Runs a command that waits for nothing."""
    return run(args, machine())


def awaited(run: Callable[..., Any], machine: Callable[[], CommandContext], args: argparse.Namespace) -> int:
    """Runs a command that talks to stores, in a loop of its own."""
    status: int = asyncio.run(run(args, machine()))
    return status


__all__ = ["AdminStoresPort", "CommandContext", "CommandError", "prepare", "private_half", "register"]
