"""Reruns the tests that failed in the last run, in one process, and prints the names of those that now pass.

    python -m tests.support.second_chance

`.ci/run` calls it, since its machine may be shared. Every test that it prints needs a repair.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache") / "v" / "cache" / "lastfailed"


def main() -> int:
    """Returns pytest's exit status; 5 if no test failed, because the run failed for another reason."""
    failed = last_failed()
    print(f"  {len(failed)} failed, and run once more", file=sys.stderr)
    again = [sys.executable, "-m", "pytest", "-q", "--last-failed", "--last-failed-no-failures", "none"]
    status = subprocess.run(again, stdin=subprocess.DEVNULL).returncode
    if saved := [test for test in failed if test not in last_failed()]:
        print("  passed at the second attempt alone:", *saved, sep="\n    ", file=sys.stderr)
    return status


def last_failed() -> list[str]:
    """The tests that failed when they ran last."""
    return list(json.loads(FAILED.read_text())) if FAILED.exists() else []


if __name__ == "__main__":
    sys.exit(main())
