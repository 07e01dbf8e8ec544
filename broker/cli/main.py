"""The command `portico`: its parser, and how every command ends."""

import argparse
import asyncio
import getpass
import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from broker import wiring
from broker.cli import (
    audit,
    check,
    clock,
    demo,
    epoch,
    explain,
    keys,
    measures,
    migrate,
    notices,
    provider,
    reference,
    reload,
    serve,
    simulator,
    stats,
    status,
    switches,
)
from broker.cli.context import CommandContext
from broker.model.kill_switches import KillSwitchKind
from broker.platform.system import real_system
from broker.wiring.errors import EXPECTED, INTERRUPTED, STATUSES, WRONG, CommandError, refusal
from providers import KINDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit status."""
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
        # the program that read the output has ended: what Python flushes at its end must go somewhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except (CommandError, *EXPECTED) as problem:
        error = problem if isinstance(problem, CommandError) else refusal(problem)
        print(error, file=sys.stderr)
        return error.status
    except Exception as problem:
        if (message := wiring.wrong_tables(problem)) is None:
            raise
        print(f"database.url: {message}", file=sys.stderr)
        return WRONG
    return status


def command_context() -> CommandContext:
    """Returns what commands are given: this process's clock and user, and the stores that they may open."""
    return CommandContext(
        KINDS, real_system(), user(), wiring.admin_stores, wiring.migrate_schema, wiring.connect, wiring.test_provider
    )


def command_line(context: Callable[[], CommandContext] = command_context) -> argparse.ArgumentParser:
    """Returns the parser of every command. Parsed arguments hold `run`, which takes them and returns the exit status.

    `context` is called when a command runs.
    """
    parser = argparse.ArgumentParser(
        prog="portico", description="Portico, a federated identity broker.", epilog=STATUSES
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "serve", serve, serve.run)
    _add(commands, "demo", demo, demo.run)
    _add(commands, "simulator", simulator, simulator.run)
    _add(commands, "check", check, lambda args: check.run(args, context()))
    _add(commands, "notices", notices, lambda args: notices.run(args, context()))
    _add(commands, "reference", reference, lambda args: reference.run(args, context()))
    connecting = {"keys": keys, "migrate": migrate, "epoch": epoch, "audit": audit, "reload": reload, "clock": clock}
    connecting |= {"measures": measures, "stats": stats, "status": status}
    for name, module in connecting.items():
        _add(commands, name, module, _in_loop(module.run, context))
    for what in explain.HELP:
        command = commands.add_parser(what, help=explain.HELP[what], description=explain.DESCRIPTION[what])
        explain.add_arguments(command, what)
        command.set_defaults(run=_in_loop(partial(explain.run, what=what), context))
    for kind in KillSwitchKind:
        command = commands.add_parser(kind.value, help=switches.HELP[kind], description=switches.DESCRIPTION)
        if kind is KillSwitchKind.PROVIDER:
            provider.add_arguments(command)
            command.set_defaults(run=_in_loop(provider.run, context))
            continue
        switches.add_arguments(command, kind)
        command.set_defaults(run=_in_loop(partial(switches.run, kind=kind), context))
    return parser


def _add(commands: Any, name: str, module: Any, run: Callable[[argparse.Namespace], int]) -> None:
    command = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
    module.add_arguments(command)
    command.set_defaults(run=run)


def _in_loop(run: Callable[..., Any], context: Callable[[], CommandContext]) -> Callable[[argparse.Namespace], int]:
    """A command that uses stores: it runs in an event loop."""
    return lambda args: int(asyncio.run(run(args, context())))


def user() -> str:
    """Returns who runs the command, for audit rows: the uid if it has no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
