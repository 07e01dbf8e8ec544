"""The table of a case as a Mermaid state diagram. `make diagrams` writes it into docs/assisted.md."""

from broker.assisted.case import CaseState
from broker.assisted.transitions import RULES

_ANYWHERE = 8
"""An event that leads to one state from at least so many states is told in the note, not drawn."""


def mermaid() -> str:
    """The diagram of every change of state that the table knows. Events between the same two states share one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {CaseState.DRAFT.name}"]
    for source in CaseState:
        arrows: dict[CaseState, list[str]] = {}
        for line in RULES:
            if source in line.sources and len(line.sources) < _ANYWHERE:
                for target in filter(None, line.targets):
                    arrows.setdefault(target, []).append(line.event.__name__)
        lines += [f"    {source.name} --> {target.name}: {', '.join(names)}" for target, names in arrows.items()]
    lines += [f"    note right of {CaseState.DRAFT.name}", "        From every open state:"]
    for line in RULES:
        if len(line.sources) >= _ANYWHERE:
            lines += [f"        {line.event.__name__} to {target.name}" for target in line.targets if target]
    return "\n".join([*lines, "    end note"]) + "\n"
