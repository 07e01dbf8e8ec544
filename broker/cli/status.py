"""`portico status`: notes of the operator on the public status page."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from broker.cli.context import AdminStoresPort, CommandContext, add_config, line, load_settings, moment, require_clock
from broker.cli.switches import check_known
from broker.model import handle as handles
from broker.model.disruption import BROKER, SPAN
from broker.model.kill_switches import KillSwitchKind
from broker.model.status_note import StatusNote, note_event
from broker.settings import Settings
from broker.wiring.errors import CommandError

HELP = "write notes on the public status page"
DESCRIPTION = """A note tells everybody what happened and what is done about it: it stands on /status and in its feed
within seconds, beside what the broker recorded by itself. Write it in every language of the pages; a page whose
language is missing marks the language of the text that it shows. Each change is audited. Name no citizen."""
TEXT = "the text in one language, such as en=Signing in was slow; repeat it for each language"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    note = verbs.add_parser("note", help="write a note", description=DESCRIPTION)
    note.add_argument("--about", metavar="PROVIDER", type=line, help="the provider's id; left out: all of the broker")
    note.add_argument("--since", type=moment, metavar="TIME", help="when it began (RFC 3339); left out: now")
    update = verbs.add_parser("update", help="replace the text of a note", description="Replaces texts of a note.")
    end = verbs.add_parser("end", help="say that it is over", description="Ends a note, with a last text if wanted.")
    withdraw = verbs.add_parser("withdraw", help="delete a note", description="Deletes a note that was a mistake.")
    listed = verbs.add_parser("list", help="list the notes of the last 90 days")
    for verb in (note, update, end):
        verb.add_argument("--text", action="append", required=verb is not end, default=[], type=_text, help=TEXT)
    for verb in (update, end, withdraw):
        verb.add_argument("id", type=line, metavar="ID", help="the note's id, as `list` prints it")
    for verb in (note, update, end, withdraw):
        verb.add_argument("--by", type=line, metavar="NAME", help="who decided this (default: the user)")
    for verb in (note, update, end, withdraw, listed):
        add_config(verb)


def _text(argument: str) -> tuple[str, str]:
    """A text with its language. Raises ArgumentTypeError."""
    code, equals, text = argument.partition("=")
    if not equals or not code.strip():
        raise argparse.ArgumentTypeError("write it as en=The text")
    return code.strip().lower(), line(text)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Runs the subcommand. Raises CommandError."""
    settings = load_settings(args, machine)
    async with machine.open(settings) as facts:
        now = machine.system.now()
        if args.verb == "list":
            notes = await facts.status_notes.recent(now - SPAN)
            print("\n".join(_described(note) for note in notes) or "there are no notes")
            return 0
        require_clock(facts)
        actor = args.by or machine.user
        if args.verb == "note":
            note = _new(args, settings, machine)
            await facts.status_notes.write(note, note_event("written", note, now, actor))
            print(_described(note))
            return 0
        found = await _found(args.id, facts)
        if args.verb == "withdraw":
            if not await facts.status_notes.withdraw(found.id, note_event("withdrawn", found, now, actor)):
                raise CommandError(f'there is no note "{args.id}"')
            print(f"{found.id} is withdrawn")
            return 0
        texts = {**found.texts, **_known(dict(args.text), settings)}
        note = replace(found, texts=texts, changed=now, ended=now if args.verb == "end" else found.ended)
        await facts.status_notes.write(note, note_event("ended" if args.verb == "end" else "changed", note, now, actor))
        print(_described(note))
    return 0


def _new(args: argparse.Namespace, settings: Settings, machine: CommandContext) -> StatusNote:
    """The note of the arguments. Raises CommandError."""
    if args.about is not None:
        check_known(KillSwitchKind.PROVIDER, args.about, settings)
    now = machine.system.now()
    began = now if args.since is None else args.since
    if began > now:
        raise CommandError("--since: this time is still to come\n    write when it began, or leave it out")
    name = handles.new_handle(machine.system, size=6)
    return StatusNote(name, args.about or BROKER, began, now, _known(dict(args.text), settings))


def _known(texts: Mapping[str, str], settings: Settings) -> Mapping[str, str]:
    """The texts. Raises CommandError if one is in a language that no page has."""
    languages = settings.broker.languages
    if strange := [code for code in texts if code not in languages]:
        raise CommandError(f'--text: "{strange[0]}" is not a language of the broker\n    use {", ".join(languages)}')
    return texts


async def _found(note_id: str, facts: AdminStoresPort) -> StatusNote:
    """The note. Raises CommandError."""
    found = await facts.status_notes.load(note_id)
    if found is None:
        raise CommandError(f'there is no note "{note_id}"\n    `portico status list` prints their ids')
    return found


def _described(note: StatusNote) -> str:
    """A note in a line."""
    until = "lasts" if note.ended is None else f"until {_time(note.ended)}"
    texts = " / ".join(f"{code}: {text}" for code, text in note.texts.items())
    return f"{note.id}  {note.subject or 'the broker'}  since {_time(note.began)}, {until}  {texts}"


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
