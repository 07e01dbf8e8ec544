"""`portico audit`: is the record of what happened still whole?"""

import argparse

from broker.cli.context import CommandContext, add_config, load_settings
from broker.wiring.errors import CommandError

HELP = "verify the audit record"
DESCRIPTION = """Reads the hash chain of audit rows from its beginning, and the signed checkpoints in and outside of
the database. Finds a row that was changed, taken out or put in, and an end that was cut off. Rows are sealed once a
second: what vanished before that leaves no trace. The exit status is 0 if the record is whole, else 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser("verify", help="read the whole record again", description=DESCRIPTION)
    add_config(verify)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Verifies. Raises CommandError if the audit chain has a fault."""
    async with machine.open(load_settings(args, machine)) as facts:
        verdict = await facts.audit.verify()
    counted = f"{verdict.rows} sealed rows read, {verdict.unsealed} not sealed yet"
    if verdict.faults:
        raise CommandError("\n".join([*verdict.faults, f"{counted}: the record is NOT whole"]))
    print(f"{counted}: the record is whole")
    return 0
