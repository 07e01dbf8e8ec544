"""`portico measures`: what assisted verification took, as CSV."""

import argparse
import sys
from datetime import timedelta

from broker.actions.assisted.reports import as_csv, count_new, lead_report, open_data
from broker.cli.context import CommandContext, add_config, load_settings

HELP = "print what assisted verification took, as CSV"
DESCRIPTION = """Counts the sealed audit rows that were not counted yet, and prints the same report that leads read in
the console: requests, waits, times, outcomes, missed deadlines, reviews, no-shows. With --open-data it prints what the
public may read: whole months, without counts below ten, the others rounded."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--days", type=_days, default=28, metavar="N", help="the last N days, today included (28)")
    parser.add_argument("--open-data", action="store_true", help="print the open data instead")
    add_config(parser)


def _days(text: str) -> int:
    """A number of days. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= timedelta.max.days // 1000):
        raise argparse.ArgumentTypeError("write a number of days, such as 28")
    return int(text)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Counts, then prints."""
    async with machine.open(load_settings(args, machine)) as facts:
        await count_new(facts.reports)
        lines = await (open_data(facts.reports) if args.open_data else lead_report(facts.reports, args.days))
    sys.stdout.write(as_csv(lines).replace("\r\n", "\n"))
    return 0
