"""Files with client secrets and passwords."""

import hashlib
from pathlib import Path

import pytest

from broker.settings import read_secret
from tests.support.configuration import Configuration
from tests.unit.settings.examples import DEMO, FAPI


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" p@ss/word \n# of the database\n")
    assert read_secret(tmp_path / "password") == "p@ss/word"
    (tmp_path / "password").write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        read_secret(tmp_path / "password")


def test_a_secret_is_known_by_its_digest_alone(config: Configuration) -> None:
    plain = read_secret(config.folder.parent / ".demo" / "secrets" / "demo-service")
    settings = config.settings()
    assert settings.services["demo-service"].credentials.secret_digest == hashlib.sha256(plain.encode()).hexdigest()
    assert plain not in repr(settings)


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 21])
def test_a_secret_that_can_be_guessed_is_refused(config: Configuration, text: str) -> None:
    (config.folder.parent / ".demo" / "secrets" / "demo-service").write_text(text)
    assert [problem.path for problem in config.problems()] == [f"{DEMO}: secret_file"]


@pytest.mark.parametrize("path", ["secret_file", "jwks_file"])
def test_a_secret_in_the_place_of_a_file_s_name_is_not_repeated(config: Configuration, path: str) -> None:
    value = "nN2wG1mPzT06j8Qh3Vv5y7Kk9LdR"
    config.change(FAPI if path == "jwks_file" else DEMO, path, value)
    found = [problem for problem in config.problems() if problem.path.endswith(path)]
    assert [problem.fix for problem in found] == ["put it into a file, and name the file"]
    assert value not in "".join(map(str, found))
