"""Pytest plug-in: puts every test into its lanes by the fixtures it requests, and names the unit of work of a worker.

- `store`: opens a database or Redis: requests a server or a migrated SQLite file, or carries the marker.
- `browser`: requests Chromium.
- `exchange`: carries the marker: whole sign-ins between the broker and a simulated provider, in this process.
- `slow`: lies in one of `SLOW_FOLDERS`, requests the simulator on its port, or carries the marker: runs the whole
  product, speaks HTTP with the simulated provider, or starts processes.
- `unit`: none of these. A unit test that starts a program fails.
"""

import gc
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.program import Program

TESTS = Path(__file__).parents[1]

SLOW_FOLDERS = ("resilience", "doc_examples", "e2e", "security", "deploy", "bench", "budgets", "support")
"""Folders whose tests run the whole product or the programs of the machine; the slowest is first."""

SHARED = frozenset({"resilience", "doc_examples", "security"})
"""Folders whose tests share one running broker: a single worker runs all of a folder."""

HOSTILE = TESTS / "e2e" / "hostile"
"""The folder whose tests share a product on each database: a single worker runs all of it."""

PAGES = TESTS / "unit" / "web"
"""The folder of which a single worker runs the unit tests: they share the compiled pages, 2 s of CPU."""

BY_FIXTURE = {
    "redis_server": "store",
    "postgres_server": "store",
    "migrated_file": "store",
    "migrated_facts": "store",
    "console_ready": "store",
    "sql_url": "store",
    "browser": "browser",
    "host": "slow",
    "hsm": "slow",
}
NOT_UNIT = frozenset({"store", "browser", "slow", "exchange"})
MARKS_ALL_TESTS = re.compile(rf"^pytestmark = pytest\.mark\.(?:{'|'.join(sorted(NOT_UNIT))})$", re.MULTILINE)


GARBAGE_COLLECTION = (20_000, 20, 20)
"""Thresholds of the garbage collector while tests run: a test allocates more than the 700 objects that are usual."""


class Lanes:
    """Marks and sorts the collected tests, and keeps unit tests from starting programs."""

    def __init__(self, config: pytest.Config) -> None:
        """`-m unit` does not even import files without unit tests."""
        self._unit_only = config.getoption("markexpr") == "unit"
        self._heavy: set[Path] = set()

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Skips the slow folders, and files that carry a marker as a whole, if `-m unit` is given."""
        if not self._unit_only:
            return None
        return True if folder(collection_path) in SLOW_FOLDERS or marks_all_tests(collection_path) else None

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        """Takes what was imported and collected out of the garbage collection, which would visit it again and again."""
        gc.disable()
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.set_threshold(*GARBAGE_COLLECTION)
            gc.enable()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Adds the markers, and sorts: slow folders, then what needs a browser or a server, then unit tests."""
        for item in items:
            wanted = {BY_FIXTURE[name] for name in getattr(item, "fixturenames", ()) if name in BY_FIXTURE}
            if folder(item.path) in SLOW_FOLDERS:
                wanted.add("slow")
            for marker in wanted:
                item.add_marker(marker)
            if wanted or NOT_UNIT & {marker.name for marker in item.iter_markers()}:
                self._heavy.add(item.path)
            else:
                item.add_marker("unit")
        items.sort(key=self._place)

    def _place(self, item: pytest.Item) -> tuple[int, bool, bool]:
        first = self._heavy if not self._unit_only else ()
        return rank(item.path), item.path not in first, not of_pages(item.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Forbids programs to unit tests."""
        Program.allowed = item.get_closest_marker("unit") is None

    def group(self, item: pytest.Item) -> str:
        """The unit of work of a worker: a file, or a folder whose tests share what is expensive."""
        if (lies_in := folder(item.path)) in SHARED:
            return lies_in
        if item.path.is_relative_to(HOSTILE):
            return str(HOSTILE)
        together = of_pages(item.path) and (self._unit_only or item.path not in self._heavy)
        return str(PAGES if together else item.path)


def marks_all_tests(path: Path) -> bool:
    """Whether a file says in its text that all its tests lie in another lane than `unit`."""
    return path.suffix == ".py" and MARKS_ALL_TESTS.search(path.read_text("utf-8")) is not None


@cache
def folder(path: Path) -> str:
    """The folder of tests/ that a path is or lies in; empty for tests/ itself and for any other path."""
    inside = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return inside[0] if inside else ""


@cache
def of_pages(path: Path) -> bool:
    """Whether a file lies in the folder of the pages' tests."""
    return path.is_relative_to(PAGES)


@cache
def rank(path: Path) -> int:
    """The index of a file's folder in SLOW_FOLDERS; one past the end for any other."""
    lies_in = folder(path)
    return SLOW_FOLDERS.index(lies_in) if lies_in in SLOW_FOLDERS else len(SLOW_FOLDERS)
