"""`portico migrate`: bring the database to the schema of this release."""

import argparse

from broker.cli.context import CommandContext, add_config, load_settings

HELP = "bring the database's schema up to date"
DESCRIPTION = """Creates or changes the tables of the database so that this release can use them. `portico serve`
refuses to start on an older schema. Make a backup first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Migrates the schema and prints each step. Raises CommandError."""
    steps = await machine.migrate(load_settings(args, machine))
    print("\n".join(steps) if steps else "the schema is up to date")
    return 0
