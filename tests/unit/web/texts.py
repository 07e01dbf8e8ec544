"""Extraction of the texts of the citizens' pages from templates and code, and comparison with the catalogues.

    python -m tests.unit.web.texts

adds new texts to every catalogue, with an empty translation, and removes unused ones. The suite fails until they are
translated."""

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

WEB = Path(__file__).parents[3] / "broker" / "web"
CATALOGUES = WEB / "languages"
CONSOLE = CATALOGUES / "console"
KEYWORDS = {"_": None, "gettext": None, "text": None, "markup": None, "marked": None, "ngettext": (1, 2)}
PASSING = (b'"POT-', b'"PO-', b'"Last-', b'"Language-Team', b'"Report-', b'"Generated-', b'"Project-')
FOLDERS = ("templates/citizens", "templates/layouts", "templates/parts", "templates/public")
MODULES = ("citizens", "public")


def console_files() -> Iterator[Path]:
    """Every file with texts for staff."""
    yield from sorted((WEB / "templates" / "staff").glob("*.html"))
    yield from sorted((WEB / "staff").glob("*.py"))


def files() -> Iterator[Path]:
    """Every file with texts for citizens."""
    for folder in FOLDERS:
        yield from sorted((WEB / folder).glob("*.html"))
    for package in MODULES:
        yield from sorted((WEB / package).glob("*.py"))
    yield WEB / "shared" / "i18n.py"


def found(paths: Iterable[Path] | None = None) -> Catalog:
    """All texts of these files, by default those for citizens. Without line numbers, which change with every edit."""
    registry = Catalog(project="Portico", charset="utf-8", fuzzy=False)
    for path in files() if paths is None else paths:
        method = "python" if path.suffix == ".py" else babel_extract
        place = path.relative_to(WEB.parents[1]).as_posix()
        for _, message, comments, context in extract(method, io.BytesIO(path.read_bytes()), KEYWORDS):
            registry.add(message, locations=[(place, 0)], auto_comments=comments, context=context)
    return registry


def found_for_staff() -> Catalog:
    """The texts of the console that the citizens' pages do not have."""
    all_texts, common = found(console_files()), {message.id for message in found() if message.id}
    for message in list(all_texts):
        if message.id in common:
            all_texts.delete(message.id, message.context)
    return all_texts


def registry(code: str, folder: Path = CATALOGUES) -> Catalog:
    """A language's catalogue in the repository."""
    with (folder / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def codes(folder: Path = CATALOGUES) -> list[str]:
    """The languages that have a catalogue."""
    return sorted(path.stem for path in folder.glob("*.po"))


def put(code: str, held: Catalog, folder: Path = CATALOGUES) -> None:
    """Writes a catalogue, without the header lines that would change at each run."""
    written = io.BytesIO()
    write_po(written, held, include_lineno=False, width=120)
    lines = [line for line in written.getvalue().splitlines(keepends=True) if not line.startswith(PASSING)]
    (folder / f"{code}.po").write_bytes(b"".join(lines))


def untranslated(held: Catalog) -> list[str]:
    """The texts of a catalogue that have no translation yet."""
    left = []
    for message in held:
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(strings):
            left.append(str(message.id))
    return left


def main() -> int:
    """Updates every catalogue."""
    for folder, template in ((CATALOGUES, found()), (CONSOLE, found_for_staff())):
        for code in codes(folder):
            held = registry(code, folder)
            held.update(template, no_fuzzy_matching=True)
            held.obsolete.clear()
            held.fuzzy = False
            put(code, held, folder)
            print(f"{folder.name}/{code}: {len(held)} texts, {len(untranslated(held))} to translate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
