"""The state diagrams in the documents. `make diagrams` draws them again from the tables."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from broker.assisted import diagram as case_diagram
from broker.journey import diagram as journey_diagram

BEGIN = "<!-- drawn from the table: begin -->"
END = "<!-- drawn from the table: end -->"
"""What stands before and after a diagram in a document."""

DOCS = Path(__file__).resolve().parents[2] / "docs"
DIAGRAMS: Mapping[Path, Callable[[], str]] = MappingProxyType(
    {DOCS / "journey.md": journey_diagram.mermaid, DOCS / "assisted.md": case_diagram.mermaid}
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
