"""`portico audit`: is the record of what happened still whole, and does an export come from it?"""

import argparse
import json
from pathlib import Path

from broker.cli.context import CommandContext, add_config, load_settings
from broker.crypto.jose import InvalidToken, parse_keys
from broker.wiring.audit_export import verify_export
from broker.wiring.errors import CommandError

HELP = "verify the audit record"
EXPORT = """Verifies the signature of an export with the published keys, and the hash chain of its rows. Needs neither
the settings nor the database. The exit status is 0 if the export is whole, else 1."""
DESCRIPTION = """Reads the hash chain of audit rows from its beginning, and the signed checkpoints in and outside of
the database. Finds a row that was changed, taken out or put in, and an end that was cut off. Rows are sealed once a
second: what vanished before that leaves no trace. The exit status is 0 if the record is whole, else 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verify = verbs.add_parser("verify", help="read the whole record again", description=DESCRIPTION)
    add_config(verify)
    export = verbs.add_parser("verify-export", help="verify an exported part of it", description=EXPORT)
    export.add_argument("file", type=Path, help="the rows: audit-<first>-<last>.jsonl")
    export.add_argument("--signature", type=Path, help="the signature; left out: the file's name with .jws")
    export.add_argument("--keys", type=Path, required=True, help="the JWK Set of <console>/audit-keys.json")


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Verifies. Raises CommandError if the audit chain or an export has a fault."""
    if args.verb == "verify-export":
        return _verify_export(args.file, args.signature or args.file.with_suffix(".jws"), args.keys)
    async with machine.open(load_settings(args, machine)) as facts:
        verdict = await facts.audit.verify()
    counted = f"{verdict.rows} sealed rows read, {verdict.unsealed} not sealed yet"
    if verdict.faults:
        raise CommandError("\n".join([*verdict.faults, f"{counted}: the record is NOT whole"]))
    print(f"{counted}: the record is whole")
    return 0


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
