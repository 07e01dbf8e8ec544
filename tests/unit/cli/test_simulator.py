"""`portico simulator`: whom it serves, and what it prints."""

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from broker.cli import simulator
from broker.wiring.errors import CommandError

CALLBACK = ["--redirect-uri", "http://localhost:8000/callback/tara"]


def parsed(*words: str) -> argparse.Namespace:
    """The arguments of a command line."""
    parser = argparse.ArgumentParser()
    simulator.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def secret(tmp_path: Path) -> list[str]:
    """The option that names a file with a secret."""
    (tmp_path / "secret").write_text("a secret\n")
    return ["--secret-file", str(tmp_path / "secret")]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served, without a server."""
    found: list[Any] = []
    monkeypatch.setattr(simulator, "plain_server", lambda app, address: found.append((app, address)))
    monkeypatch.setattr(simulator, "serve_all", lambda servers, started: None)  # noqa: ARG005
    monkeypatch.setattr(simulator, "run_loop", lambda work: None)  # noqa: ARG005
    monkeypatch.setattr(simulator, "require_free_ports", lambda addresses, fix: None)  # noqa: ARG005
    return found


def test_the_command_prints_the_file_of_an_operator_and_listens_on_loopback(
    served: list[Any], secret: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--preset", "tara", "--environment", "test", "--port", "9100", "--client-id", "city", *CALLBACK, *secret]
    assert simulator.run(parsed(*words)) == 0
    ((_, address),) = served
    assert address == "127.0.0.1:9100"
    table = tomllib.loads(capsys.readouterr().out)
    assert table["preset"] == "tara"
    assert table["preset_environment"] == "test"
    assert table["openid"]["client_id"] == "city"
    assert table["openid"]["simulator"] == "http://localhost:9100"


@pytest.mark.parametrize("asked", [True, False])
def test_a_client_that_asks_for_session_management_gets_it(
    served: list[Any], secret: list[str], *, asked: bool
) -> None:
    simulator.run(parsed("--preset", "tara", *CALLBACK, *secret, *(["--check-session"] if asked else [])))
    ((app, _),) = served
    assert ("/_session/tara" in [route.path for route in app.routes]) == asked


def test_an_issuer_is_named_for_a_preset_that_has_none(
    served: list[Any], secret: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--preset", "myid", *CALLBACK, *secret]
    with pytest.raises(CommandError, match="--issuer"):
        simulator.run(parsed(*words))
    simulator.run(parsed(*words, "--issuer", "https://idp.example"))
    assert len(served) == 1
    assert tomllib.loads(capsys.readouterr().out)["openid"]["issuer"] == "https://idp.example"


@pytest.mark.parametrize("uri", ["https://broker.gov.uk/callback/tara", "https://localhost.evil.com/", "nonsense"])
@pytest.mark.parametrize("option", ["--redirect-uri", "--logout-uri", "--logout-frame", "--initiate-uri"])
def test_a_client_that_is_not_of_this_machine_is_refused(
    served: list[Any], secret: list[str], option: str, uri: str
) -> None:
    with pytest.raises(CommandError, match="not on this machine"):
        simulator.run(parsed("--preset", "tara", *CALLBACK, *secret, option, uri))
    assert served == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--secret-file", "secret"], "none is given"),
        (CALLBACK, "give one of the two"),
        ([*CALLBACK, "--secret-file", "a", "--jwks", "b"], "give one of the two"),
        ([*CALLBACK, "--secret-file", "a", "--environment", "moon"], "tara has live, test"),
    ],
)
def test_a_command_line_without_a_client_is_refused(served: list[Any], words: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        simulator.run(parsed("--preset", "tara", *words))
    assert served == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 1}'])
def test_a_file_without_a_key_set_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "jwks.json").write_text(content)
    with pytest.raises(CommandError, match="no key set"):
        simulator.keys_in(tmp_path / "jwks.json")


def test_the_keys_of_a_client_are_read(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": []}))
    assert simulator.keys_in(tmp_path / "jwks.json") == {"keys": []}
    assert simulator.keys_in(None) is None
