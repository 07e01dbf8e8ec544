"""`portico stats`: what was published about sign-ins, and whether the audit record says the same."""

import argparse
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from broker.actions.open_data.series import series_csv
from broker.actions.open_data.verifying import DayReport, correct_day, verify_day
from broker.cli.context import LONGEST, AdminStoresPort, CommandContext, add_config, load_settings, require_clock
from broker.journey.figures import day_of
from broker.model.release import not_registered
from broker.model.service import Service
from broker.normalize.text import clean
from broker.wiring.errors import CommandError

HELP = "show, verify or correct the open data about sign-ins"
DESCRIPTION = """Figures of a day are published once, two days after it, and never change. They are counted from the
audit record alone, so that anyone who holds it can prove them."""
VERIFY = """Counts the day again from the sealed audit rows alone, and compares with what was published. The exit status
is 0 if both are the same, else 1. `portico audit verify` says whether the record itself is whole."""
RELEASES = """Lists the claims that were released to each service, as the audit record says, with the first and the last
day. A claim that the service may not ask for now is marked. The exit status is 1 if one was released while it was not
registered, else 0."""
CORRECT = """Publishes what the audit record says now as a correction: another revision of the day, with a reason for
everybody to read. The figures that were published before stay in the files."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser("show", help="print what was published, as CSV", description="Prints it as CSV.")
    show.add_argument("day", nargs="?", type=_day, metavar="DAY", help="one day (YYYY-MM-DD); left out: every day")
    verify = verbs.add_parser("verify", help="count a day again, and compare", description=VERIFY)
    verify.add_argument("day", type=_day, metavar="DAY", help="the day (YYYY-MM-DD, UTC)")
    correct = verbs.add_parser("correct", help="publish a correction of a day", description=CORRECT)
    correct.add_argument("day", type=_day, metavar="DAY", help="the day (YYYY-MM-DD, UTC)")
    correct.add_argument("--reason", required=True, help="why, for everybody to read")
    released = verbs.add_parser("releases", help="list the claims that services got", description=RELEASES)
    for verb in (show, verify, correct, released):
        add_config(verb)


def _day(text: str) -> date:
    """A day. Raises ArgumentTypeError."""
    with suppress(ValueError):
        if text[4:5] == text[7:8] == "-":
            return date.fromisoformat(text)
    raise argparse.ArgumentTypeError("write a day as YYYY-MM-DD, such as 2026-11-28")


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Shows, verifies or corrects. Raises CommandError if a day differs, or is not published."""
    settings = load_settings(args, machine)
    async with machine.open(settings) as facts:
        if args.verb == "releases":
            return await _list_releases(facts, settings.services)
        if args.verb == "show":
            return await _show(facts, args.day)
        report = await verify_day(facts.open_data, args.day)
        if args.verb == "correct":
            return await _correct(facts, report, args.reason, machine.user)
    if report.published is None:
        raise CommandError(f"{report.day}: not published. {_counted(report)}")
    if report.differences:
        raise CommandError("\n".join([*_told(report), f"{report.day}: the figures are NOT those of the audit record"]))
    revision = "" if report.published.revision == 1 else f", correction {report.published.revision - 1}"
    figures = f"{len(report.lines)} published figure{'' if len(report.lines) == 1 else 's'}"
    print(f"{report.day}: {figures}{revision}. {_counted(report)} They say the same")
    return 0


async def _show(facts: AdminStoresPort, day: date | None) -> int:
    published = await facts.open_data.figures.published("" if day is None else day.isoformat())
    wanted = [one for one in published if day is None or one.day == day.isoformat()]
    if day is not None and not wanted:
        raise CommandError(f"{day}: not published")
    sys.stdout.write(series_csv(wanted).replace("\r\n", "\n"))
    return 0


async def _correct(facts: AdminStoresPort, report: DayReport, reason: str, user: str) -> int:
    require_clock(facts)
    if report.published is None:
        raise CommandError(f"{report.day}: not published, so there is nothing to correct")
    if not report.differences:
        raise CommandError(f"{report.day}: the audit record says the same, so there is nothing to correct")
    text = clean(reason)
    if not text or len(text) > LONGEST:
        raise CommandError(f"--reason: write between 1 and {LONGEST} characters")
    corrected = await correct_day(facts.open_data, report, text, user)
    if corrected is None:
        raise CommandError(f"{report.day}: corrected meanwhile; look at it with `portico stats show {report.day}`")
    print("\n".join(_told(report)))
    print(f"{report.day}: corrected, revision {corrected.revision}")
    return 0


async def _list_releases(facts: AdminStoresPort, services: Mapping[str, Service]) -> int:
    releases = await facts.claim_releases.released()
    unknown = set(not_registered(releases, {name: service.claims for name, service in services.items()}))
    for one in releases:
        mark = " (not registered now)" if one in unknown else ""
        print(f"{one.client_id} {one.claim}: {day_of(one.first)} to {day_of(one.last)}{mark}")
    alarms = [one for one in releases if one.alarm is not None]
    if alarms:
        names = ", ".join(f"{one.claim} to {one.client_id} on {day_of(one.alarm or 0.0)}" for one in alarms)
        raise CommandError(f"released although it was not registered: {names}")
    return 0


def _counted(report: DayReport) -> str:
    rows = report.rows
    return f"{rows} audit row{'' if rows == 1 else 's'} of sign-ins of that day."


def _told(report: DayReport) -> list[str]:
    def spoken(count: int | None) -> str:
        return "nothing" if count is None else str(count)

    return [
        f"{one.measure} {one.detail or 'in all'}: published {spoken(one.published)}, "
        f"the audit record says {spoken(one.counted)}"
        for one in report.differences
    ] + [_counted(report)]
