"""Configurations that a test may change: the examples with their keys, and a production configuration."""

from pathlib import Path

import pytest

from tests.support.configuration import Configuration, as_toml
from tests.unit.settings.examples import PRODUCTION


@pytest.fixture
def production(tmp_path: Path) -> Configuration:
    """A production configuration in one file."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "bank-secret").write_text("a secret of the bank\n")
    (tmp_path / "broker.toml").write_text(as_toml(PRODUCTION))
    return Configuration(tmp_path)
