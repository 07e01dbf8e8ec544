"""`portico clock`: whose clock is off, and the repair of a time noted in the future."""

import argparse

from broker.cli.context import CommandContext, add_config, line, load_settings
from broker.wiring.errors import CommandError

HELP = "say whose clock is off, or take back a time that lies in the future"
DESCRIPTION = """Every process holds its clock against the database's and serves nothing while it is off. These
commands show what it sees, and repair what an earlier release or a wrong clock of the database left behind."""
SHOW = """Compares this machine's clock with the database's, with Redis's and with the latest time noted in the
database. Changes nothing. The exit status is 0 if all is well, else 1."""
REPAIR = """Takes the latest time noted in the database back to the database's clock if it lies in the future. Before
that, everything that it held expired is expired for good, every session of citizens and staff ends, and Redis is
emptied: nothing comes to life again. Brokers do the same by themselves as soon as all clocks agree; this command is for
the case that they do not, and you know that the database's clock is right."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_config(verbs.add_parser("show", help="compare the clocks", description=SHOW))
    repair = verbs.add_parser("repair", help="take back a time that lies in the future", description=REPAIR)
    repair.add_argument(
        "--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)"
    )
    add_config(repair)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Compares or repairs. Raises CommandError if a clock is off."""
    async with machine.open(load_settings(args, machine)) as facts:
        clock = facts.clock
        await clock.read_clocks()
        if args.verb == "repair" and clock.mark_is_ahead:
            seconds = clock.ahead
            if not await clock.lower_mark(args.by or machine.user):
                raise CommandError("another process has changed the time noted just now: run `portico clock show`")
            print(f"the time noted was taken back by {seconds:.0f} s; what it held expired is expired for good")
            return 0
        if clock.explanation:
            raise CommandError(clock.explanation)
        print(f"this machine's clock is {clock.offset:+.1f} s from the database's: all is well")
    return 0
