"""The workers of a run of the tests: what they report, and that a skip, a false assert or a timeout fails the run."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIP = "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('not today')"
SKIPPED_MODULE = "import pytest\npytest.skip('none of it', allow_module_level=True)"


@pytest.mark.parametrize(
    ("body", "optimise", "workers", "status"),
    [
        ("def test_a(): pass", [], 0, 0),
        ("def test_a(): pass", [], 1, 0),
        (SKIP, [], 0, 1),
        (SKIP, [], 1, 1),
        ("import pytest\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): assert False", [], 0, 1),
        (SKIPPED_MODULE, [], 0, 1),
        (SKIPPED_MODULE, [], 1, 1),
        ("def test_a(): pass\ndef test_b(): assert False", [], 2, 1),
        ("import os\ndef test_a(): pass\ndef test_b(): os._exit(0)", [], 2, 3),
        ("def test_a(): assert 1 == 2", [], 0, 1),
        ("def test_a(): assert 1 == 2", ["-O"], 1, 1),
        ("from tests.support.claims import claim\ndef test_a(): claim(False)", ["-O"], 0, 1),
    ],
)
def test_a_run_with_a_skip_or_a_false_assert_fails(
    tmp_path: Path, body: str, optimise: list[str], workers: int, status: int
) -> None:
    (tmp_path / "test_it.py").write_text(body)
    # pytest's warning that asserts of other packages are off is no error here
    no_warning = ["-W", "ignore:assertions not in test modules:pytest.PytestConfigWarning", "--workers", str(workers)]
    assert run(tmp_path, *no_warning, optimise=optimise).returncode == status


def test_a_test_that_takes_too_long_in_a_worker_fails_with_the_stacks_of_its_threads(tmp_path: Path) -> None:
    body = "import time, pytest\n@pytest.mark.timeout(0.2)\ndef test_a(): time.sleep(20)"
    (tmp_path / "test_it.py").write_text(body)
    done = run(tmp_path, "--workers", "1", optimise=[])
    assert done.returncode == 1
    assert "Failed: Timeout" in done.stdout
    assert "time.sleep(20)" in done.stdout


def run(folder: Path, *options: str, optimise: list[str]) -> "subprocess.CompletedProcess[str]":
    """A run of the tests in this folder, with the plug-ins and settings of this run."""
    as_here = ["-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [sys.executable, *optimise, *as_here, *options, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
