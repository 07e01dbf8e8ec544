"""The picture of the table, and the document that carries it."""

import re
from pathlib import Path

import pytest

from broker.journey.drawing import BEGIN, END, mermaid, redrawn
from broker.journey.table import ALWAYS, POSSIBLE
from broker.journey.transaction import State

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "journey.md"


def test_the_document_carries_the_picture_of_the_table_as_it_is_now() -> None:
    text = DOCUMENT.read_text()
    assert redrawn(text) == text, "docs/journey.md is out of date: draw it anew with broker.journey.drawing.redrawn"


def test_the_picture_has_every_step_of_the_table_and_no_other() -> None:
    drawn = {
        (before, after, event)
        for before, after, events in re.findall(r"^    (\w+) --> (\w+): (.+)$", mermaid(), re.MULTILINE)
        for event in events.split(", ")
    }
    assert drawn == {
        (before.name, after.name, event.__name__) for before in State for event, after in POSSIBLE[before].items()
    }
    for event, after in ALWAYS.items():
        assert f"{event.__name__} to {after.name}" in mermaid()


def test_what_stands_around_the_picture_stays_as_it_is() -> None:
    assert redrawn(f"before {BEGIN}old{END} after") == f"before {BEGIN}\n```mermaid\n{mermaid()}```\n{END} after"


@pytest.mark.parametrize("document", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_a_place_for_the_picture_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        redrawn(document)
