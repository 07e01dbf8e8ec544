"""The state diagrams in the documents are those of the tables."""

import re
from pathlib import Path

import pytest

from broker.journey.transaction import TransactionState
from broker.journey.transitions import FROM_ANY_OPEN_STATE, TRANSITIONS
from tests.documents.diagrams import BEGIN, DIAGRAMS, END, journey_diagram, with_diagram


@pytest.mark.parametrize("file", DIAGRAMS, ids=lambda file: file.name)
def test_the_state_diagram_of_a_document_is_up_to_date(file: Path) -> None:
    text = file.read_text("utf-8")
    assert with_diagram(text, DIAGRAMS[file]()) == text, f"{file.name} is out of date: run make diagrams"


def test_the_text_around_a_diagram_stays_as_it_is() -> None:
    assert with_diagram(f"before {BEGIN}old{END} after", "new\n") == (
        f"before {BEGIN}\n```mermaid\nnew\n```\n{END} after"
    )


@pytest.mark.parametrize("document", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_the_marks_of_a_diagram_is_rejected(document: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        with_diagram(document, "new\n")


def test_the_diagram_has_every_step_of_the_table_and_no_other() -> None:
    drawn = {
        (before, after, event)
        for before, after, events in re.findall(r"^    (\w+) --> (\w+): (.+)$", journey_diagram(), re.MULTILINE)
        for event in events.split(", ")
    }
    assert drawn == {
        (before.name, after.name, event.__name__)
        for before in TransactionState
        for event, after in TRANSITIONS[before].items()
    }
    for event, after in FROM_ANY_OPEN_STATE.items():
        assert f"{event.__name__} to {after.name}" in journey_diagram()
