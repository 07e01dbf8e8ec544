"""Commands, run as an operator runs them, over a real configuration and a real database."""

import json
import sqlite3
import stat
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broker.cli.main import command_line
from broker.crypto import jose, keys
from broker.platform.system import real_system
from broker.settings import Environment, read_secret
from broker.wiring import migrate_schema
from broker.wiring.connection_checks import database_warnings
from broker.wiring.generate_secrets import prepare, private_half
from tests.support.configuration import Configuration, examples
from tests.support.system import FakeRandom
from tests.unit.cli.conftest import Run, refused

pytestmark = pytest.mark.store


# --- serve ---


def test_the_old_listener_option_is_rejected_with_its_new_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line().parse_args(["serve", "--door", "staff"])
    assert ended.value.code == 2
    assert "write --listener staff" in capsys.readouterr().err


# --- check ---


def test_check_prints_what_serve_would_run(config: Configuration, run: Run) -> None:
    said = run(config, "check")
    assert said[0] == "issuer:    http://localhost:8000 (development)"
    assert said[-1].startswith("no problem found")
    assert "demo-service" in "\n".join(said)
    assert "northbank" in "\n".join(said)


def test_check_names_every_problem_with_a_fix_and_counts_them(config: Configuration, run: Run) -> None:
    config.change("broker.toml", "console", "http://localhost:8000")
    config.change("services/demo-service.toml", "providers", ["northbnk"])
    assert refused(run, config, "check").splitlines() == [
        "broker.toml: console: the staff console has the same origin as the issuer",
        "    give it a different host",
        'services/demo-service.toml: providers[0]: there is no provider "northbnk"',
        '    did you mean "northbank"?',
        f"2 problems in {config.folder}",
    ]


def test_check_misses_the_key_for_a_service_that_wants_another_algorithm(config: Configuration, run: Run) -> None:
    folder = Configuration(config.folder.parent / ".demo" / "keys")
    index = folder.table("keys.toml")
    folder.write("keys.toml", index | {"signing": [key for key in index["signing"] if key["alg"] != "RS256"]})
    said = refused(run, config, "check")
    assert said.startswith("travel-office: id_token_alg: no key signs RS256\n")
    assert said.endswith(f"1 problem in {config.folder}")


def test_check_reads_the_key_files(config: Configuration, run: Run) -> None:
    for path in (config.folder.parent / ".demo" / "keys").glob("sealing-*"):
        path.write_bytes(b"short")
    assert "holds 5 bytes, expected 32" in refused(run, config, "check")


# --- keys ---


def test_keys_init_creates_the_brokers_keys_and_lists_missing_files(tmp_path: Path, run: Run) -> None:
    config = examples(tmp_path)
    said = run(config, "keys", "init")
    data = tmp_path / ".demo"
    assert said == [
        f"made the keys in {data / 'keys'}",
        f"made {data / 'secrets' / 'eid.pem'}",
        f"made {data / 'secrets' / 'northbank.pem'}",
        f"made {data / 'secrets' / 'staff.pem'}",
        "still to come from elsewhere:",
        str(data / "secrets" / "demo-service"),
        str(data / "secrets" / "land-register.jwks.json"),
        str(data / "secrets" / "post-office.jwks.json"),
        str(data / "secrets" / "travel-office"),
        str(data / "secrets" / "harbour"),
    ]
    assert keys.load_all(data / "keys").algorithms == ("ES256", "PS256", "EdDSA", "RS256")
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.rglob("*.pem")} == {0o600}


def test_keys_init_never_replaces_a_key(config: Configuration, run: Run) -> None:
    data = config.folder.parent / ".demo"
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    (data / "secrets" / "eid.pem").unlink()
    assert run(config, "keys", "init") == [f"made {data / 'secrets' / 'eid.pem'}", "every key is there"]
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == {data / "secrets" / "eid.pem"}


