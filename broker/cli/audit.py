"""`portico audit`: is the record of what happened still whole, what is in it, and does an export come from it?"""

import argparse
import json
import os
from pathlib import Path
from typing import BinaryIO, Final

from broker.actions.people.exports import lines_of
from broker.cli.audit_rows import as_json, as_line
from broker.cli.context import (
    AdminStoresPort,
    CommandContext,
    add_config,
    line,
    load_settings,
    moment,
    require_clock,
)
from broker.crypto.jose import InvalidToken, parse_keys
from broker.model.audit import AuditEvent
from broker.model.audit_search import AuditQuery
from broker.wiring.audit_export import verify_export
from broker.wiring.errors import CommandError

HELP = "verify, search and export the audit record"
EXPORT = """Verifies the signature of an export with the published keys, and the hash chain of its rows. Needs neither
the settings nor the database. The exit status is 0 if the export is whole, else 1."""
DESCRIPTION = """Reads the hash chain of audit rows from its beginning, and the signed checkpoints in and outside of
the database. Finds a row that was changed, taken out or put in, and an end that was cut off. Rows are sealed once a
second: what vanished before that leaves no trace. The exit status is 0 if the record is whole, else 1."""
SEARCH = """Prints the newest rows that fulfil every condition, the oldest of them first. `portico transaction explain`
and `portico case explain` find rows by the reference that a citizen quotes."""
WRITE = """Writes the sealed rows of a time to a new file, one JSON object a line, each with its number and its hash in
the chain. The export itself is an audit row. It is not signed: an export for others is asked for and released in the
console, by two persons."""

MOST: Final = 10_000
"""Rows that one search prints at most."""

_PAGE: Final = 2_000
_BY: Final = {
    "--kind": ("kind", "kind of row, such as attempt_failed"),
    "--actor": ("actor", "who did it, such as staff:carys"),
    "--service": ("client_id", "client_id of a service"),
    "--provider": ("provider", "id of a provider"),
    "--account": ("account", "id of an account"),
    "--case": ("case", "id of a case"),
    "--transaction": ("transaction", "id of a sign-in"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser("verify", help="read the whole record again", description=DESCRIPTION)
    show = verbs.add_parser("show", help="print the newest rows, or one", description="Prints the newest rows, or one.")
    show.add_argument("id", nargs="?", type=int, metavar="ID", help="id of one row; left out: the newest rows")
    search = verbs.add_parser("search", help="print rows by what they name", description=SEARCH)
    for option, (name, explained) in _BY.items():
        search.add_argument(option, dest=name, type=line, metavar="VALUE", help=explained)
    written = verbs.add_parser("export", help="write the rows of a time to a file", description=WRITE)
    written.add_argument("file", type=Path, help="the new file, such as audit.jsonl")
    written.add_argument("--reason", type=line, required=True, help="why; it goes into the audit record")
    for verb in (search, written):
        needed = verb is written
        verb.add_argument("--since", type=moment, required=needed, metavar="TIME", help="from this time on (RFC 3339)")
        verb.add_argument("--until", type=moment, required=needed, metavar="TIME", help="before this time (RFC 3339)")
    for verb in (show, search):
        verb.add_argument("--limit", type=_limit, default=20 if verb is show else 200, metavar="N", help="rows at most")
        verb.add_argument("--json", action="store_true", help="print one JSON object a line")
    for verb in (verify, show, search, written):
        add_config(verb)
    export = verbs.add_parser("verify-export", help="verify an exported part of it", description=EXPORT)
    export.add_argument("file", type=Path, help="the rows: audit-<first>-<last>.jsonl")
    export.add_argument("--signature", type=Path, help="the signature; left out: the file's name with .jws")
    export.add_argument("--keys", type=Path, required=True, help="the JWK Set of <console>/audit-keys.json")


def _limit(text: str) -> int:
    """A number of rows. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"write a number from 1 to {MOST}")
    return int(text)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Verifies, searches or exports. Raises CommandError if the audit chain or an export has a fault."""
    if args.verb == "verify-export":
        return _verify_export(args.file, args.signature or args.file.with_suffix(".jws"), args.keys)
    async with machine.open(load_settings(args, machine)) as facts:
        if args.verb in ("show", "search"):
            return await _print(args, facts)
        if args.verb == "export":
            return await _export(args, facts, machine)
        verdict = await facts.audit.verify()
    counted = f"{verdict.rows} sealed rows read, {verdict.unsealed} not sealed yet"
    if verdict.faults:
        raise CommandError("\n".join([*verdict.faults, f"{counted}: the record is NOT whole"]))
    print(f"{counted}: the record is whole")
    return 0


async def _print(args: argparse.Namespace, facts: AdminStoresPort) -> int:
    """Prints rows. Raises CommandError if there is none."""
    if args.verb == "show" and args.id is not None:
        one = await facts.audit_search.row(args.id)
        rows = [] if one is None else [one]
    else:
        given = {} if args.verb == "show" else {name: getattr(args, name) for name, _ in _BY.values()}
        times = {} if args.verb == "show" else {"since": args.since, "until": args.until}
        rows = await facts.audit_search.search(AuditQuery(**given, **times), args.limit)
    if not rows:
        raise CommandError("the audit record has no such row")
    shown = as_json if args.json else as_line
    for number, event in rows:
        print(shown(number, event))
    if len(rows) == args.limit and not args.json:
        print(f"these are the newest {args.limit}: narrow the search, or raise --limit")
    return 0


async def _export(args: argparse.Namespace, facts: AdminStoresPort, machine: CommandContext) -> int:
    """Writes the rows to a file that is new, or to none. Raises CommandError."""
    require_clock(facts)
    span = await facts.audit_rows.span(args.since, args.until)
    if span is None:
        raise CommandError("no sealed row is of that time")
    try:
        await _write(args.file, facts, *span)
    except FileExistsError:
        raise CommandError(f"{args.file}: there is a file already\n    name a new one") from None
    except OSError as problem:
        raise CommandError(f"{args.file}: cannot be written: {problem.strerror}") from None
    first, last = span
    details = {"why": args.reason, "first": str(first), "last": str(last)}
    await facts.audit_log.write([AuditEvent("audit_exported", machine.system.now(), machine.user, details=details)])
    print(f"{last - first + 1} rows, numbers {first} to {last}: {args.file}")
    return 0


async def _write(file: Path, facts: AdminStoresPort, first: int, last: int) -> None:
    """Writes the rows to a new file; if that fails, there is none afterwards. Raises OSError and StoreUnavailable."""
    with _new(file) as stream:
        try:
            for begin in range(first, last + 1, _PAGE):
                stream.write(lines_of(await facts.audit_rows.rows(begin, min(begin + _PAGE - 1, last), _PAGE)))
            stream.flush()
        except BaseException:
            os.unlink(file)
            raise


def _new(file: Path) -> BinaryIO:
    """Opens a file that must be new, for its owner alone. Raises OSError."""
    return os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _verify_export(file: Path, signature: Path, keys: Path) -> int:
    try:
        content, signed, known = (
            file.read_bytes(),
            signature.read_text("ascii"),
            parse_keys(json.loads(keys.read_bytes())),
        )
    except (OSError, ValueError, InvalidToken) as problem:
        raise CommandError(f"cannot be read: {problem}") from None
    report = verify_export(content, signed, known)
    if report.faults:
        raise CommandError("\n".join([*report.faults, "the export is NOT whole"]))
    print(f"{report.rows} rows, numbers {report.first} to {report.last}: the export is whole")
    return 0
