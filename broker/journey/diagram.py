"""Mermaid diagram of the transaction's state table. `make diagrams` writes it into docs/journey.md."""

from broker.journey.transaction import ENDED, TransactionState
from broker.journey.transitions import FROM_ANY_OPEN_STATE, TRANSITIONS


def mermaid() -> str:
    """Renders all transitions of the table. Events between the same two states share one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {TransactionState.CHOOSING.name}"]
    for state in TransactionState:
        arrows: dict[TransactionState, list[str]] = {}
        for event, after in TRANSITIONS[state].items():
            arrows.setdefault(after, []).append(event.__name__)
        lines += [f"    {state.name} --> {after.name}: {', '.join(names)}" for after, names in arrows.items()]
    lines += [f"    {state.name} --> [*]" for state in TransactionState if state in ENDED]
    always = [f"{event.__name__} to {after.name}" for event, after in FROM_ANY_OPEN_STATE.items()]
    lines += [f"    note right of {TransactionState.CHOOSING.name}", "        From every open state:"]
    lines += [f"        {line}" for line in always]
    lines += ["    end note"]
    return "\n".join(lines) + "\n"
