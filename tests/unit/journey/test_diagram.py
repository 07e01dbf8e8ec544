"""The state diagram of the journey's table."""

import re

from broker.journey.diagram import mermaid
from broker.journey.transaction import TransactionState
from broker.journey.transitions import FROM_ANY_OPEN_STATE, TRANSITIONS


def test_the_diagram_has_every_step_of_the_table_and_no_other() -> None:
    drawn = {
        (before, after, event)
        for before, after, events in re.findall(r"^    (\w+) --> (\w+): (.+)$", mermaid(), re.MULTILINE)
        for event in events.split(", ")
    }
    assert drawn == {
        (before.name, after.name, event.__name__)
        for before in TransactionState
        for event, after in TRANSITIONS[before].items()
    }
    for event, after in FROM_ANY_OPEN_STATE.items():
        assert f"{event.__name__} to {after.name}" in mermaid()
