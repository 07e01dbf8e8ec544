"""Loading: one file or a folder, relative paths, missing files, and the problems of several files at once."""

import re
import shutil
from pathlib import Path
from typing import Any

from broker.model.assurance import Level
from broker.settings import Content, load
from broker.settings.sources import replace_origins
from providers import KINDS
from tests.support.configuration import Configuration, as_toml, delivered, examples
from tests.unit.settings.examples import BANK, DEMO, FAPI


def test_the_examples_start_once_their_keys_and_secrets_are_made(config: Configuration) -> None:
    settings = config.settings()
    assert list(settings.services) == ["demo-service", "land-register", "post-office", "travel-office"]
    assert {name: entry.card.max_level for name, entry in settings.providers.items()} == {
        "eid": Level.HIGH,
        "harbour": Level.SUBSTANTIAL,
        "northbank": Level.SUBSTANTIAL,
        "passkey": Level.SUBSTANTIAL,
    }
    assert settings.staff is not None
    assert list(settings.staff.people) == ["carys", "tom", "mei", "rhys"]
    assert settings.missing == ()


def test_every_missing_secret_file_is_a_problem_with_its_name(tmp_path: Path) -> None:
    found = examples(tmp_path).problems()
    assert [problem.path for problem in found] == [
        "services/demo-service.toml: secret_file",
        "services/land-register.toml: jwks_file",
        "services/post-office.toml: jwks_file",
        "services/travel-office.toml: secret_file",
        "broker.toml: keys.folder",
        "broker.toml: audit.checkpoints",
        "broker.toml: database.url",
        "providers/eid.toml: openid.key_file",
        "providers/harbour.toml: openid.secret_file",
        "providers/northbank.toml: openid.key_file",
        "staff.toml: provider.openid.key_file",
    ]


def test_missing_files_are_listed_with_their_content(tmp_path: Path) -> None:
    missing = {file.path.name: file.content for file in examples(tmp_path).settings(prepared=False).missing}
    assert missing == {
        "demo-service": Content.CLIENT_SECRET,
        "land-register.jwks.json": Content.PUBLIC_KEYS,
        "post-office.jwks.json": Content.PUBLIC_KEYS,
        "travel-office": Content.CLIENT_SECRET,
        "eid.pem": Content.PRIVATE_KEY,
        "harbour": Content.CLIENT_SECRET,
        "northbank.pem": Content.PRIVATE_KEY,
        "staff.pem": Content.PRIVATE_KEY,
    }


def test_the_examples_hold_no_secret(config: Configuration) -> None:
    texts = [path.read_text() for path in config.folder.rglob("*.toml")]
    for path in (config.folder.parent / ".demo" / "secrets").iterdir():
        assert not any(path.read_text().strip() in text for text in texts)


def test_relative_paths_start_at_the_file_they_stand_in(config: Configuration) -> None:
    settings = config.settings()
    data = config.folder.parent / ".demo"
    assert settings.broker.keys.folder == data / "keys"
    assert settings.broker.database.url == f"sqlite:{data / 'facts.db'}"
    assert settings.providers["harbour"].config.secret_file == data / "secrets" / "harbour"


def test_one_file_with_everything_says_the_same_as_the_folder(config: Configuration) -> None:
    def deeper(value: Any) -> Any:
        """The same value, its paths written from the folder of broker.toml."""
        if isinstance(value, dict):
            return {key: deeper(inner) for key, inner in value.items()}
        return value.replace("../../", "../") if isinstance(value, str) else value

    whole = config.table("broker.toml") | {"staff": config.table("staff.toml")}
    for name, key in (("services", "client_id"), ("providers", "id")):
        paths = sorted((config.folder / name).iterdir())
        whole[name] = [{key: path.stem} | deeper(config.table(f"{name}/{path.name}")) for path in paths]
    file = config.folder / "whole.toml"
    file.write_text(as_toml(whole))
    assert load(file, KINDS) == config.settings()


