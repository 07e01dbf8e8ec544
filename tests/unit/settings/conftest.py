"""Configurations that a test may change: the examples with their keys, and a production configuration."""

import shutil
from pathlib import Path

import pytest

from tests.support.configuration import Configuration, as_toml, prepared
from tests.unit.settings.examples import PRODUCTION


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with their keys, made once: making RSA keys takes a second."""
    folder = tmp_path_factory.mktemp("made")
    prepared(folder)
    return folder


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Configuration:
    """A copy that a test may break."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Configuration(tmp_path / "config")


@pytest.fixture
def production(tmp_path: Path) -> Configuration:
    """A production configuration in one file."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "bank-secret").write_text("a secret of the bank\n")
    (tmp_path / "broker.toml").write_text(as_toml(PRODUCTION))
    return Configuration(tmp_path)
