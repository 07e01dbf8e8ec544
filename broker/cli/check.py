"""`portico check`: is everything as it must be before a start?"""

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from broker.cli.context import CommandContext, add_config, load_settings
from broker.platform.toml_loader import Problem
from broker.settings import Settings
from broker.settings.check_assisted import out_of_reach
from broker.settings.profile_file import profiles_of
from broker.wiring import check_keys
from broker.wiring.check_warnings import warnings
from broker.wiring.connection_checks import ConnectionResult
from broker.wiring.errors import NOT_NOW, CommandError, format_problems

SOON = 180 * 24 * 3600
"""Seconds before an end date from which on it is named."""

HELP = "check a configuration without starting anything"
DESCRIPTION = """Reads every file of a configuration and the keys it names, and prints each problem with its place
and the fix. Nothing is started, called or changed, unless --connect asks for it: then everything outside of the broker
is used once, and no citizen, service or provider notices; notes name what departs from the standards in a provider's
metadata. Warnings name what works now and needs to be changed: files that others may read, ends of certificates, old
keys, what hangs on one provider or person; with --connect also access reviews that are due, and claims that were
released although not registered. The exit status is 0 if all is well, 1 if a setting is wrong, or with --strict if
there is a warning, 3 if something outside does not work."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)
    parser.add_argument(
        "--connect",
        action="store_true",
        help="use everything outside once: database, Redis, providers, mail server, keys of services, signing keys",
    )
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if there is a warning")


def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Checks the settings and prints a summary. Raises CommandError with their problems."""
    settings = load_settings(args, machine)
    if problems := list(check_keys(settings)):
        raise CommandError(format_problems(problems, args.config))
    now = machine.system.now()
    warned = list(warnings(settings, now))
    lines = [*summary(settings), *(f"note:      {note}" for note in notes(settings, now))]
    broken: list[str] = []
    if args.connect:
        tried = asyncio.run(_connect(machine, settings))
        lines += [f"works:     {name}" for name, one in tried.items() if one.problem is None]
        lines += [f"note:      {name}: {note}" for name, one in tried.items() for note in one.notes]
        warned += [warning for one in tried.values() for warning in one.warnings]
        broken = [f"{name}: {one.problem}" for name, one in tried.items() if one.problem is not None]
    print("\n".join([*lines, *map(_as_text, warned)]))
    if broken:
        raise CommandError("\n".join(broken), NOT_NOW)
    counted = f"{len(warned)} warning{'' if len(warned) == 1 else 's'}"
    if args.strict and warned:
        raise CommandError(counted)
    print(f"no problem found, {counted}" if warned else "no problem found")
    return 0


def _as_text(warning: Problem) -> str:
    """A warning as an operator reads it: place, what, and the mend in a line of its own."""
    return f"warning:   {warning.path}: {warning.what}\n           {warning.fix}"


async def _connect(machine: CommandContext, settings: Settings) -> Mapping[str, ConnectionResult]:
    return await machine.connect(settings)


def summary(settings: Settings) -> Iterator[str]:
    """What would run, in a few lines."""
    broker = settings.broker
    yield f"issuer:    {broker.issuer} ({broker.environment.value})"
    yield f"stores:    {broker.database.url} and {broker.ephemeral.url}"
    yield f"services:  {', '.join(settings.services) or 'none'}"
    yield f"providers: {', '.join(settings.providers) or 'none'}"
    yield f"staff:     {', '.join(settings.staff.people) if settings.staff is not None else 'none'}"


def notes(settings: Settings, now: float) -> Iterator[str]:
    """What is no problem yet, and may become one."""
    yield from ending_soon(settings, now)
    yield from out_of_reach(settings, profiles_of(settings.broker))


def ending_soon(settings: Settings, now: float) -> Iterator[str]:
    """The providers that will accept no sign-in, or no new user, within half a year, or do so no longer."""
    for provider_id, entry in settings.providers.items():
        ends = (entry.policy.accept_sign_in_until, "no sign-in"), (entry.policy.accept_new_until, "nobody new")
        for at, what in ends:
            if at is not None and at < now + SOON:
                day = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
                yield f"provider {provider_id}: accepts {what} {'since' if at <= now else 'from'} {day}"
