"""The state table as a Mermaid state diagram. `make diagrams` writes it into docs/journey.md."""

from broker.journey.table import ALWAYS, POSSIBLE
from broker.journey.transaction import ENDED, State


def mermaid() -> str:
    """The diagram of every step that the table knows. Events between the same two states share one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CHOOSING.name}"]
    for state in State:
        arrows: dict[State, list[str]] = {}
        for event, after in POSSIBLE[state].items():
            arrows.setdefault(after, []).append(event.__name__)
        lines += [f"    {state.name} --> {after.name}: {', '.join(names)}" for after, names in arrows.items()]
    lines += [f"    {state.name} --> [*]" for state in State if state in ENDED]
    always = [f"{event.__name__} to {after.name}" for event, after in ALWAYS.items()]
    lines += [f"    note right of {State.CHOOSING.name}", "        From every open state:"]
    lines += [f"        {line}" for line in always]
    lines += ["    end note"]
    return "\n".join(lines) + "\n"
