"""A port that is in use is reported, with a fix, before the server starts."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.server.ports import parse_address, require_free_ports
from broker.wiring.errors import CommandError

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_an_address_in_use_is_reported_with_a_fix(taken: int) -> None:
    with pytest.raises(
        CommandError, match=f"127.0.0.1:{taken}: cannot be listened at: Address already in use\n    free it"
    ):
        require_free_ports(["127.0.0.1:0", f"127.0.0.1:{taken}"], "free it")


def test_a_checked_port_is_free_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    for _ in range(2):
        require_free_ports([f"127.0.0.1:{port}"], "")


def test_an_address_has_a_host_and_a_port() -> None:
    assert parse_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert parse_address("[::1]:8080") == ("::1", 8080)


@pytest.mark.parametrize("wanted", ["taken", "http", "80", "65533"])
def test_a_demonstration_with_unusable_ports_reports_them_in_a_sentence(taken: int, wanted: str) -> None:
    first = str(taken) if wanted == "taken" else wanted
    command = [sys.executable, "-m", "broker", "demo"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PORTICO_DEMO_PORT": first}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "PORTICO_DEMO_PORT=" in done.stderr
    assert first in done.stderr
    assert "Traceback" not in done.stderr
