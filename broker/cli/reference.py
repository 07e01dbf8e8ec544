"""`portico reference`: every setting there is, and every fact about providers that have a preset."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from broker.cli.context import CommandContext
from broker.model.service import Service
from broker.platform.operator_files import text
from broker.settings import ProviderKind
from broker.settings.providers import ProviderFile
from broker.settings.reference import markdown
from broker.settings.schema import BrokerSettings
from broker.settings.staff import StaffFile
from broker.wiring.errors import CommandError
from providers.presets.document import providers_document

HELP = "print every setting: what it takes, its default, what it means"
DESCRIPTION = """Prints the reference of all settings as Markdown, the same as in docs/configuration.md, or with
--providers what is known about each national provider, the same as in docs/providers.md."""
MARK = "<!-- reference -->"
FILES = (
    ("broker.toml", BrokerSettings),
    ("services/<client_id>.toml", Service),
    ("providers/<id>.toml", ProviderFile),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help=f"instead of printing, replace what follows {MARK!r} in a file"
    )
    parser.add_argument("--providers", action="store_true", help="the facts about providers in place of the settings")


def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Prints the reference, or writes it into a file. Raises CommandError if the file has no place for it."""
    printed = providers_document() if args.providers else reference(machine.kinds)
    if args.into is None:
        print(printed)
        return 0
    head, mark, _ = text(args.into).partition(MARK)
    if not mark:
        raise CommandError(f"{args.into} has no line {MARK}")
    args.into.write_text(f"{head}{MARK}\n\n{printed}\n", "utf-8")
    return 0


def reference(kinds: Mapping[str, ProviderKind]) -> str:
    """The reference of every file, and of every kind of provider, as Markdown without a closing line break."""
    return "\n".join(sections(kinds)).rstrip("\n")


def sections(kinds: Mapping[str, ProviderKind]) -> Iterator[str]:
    """Its lines, a section for each file."""
    for name, shape in FILES:
        yield f"## {name}"
        yield ""
        yield from markdown(shape, 3)
    for kind in kinds:
        yield f"### `[{kind}]`"
        yield ""
        yield from markdown(kinds[kind].config, 4, kind)
    yield "## staff.toml"
    yield ""
    yield from markdown(StaffFile, 3)
