"""Metrics of several processes, merged from the files of the workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker.web.operations import clear, open_metrics
from tests.unit.web.operations import value

WORKER = """
import sys
from pathlib import Path
from broker.model.audit import AuditEvent
from broker.web.operations import open_metrics

meters = open_metrics(Path(sys.argv[1]))
meters.recorded([AuditEvent("code_redeemed", 0.0, "citizen")] * 3)
meters.provider("bank", working=sys.argv[2] == "works")
print("counted", flush=True)
sys.stdin.readline()
"""
READER = """
import sys
from pathlib import Path
from broker.web.operations import open_metrics

sys.stdout.buffer.write(open_metrics(Path(sys.argv[1])).text())
"""


def python(program: str, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
    )


@pytest.mark.slow
def test_metrics_of_all_workers_are_merged_without_the_gauges_of_ended_workers(tmp_path: Path) -> None:
    workers = [python(WORKER, tmp_path, "works"), python(WORKER, tmp_path, "broken")]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"counted\n"
        output, _ = python(READER, tmp_path).communicate()
        assert value(output, "portico_tokens_issued_total", by="code") == 6
        assert value(output, "portico_provider_working", provider="bank") == 0
        workers[1].kill()
        workers[1].wait()
        output, _ = python(READER, tmp_path).communicate()
        assert value(output, "portico_tokens_issued_total", by="code") == 6, "what a dead worker counted still counts"
        assert value(output, "portico_provider_working", provider="bank") == 1
        clear(tmp_path)
        left = {int(file.stem.rpartition("_")[2]) for file in tmp_path.glob("*.db")}
        assert left == {workers[0].pid}, "before a start, what ended processes left is taken out"
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


@pytest.mark.slow
def test_a_process_whose_metrics_would_not_be_shared_fails_at_start(tmp_path: Path) -> None:
    forgotten = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env={name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS")},
    )
    assert forgotten.returncode != 0
    assert "PROMETHEUS_MULTIPROC_DIR must name" in forgotten.stderr


def test_a_process_on_its_own_needs_no_folder() -> None:
    meters = open_metrics(None)
    meters.refused("public", "invalid_client")
    assert value(meters.text(), "portico_refusals_total", door="public", error="invalid_client") == 1
