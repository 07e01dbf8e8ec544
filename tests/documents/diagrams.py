"""The state diagrams in the documents. `make diagrams` draws them again from the tables."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from broker.assisted.case_states import CaseState
from broker.assisted.transitions import RULES
from broker.journey.transaction import ENDED, TransactionState
from broker.journey.transitions import FROM_ANY_OPEN_STATE, TRANSITIONS

BEGIN = "<!-- drawn from the table: begin -->"
END = "<!-- drawn from the table: end -->"
"""What stands before and after a diagram in a document."""

_ANYWHERE = 8
"""Minimum number of source states from which an event of a case is listed in the note instead of drawn."""


def journey_diagram() -> str:
    """Mermaid diagram of the transaction's transitions. Events between the same two states share one arrow."""
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


def case_diagram() -> str:
    """Mermaid diagram of the case's transitions. Events between the same two states share one arrow."""
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


DOCS = Path(__file__).resolve().parents[2] / "docs"
DIAGRAMS: Mapping[Path, Callable[[], str]] = MappingProxyType(
    {DOCS / "journey.md": journey_diagram, DOCS / "assisted.md": case_diagram}
)


def with_diagram(document: str, mermaid: str) -> str:
    """A Markdown document with this diagram between its two marks. Raises ValueError if a mark is missing."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n```mermaid\n{mermaid}```\n{END}{after}"


if __name__ == "__main__":
    for file, draw in DIAGRAMS.items():
        file.write_text(with_diagram(file.read_text("utf-8"), draw()), "utf-8")