def test_the_same_files_serve_other_ports(config: Configuration) -> None:
    origins = {f"{host}:800{n}": f"{host}:900{n}" for n in range(4) for host in ("localhost", "127.0.0.1")}
    settings = config.settings(origins=origins)
    assert settings.broker.issuer == "http://localhost:9000"
    assert settings.broker.listen.staff == "127.0.0.1:9001"
    assert settings.services["demo-service"].redirect_uris == ("http://localhost:9002/callback",)
    assert settings.providers["eid"].config.issuer == "http://localhost:9003/eid"
    assert not re.search(r":800\d", repr(settings))


def test_only_a_whole_host_and_port_is_moved() -> None:
    origins = {"localhost:80": "localhost:90"}
    same = ["localhost:8000", "xlocalhost:80", "my-localhost:80", "a.localhost:80", 80]
    assert replace_origins(same, origins) == same
    assert replace_origins({"a": ["http://localhost:80/x", "localhost:80"]}, origins) == {
        "a": ["http://localhost:90/x", "localhost:90"]
    }


def test_problems_of_every_file_come_at_once(config: Configuration) -> None:
    config.change("broker.toml", "tokens.code", "1 day")
    config.change(DEMO, "levl", "high")
    config.change(BANK, "openid.clock_skw", 5)
    (config.folder / FAPI).write_text("names = {\n")
    config.change("staff.toml", "people", [])
    assert {problem.path.partition(":")[0] for problem in config.problems()} == {
        "broker.toml",
        DEMO,
        FAPI,
        BANK,
        "staff.toml",
    }


def test_what_has_the_wrong_shape_hides_nothing_else_in_its_file(config: Configuration) -> None:
    config.change("broker.toml", "listen.workers", "many")
    config.change("broker.toml", "issuer", "http://localhost:8000/?")
    assert {"broker.toml: listen.workers", "broker.toml: issuer"} <= {problem.path for problem in config.problems()}


def test_a_file_that_is_no_toml_is_named_with_its_line(config: Configuration) -> None:
    (config.folder / FAPI).write_text('home = "x"\nnames = = 1\n')
    assert any(problem.path == FAPI and "line" in problem.what for problem in config.problems())


def test_a_file_that_is_no_text_is_named(config: Configuration) -> None:
    (config.folder / BANK).write_bytes(b"\xff\xfe")
    assert any(problem.path == BANK and "UTF-8" in str(problem) for problem in config.problems())


def test_what_an_editor_hides_beside_the_files_is_no_setting(config: Configuration) -> None:
    (config.folder / "services" / ".#demo-service.toml").write_text("?")
    (config.folder / "services" / "demo-service.toml~").write_text("?")
    assert config.settings()


def test_a_file_in_the_place_of_a_folder_is_a_problem(config: Configuration) -> None:
    shutil.rmtree(config.folder / "services")
    (config.folder / "services").write_text("")
    assert [problem.path for problem in config.problems()] == ["services"]


def test_a_place_without_settings_is_one_problem(tmp_path: Path) -> None:
    assert [problem.path for problem in Configuration(tmp_path).problems()] == ["broker.toml"]
    assert [problem.path for problem in Configuration(tmp_path / "none.toml").problems()] == ["none.toml"]


def test_a_file_that_cannot_be_read_makes_no_further_problem_elsewhere(config: Configuration) -> None:
    config.change(BANK, "policy.services", ["land-register"])
    config.change("services/travel-office.toml", "providers", ["eid"])
    config.change("services/travel-office.toml", "assisted", value=False)
    (config.folder / FAPI).write_text("?")
    (config.folder / "providers/eid.toml").write_text("?")
    assert [problem.path for problem in config.problems()] == [FAPI, "providers/eid.toml"]


def test_languages_in_settings_are_read_without_regard_to_case(config: Configuration) -> None:
    """BCP 47 2.1.1."""
    names = config.settings().services["demo-service"].presentation.names
    config.change(DEMO, "names", {code.upper(): name for code, name in names.items()})
    config.change("broker.toml", "languages", [code.upper() for code in config.settings().broker.languages])
    assert config.settings().services["demo-service"].presentation.names == names
    assert set(config.settings().broker.languages) == {code.lower() for code in config.settings().broker.languages}


def test_the_examples_as_delivered_have_every_text_in_three_languages(tmp_path: Path) -> None:
    assert delivered(tmp_path).settings(prepared=False).broker.languages == ("en", "cy", "ar")