def test_keys_list_shows_every_key_and_no_secret(config: Configuration, run: Run) -> None:
    said = "\n".join(run(config, "keys", "list"))
    data = config.folder.parent / ".demo"
    ring = keys.load_all(data / "keys")
    assert all(f"signs     {alg:8} {key.kid}" in said for alg, key in ring.current.items())
    assert f"audit     EdDSA    {ring.audit.kid}" in said
    assert f"provider  northbank: key_file {data / 'secrets' / 'northbank.pem'} (there)" in said
    assert read_secret(data / "secrets" / "harbour") not in said
    assert "PRIVATE" not in said


def test_keys_public_prints_only_the_public_key_for_a_provider(config: Configuration, run: Run) -> None:
    shown = json.loads("\n".join(run(config, "keys", "public", "northbank")))
    (key,) = shown["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    private = jose.load_signing_key(
        (config.folder.parent / ".demo" / "secrets" / "northbank.pem").read_bytes(), "ES256"
    )
    token = jose.sign({"sub": "portico"}, private)
    assert jose.verify(token, jose.parse_keys(shown), {"ES256"}).claims == {"sub": "portico"}


@pytest.mark.parametrize("provider", ["harbour", "nobody"])
def test_keys_public_refuses_a_provider_without_a_key(config: Configuration, run: Run, provider: str) -> None:
    assert "providers with a key: eid, northbank, staff" in refused(run, config, "keys", "public", provider)


# --- what both sides of a demonstration need ---


def test_preparing_makes_secrets_that_both_sides_can_read(made: Path) -> None:
    secrets = made / ".demo" / "secrets"
    assert len(read_secret(secrets / "demo-service")) == 64
    assert read_secret(secrets / "demo-service") != read_secret(secrets / "travel-office")
    private = jose.load_signing_key(private_half(secrets / "land-register.jwks.json").read_bytes(), "ES256")
    settings = Configuration(made / "config").settings()
    known = settings.services["land-register"].credentials.jwks
    assert known is not None
    assert jose.verify(jose.sign({"a": 1}, private), jose.parse_keys(known), {"ES256"}).claims == {"a": 1}
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


def test_preparing_a_second_time_changes_nothing(config: Configuration) -> None:
    settings = config.settings(prepared=False)
    assert prepare(settings, FakeRandom().draw) == ()


def test_secrets_of_simulated_providers_are_created_in_development_only(config: Configuration) -> None:
    whole = config.settings()
    production = replace(whole, broker=replace(whole.broker, environment=Environment.PRODUCTION))
    with pytest.raises(ValueError, match="makes its own"):
        prepare(production, FakeRandom().draw)


# --- commands on the stores ---


def test_migrate_makes_the_schema_once(config: Configuration, run: Run) -> None:
    assert run(config, "migrate") == ["the schema is up to date now"]
    assert run(config, "migrate") == ["the schema is up to date"]


