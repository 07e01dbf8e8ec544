"""The example configuration agrees with the files of deploy/ and docs/ that refer to it."""

import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support import fork_server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "example"
SECRETS = ("postgres-password", "redis-password", "smtp-password", "metrics-token")


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with new secrets and keys, made as docs/operating.md describes."""
    folder = tmp_path_factory.mktemp("example")
    config, state = folder / "config", folder / "state"
    shutil.copytree(EXAMPLE, config)
    (config / "secrets").mkdir(mode=0o700)
    for name in SECRETS:
        (config / "secrets" / name).write_text("0123456789abcdefghijklmnopqrstuv")
        (config / "secrets" / name).chmod(0o600)
    state.mkdir()
    file = config / "broker.toml"
    file.write_text(file.read_text().replace("/var/lib/portico", str(state)))
    status, said = fork_server.run("keys", "init", "--config", str(config))
    assert status == 0, said
    return config


@pytest.fixture
def copied(with_keys: Path, tmp_path: Path) -> Path:
    """A copy for one test."""
    return shutil.copytree(with_keys, tmp_path / "config")


def test_the_example_passes_the_check_once_its_keys_and_secrets_are_there(copied: Path) -> None:
    status, said = fork_server.run("check", "--config", str(copied))
    assert status == 0, said
    assert "no problem found" in said
    assert "production" in said


@pytest.mark.parametrize("name", SECRETS)
def test_the_check_of_the_example_misses_every_secret(copied: Path, name: str) -> None:
    (copied / "secrets" / name).unlink()
    status, said = fork_server.run("check", "--config", str(copied))
    assert status == 1
    assert name in said


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
