"""Readers of Markdown pages: links, headings, code spans, fenced blocks and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
DECISIONS = ROOT / "docs" / "decisions"
CURRENT = tuple(page for page in PAGES if page.parent != DECISIONS and page.name != "CHANGELOG.md")
"""Pages about the present. Decision records and the changelog may name what was renamed or removed."""

_FENCE = re.compile(r"^( *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: the words after the fence, and the lines inside it."""

    page: Path
    info: str
    text: str

    @property
    def language(self) -> str:
        """The first word after the fence; empty if there is none."""
        return self.info.split(" ")[0]


@cache
def text(page: Path) -> str:
    """The whole page."""
    return page.read_text("utf-8")


@cache
def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text(page))


def fences(page: Path) -> list[Fence]:
    """Every fenced block of the page."""
    return [Fence(page, found["info"].strip(), found["text"]) for found in _FENCE.finditer(text(page))]


def spans(page: Path) -> list[str]:
    """Every code span outside of fenced blocks."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    """The target of every link and picture."""
    return [link or picture for link, picture in _LINK.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """The fragments under which the page's headings are found: lower case, punctuation dropped, dashes for blanks."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(prose(page))}


def section(page: Path, heading: str) -> str:
    """Text under a heading, up to the next of its rank or above. Raises LookupError if there is none."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text(page), re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{page.name} has no section {heading!r}")
    return found[2]


def rows(markdown: str) -> Iterator[list[str]]:
    """The cells of every row of the tables in a text, without header rows and rulers."""
    lines = markdown.splitlines()
    for number, line in enumerate(lines):
        ruler = number + 1 < len(lines) and set(lines[number + 1]) <= set("|- :") and lines[number + 1].startswith("|")
        if line.startswith("|") and not ruler and not set(line) <= set("|- :"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def name(page: Path) -> str:
    """The page's path in the repository, for the name of a test."""
    return str(page.relative_to(ROOT))
