"""Links of the documents lead somewhere, and paths that they name exist."""

import re
from pathlib import Path

import pytest

from tests.documents.markdown import CURRENT, PAGES, ROOT, anchors, links, name, spans

PATH = re.compile(r"(?:\.?\w[\w.-]*/)+[\w.*-]*|[\w-]+\.(?:md|py|toml|lock|txt)")
TOP = ("broker/", "providers/", "config/", "deploy/", "docs/", "tests/")
MADE = ("broker/web/static/built", "config/services/permits-")
"""What set-up makes, and what a reader of a guide is asked to make."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_repository_resolves(page: Path) -> None:
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (fragment and fragment not in anchors(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", CURRENT, ids=name)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    missing = []
    for span in spans(page):
        path = span.partition("::")[0].rstrip("*")
        if path.startswith(TOP) and PATH.fullmatch(span.partition("::")[0]) and not path.startswith(MADE):
            there = ROOT / path
            if not there.exists() and not list(there.parent.glob(f"{there.name}*")):
                missing.append(span)
    assert missing == []


def test_every_page_of_the_documents_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.is_file() or page.suffix != ".md":
            continue
        reached.add(page)
        for target in links(page):
            if not re.match(r"[a-z]+:", target):
                there = (page.parent / target.partition("#")[0]).resolve()
                waiting.append(there)
    assert {name(page) for page in PAGES} - {name(page) for page in reached} == set()


def test_each_decision_has_one_number_and_one_line_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    numbers = [file[:4] for file in files]
    assert len(numbers) == len(set(numbers))
    listed = [target for target in links(folder / "README.md") if re.match(r"\d{4}", target)]
    assert sorted(listed) == files
