"""`portico epoch`: end everything that was issued before."""

import argparse

from broker.cli.context import CommandContext, add_config, line, load_settings, require_clock

HELP = "end every session and token, after a backup was restored"
DESCRIPTION = """A restored backup brings back what was revoked or used up after it was made. Raising the epoch makes
every code, token and session of before unknown, at once and for good. Citizens and staff sign in again; accounts,
cases and the audit record stay."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("raise", help="begin a new epoch", description=DESCRIPTION)
    up.add_argument("--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)")
    add_config(up)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Begins a new epoch. Raises Refused."""
    async with machine.open(load_settings(args, machine)) as facts:
        require_clock(facts)
        epoch = await facts.epochs.raise_epoch(args.by or machine.user, machine.system.now())
    print(f"epoch {epoch} has begun: everything issued before is dead")
    return 0