def test_each_raise_of_the_epoch_begins_the_next_one(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    (first,), (second,) = run(config, "epoch", "raise"), run(config, "epoch", "raise", "--by", "Ada")
    assert int(second.split()[1]) == int(first.split()[1]) + 1


def test_reload_notifies_every_process_unless_a_setting_is_invalid(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    assert run(config, "reload")[0].startswith("asked for configuration 1:")
    config.change("services/demo-service.toml", "scopes", ["openid", "phone"])
    assert 'scopes[1]: "phone" releases nothing' in refused(run, config, "reload")
    config.change("services/demo-service.toml", "scopes", ["openid"])
    assert run(config, "reload", "--by", "Ada")[0].startswith("asked for configuration 2:")


def test_the_audit_record_of_a_new_database_is_whole(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    run(config, "epoch", "raise")
    assert run(config, "audit", "verify") == ["0 sealed rows read, 1 not sealed yet: the record is whole"]


def test_a_checkpoint_that_the_record_does_not_reach_makes_verify_fail(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    ring = keys.load_all(config.folder.parent / ".demo" / "keys")
    claims = {"number": 5, "hash": "00", "at": 1.0}
    line = jose.sign(claims, ring.audit, typ="audit-checkpoint+jwt")
    (config.folder.parent / ".demo" / "checkpoints").write_text(f"{line}\n")
    assert refused(run, config, "audit", "verify").splitlines()[-1].endswith("the record is NOT whole")


def test_commands_on_the_stores_refuse_a_schema_of_another_release(config: Configuration, run: Run) -> None:
    assert "run `portico migrate`" in refused(run, config, "epoch", "raise")


@pytest.mark.parametrize(
    "words",
    [("migrate",), ("epoch", "raise"), ("audit", "verify"), ("provider", "list"), ("keys", "init"), ("reload",)],
)
def test_every_command_refuses_a_configuration_with_problems(
    config: Configuration, run: Run, words: Sequence[str]
) -> None:
    config.change("broker.toml", "issuer", "localhost")
    assert "broker.toml: issuer: an absolute URL is required" in refused(run, config, *words)


# --- clock ---


def time_noted(config: Configuration, seconds_ahead: float) -> None:
    """A database of an earlier release whose recorded latest time is in the future."""
    file = config.folder.parent / ".demo" / "facts.db"
    with sqlite3.connect(file) as connection:
        connection.execute(
            "UPDATE shared_counters SET value = ? WHERE name = 'time'", (int(time.time() + seconds_ahead),)
        )
    connection.close()


def test_clock_repair_changes_nothing_if_clock_show_reports_no_fault(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    for verb in ("show", "repair"):
        assert run(config, "clock", verb) == ["this machine's clock is +0.0 s from the database's: all is well"]


def test_clock_repair_resets_a_future_time_and_is_audited_with_its_actor(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    time_noted(config, 7200)
    assert "the high-water mark of time is 7" in refused(run, config, "clock", "show")
    [said] = run(config, "clock", "repair", "--by", "Ada")
    assert said.startswith("the time noted was taken back by 7")
    assert said.endswith("is expired for good")
    assert run(config, "clock", "show")[0].endswith("all is well")
    with sqlite3.connect(config.folder.parent / ".demo" / "facts.db") as connection:
        rows = connection.execute("SELECT actor FROM audit WHERE kind = 'time_mark_taken_back'").fetchall()
    connection.close()
    assert rows == [("Ada",)]


def test_a_new_epoch_takes_back_a_time_noted_in_the_future(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    time_noted(config, 7200)
    assert "the high-water mark of time is 7" in refused(run, config, "clock", "show")
    run(config, "epoch", "raise")
    time_noted(config, -60)
    assert run(config, "clock", "show")[0].endswith("all is well")


# --- warnings ---


async def test_a_release_that_was_not_registered_is_a_warning_of_a_check_that_connects(config: Configuration) -> None:
    settings = config.settings()
    await migrate_schema(settings)
    with sqlite3.connect(config.folder.parent / ".demo" / "facts.db") as file:
        file.execute("INSERT INTO claim_releases VALUES ('demo-service', 'email', 0, 9, NULL)")
        file.execute("INSERT INTO claim_releases VALUES ('demo-service', 'address', 0, 86400, 86400)")
    warned = await database_warnings(settings, real_system())
    [found] = [one for one in warned if one.path != "staff.toml: access_review"]
    assert found.path == "services/demo-service: claims"
    assert found.what == "address was released on 1970-01-02 although it was not registered"
    assert "portico stats releases" in found.fix


def test_warnings_are_counted_and_fail_a_strict_check_alone(config: Configuration, run: Run) -> None:
    said = run(config, "check")
    warned = [line for line in said if line.startswith("warning:   ")]
    assert warned
    assert all(said[said.index(line) + 1].startswith(" " * 11) for line in warned)
    assert said[-1] == f"no problem found, {len(warned)} warnings"
    assert refused(run, config, "check", "--strict") == f"{len(warned)} warnings"
