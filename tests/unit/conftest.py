"""What every unit test runs with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.configuration import Configuration, prepared


@pytest.fixture(scope="session")
def machine_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one authority that OpenSSL trusts by default: reading Debian's 140 takes 30 ms for each TLS context."""
    return Authority(tmp_path_factory.mktemp("machine")).file


@pytest.fixture(scope="package", autouse=True)
def few_authorities(machine_authority: Path) -> Iterator[None]:
    """`ssl.create_default_context` reads one authority, which signs nothing."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(machine_authority))
        environment.setenv("SSL_CERT_DIR", str(machine_authority.parent))
        yield


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
