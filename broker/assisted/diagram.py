"""Mermaid diagram of the case's state table. `make diagrams` writes it into docs/assisted.md."""

from broker.assisted.case import CaseState
from broker.assisted.transitions import RULES

_ANYWHERE = 8
"""Minimum number of source states from which an event is listed in the note instead of drawn."""


def mermaid() -> str:
    """Renders all transitions of the table. Events between the same two states share one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {CaseState.DRAFT.name}"]
    for source in CaseState:
        arrows: dict[CaseState, list[str]] = {}
        for rule in RULES:
            if source in rule.sources and len(rule.sources) < _ANYWHERE:
                for target in filter(None, rule.targets):
                    arrows.setdefault(target, []).append(rule.event.__name__)
        lines += [f"    {source.name} --> {target.name}: {', '.join(names)}" for target, names in arrows.items()]
    lines += [f"    note right of {CaseState.DRAFT.name}", "        From every open state:"]
    for rule in RULES:
        if len(rule.sources) >= _ANYWHERE:
            lines += [f"        {rule.event.__name__} to {target.name}" for target in rule.targets if target]
    return "\n".join([*lines, "    end note"]) + "\n"
