"""The example configuration agrees with the files of deploy/ and docs/ that refer to it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "example"
SECRETS = ("postgres-password", "redis-password", "smtp-password", "metrics-token")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The example with new secrets, made as docs/operating.md describes."""
    config = tmp_path / "config"
    shutil.copytree(EXAMPLE, config)
    (config / "secrets").mkdir(mode=0o700)
    for name in SECRETS:
        (config / "secrets" / name).write_text("0123456789abcdefghijklmnopqrstuv")
        (config / "secrets" / name).chmod(0o600)
    state = tmp_path / "state"
    state.mkdir()
    file = config / "broker.toml"
    file.write_text(file.read_text().replace("/var/lib/portico", str(state)))
    return config


def broker(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "broker", *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_the_example_passes_the_check_once_its_keys_and_secrets_are_there(copied: Path) -> None:
    made = broker("keys", "init", "--config", copied)
    assert made.returncode == 0, made.stderr
    checked = broker("check", "--config", copied)
    assert checked.returncode == 0, checked.stderr
    assert "no problem found" in checked.stdout
    assert "production" in checked.stdout


@pytest.mark.parametrize("name", SECRETS)
def test_the_check_of_the_example_misses_every_secret(copied: Path, name: str) -> None:
    assert broker("keys", "init", "--config", copied).returncode == 0
    (copied / "secrets" / name).unlink()
    checked = broker("check", "--config", copied)
    assert checked.returncode == 1
    assert name in checked.stderr


def test_the_example_holds_no_secret() -> None:
    for path in EXAMPLE.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "PRIVATE" not in text
            assert '"d":' not in text
            assert " d = " not in text
            assert path.suffix == ".toml"


def test_the_example_keeps_counters_and_checkpoints_where_unit_and_compose_file_make_room() -> None:
    settings = tomllib.loads((EXAMPLE / "broker.toml").read_text())
    assert settings["metrics"]["folder"] == "/run/portico/metrics"
    assert Path(settings["audit"]["checkpoints"]).parent == Path("/var/lib/portico")
