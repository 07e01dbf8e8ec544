"""The state table as a picture, in Mermaid's words for state diagrams."""

from broker.journey.table import ALWAYS, POSSIBLE
from broker.journey.transaction import ENDED, State

BEGIN = "<!-- drawn from the table: begin -->"
END = "<!-- drawn from the table: end -->"
"""What stands before and after the picture in a document."""


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


def redrawn(document: str) -> str:
    """A Markdown document with the picture between its two marks drawn anew.

    Raises ValueError where the document lacks one of the marks.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n```mermaid\n{mermaid()}```\n{END}{after}"
