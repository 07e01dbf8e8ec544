"""`portico reload`: changed services come into force at every worker, without a restart."""

import argparse

from broker.cli.context import CommandContext, add_config, line, load_settings, require_clock
from broker.wiring import check_keys
from broker.wiring.errors import CommandError, format_problems

HELP = "bring changed services into force, without a restart"
DESCRIPTION = """Checks the whole configuration, as `portico check` does. If all of it is right, every worker on every
host reads its own files again within seconds, and takes the services, the providers and the staff in them. If anything
is wrong, nothing changes. Changes of broker.toml want a restart."""

SAID = """asked for configuration {version}: every worker on every host reads its files within seconds
  taken are services, providers and staff; a worker logs restart_required with what else has changed
  {metric} says what a process has taken: one that stays behind logs why"""
METRIC = "portico_configuration_version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)
    parser.add_argument(
        "--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)"
    )


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Checks the settings and requests a reload by every process. Raises CommandError if a setting is invalid."""
    settings = load_settings(args, machine)
    if problems := list(check_keys(settings)):
        raise CommandError(format_problems(problems, args.config))
    async with machine.open(settings) as facts:
        require_clock(facts)
        version = await facts.reloads.ask_reload(args.by or machine.user, machine.system.now())
    print(SAID.format(version=version, metric=METRIC))
    return 0
