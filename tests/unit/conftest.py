"""What every unit test runs with."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.configuration import Configuration, prepared


@pytest.fixture(scope="package", autouse=True)
def few_authorities() -> Iterator[None]:
    """`ssl.create_default_context` reads one authority, which signs nothing: Debian's 140 take 30 ms for each context.

    It requests no other fixture, since each would cost every test.
    """
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(Authority(Path(folder)).file))
        environment.setenv("SSL_CERT_DIR", folder)
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
