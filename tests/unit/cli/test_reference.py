"""The reference of settings agrees with the schema, and docs/configuration.md with the reference."""

import argparse
import tomllib
from collections.abc import Iterator
from dataclasses import Field, dataclass, make_dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.cli import reference as command
from broker.cli.context import CommandContext
from broker.model.service import Service
from broker.platform.system import System
from broker.platform.toml_fields import keys_of
from broker.platform.toml_loader import load
from broker.settings.providers import ProviderFile
from broker.settings.reference import (
    SettingDoc,
    TableDoc,
    default,
    duration_text,
    markdown,
    record_in,
    tables,
)
from broker.settings.schema import BrokerSettings
from broker.settings.staff import StaffFile
from broker.wiring.errors import CommandError
from providers import KINDS
from tests.support.system import FakeClock, FakeRandom

DOCS = Path(__file__).parents[3] / "docs"
SHAPES = (BrokerSettings, Service, ProviderFile, StaffFile, *(kind.config for kind in KINDS.values()))


def run(*words: str) -> int:
    """Runs the command."""
    clock, chance = FakeClock(), FakeRandom()
    machine = CommandContext(KINDS, System(clock.now, chance.draw), "olu", no_stores, no_stores, no_stores, no_stores)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words), machine)


def no_stores(_settings: object) -> Any:
    """The reference needs none."""
    raise LookupError


def records(shape: type[Any]) -> Iterator[type[Any]]:
    """A record and every record inside it."""
    yield shape
    for key in keys_of(shape):
        if (found := record_in(key)) is not None:
            yield from records(found[0])


@pytest.mark.parametrize(("page", "options"), [("configuration.md", []), ("providers.md", ["--providers"])])
def test_the_page_in_the_docs_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], page: str, options: list[str]
) -> None:
    assert run(*options) == 0
    printed = capsys.readouterr().out
    kept = (DOCS / page).read_text("utf-8").partition(f"{command.MARK}\n\n")[2]
    assert kept == printed, f"run `{' '.join(['portico reference', *options])} --into docs/{page}`"


def test_the_command_puts_the_reference_into_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Head\n\n{command.MARK}\nold")
    assert run("--into", str(page)) == 0
    assert page.read_text() == f"# Head\n\n{command.MARK}\n\n{command.reference(KINDS)}\n"
    page.write_text("# Head\n")
    with pytest.raises(CommandError):
        run("--into", str(page))
    assert page.read_text() == "# Head\n"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_setting_is_explained(shape: type[Any]) -> None:
    for table in tables(shape):
        for setting in table.settings:
            place = f"{table.heading} {setting.name}"
            assert (
                setting.description or table.heading in ("[[claims]]", "[[people]]", "[[other_ways]]") or kind_of(shape)
            ), place
            assert table.description, place


def kind_of(shape: type[Any]) -> bool:
    """Whether a record belongs to a kind of provider, whose own engineers explain it."""
    return shape.__module__.startswith("providers.")


@pytest.mark.parametrize("shape", [record for shape in SHAPES for record in records(shape)])
def test_every_default_that_is_shown_is_the_default(shape: type[Any]) -> None:
    for key in keys_of(shape):
        shown = default(key)
        assert (shown is None) == (not key.optional)
        if shown and record_in(key) is None:
            one = make_dataclass("One", [(key.name, key.hint)])
            record, problems = load(tomllib.loads(f"{key.name} = {shown}"), one)
            assert not problems
            assert getattr(record, key.name) == made(key.field)


def made(field: Field[Any]) -> Any:
    """A field's default."""
    return field.default_factory() if callable(field.default_factory) else field.default


@dataclass(frozen=True)
class Inner:
    """An inner table."""

    size: int = 1
    """How big."""


@dataclass(frozen=True)
class Outer:
    """An outer
    table."""

    name: str
    """What it is called,
    in one word."""
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    maybe: Inner | None = None


def test_tables_inside_a_table_follow_it_with_their_headings() -> None:
    assert list(tables(Outer)) == [
        TableDoc("", "An outer table.", (SettingDoc("name", "text", None, "What it is called, in one word."),)),
        *(
            TableDoc(heading, "An inner table.", (SettingDoc("size", "whole number", "1", "How big."),))
            for heading in ("[inner]", "[[many]]", "[maybe]")
        ),
    ]
    assert list(markdown(Outer, 2))[:3] == [
        "An outer table.",
        "",
        "- **`name`** (text, required) What it is called, in one word.",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (1, "1 second"), (90, "1 minute 30 seconds"), (86400, "1 day"), (93600, "1 day 2 hours")],
)
def test_a_duration_is_printed_in_the_largest_units(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text
