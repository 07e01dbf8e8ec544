"""Commands, run as an operator runs them, over a real configuration and a real database."""

import json
import sqlite3
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from broker import wiring
from broker.cli.context import CommandContext
from broker.cli.main import command_line
from broker.crypto import jose, keys
from broker.platform.system import System
from broker.settings import Environment, read_secret
from broker.wiring.errors import NOT_NOW, CommandError
from broker.wiring.generate_secrets import prepare, private_half
from providers import KINDS
from tests.support.configuration import Configuration, examples
from tests.support.system import FakeClock, FakeRandom

pytestmark = pytest.mark.store

Run = Callable[..., Sequence[str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line and gives the lines that it printed. Raises CommandError as the command does."""

    def run(config: Configuration, *words: str) -> Sequence[str]:
        clock, chance = FakeClock(), FakeRandom()
        machine = CommandContext(
            KINDS,
            System(clock.now, chance.draw, clock.tick),
            "olu",
            wiring.admin_stores,
            wiring.migrate_schema,
            wiring.connect,
            wiring.test_provider,
        )
        args = command_line(lambda: machine).parse_args(
            [*words, *([] if words[0] == "reference" else ["--config", str(config.folder)])]
        )
        capsys.readouterr()
        assert args.run(args) == 0
        return capsys.readouterr().out.splitlines()

    return run


def refused(run: Run, config: Configuration, *words: str) -> str:
    """Error message of a command."""
    with pytest.raises(CommandError) as refusal:
        run(config, *words)
    return str(refusal.value)


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
    assert said[-1] == "no problem found"
    assert "demo-service" in "\n".join(said)
    assert "northbank" in "\n".join(said)


def test_check_notes_a_provider_that_alone_reaches_a_level(config: Configuration, run: Run) -> None:
    notes = [line for line in run(config, "check") if line.startswith("note:")]
    assert notes == [
        "note:      only eid reaches the level high (needed by travel-office): when it fails, citizens have assisted "
        "verification, or the services' other_ways"
    ]
    config.change("services/land-register.toml", "providers", ["harbour"])
    assert any("only harbour reaches the level" in line for line in run(config, "check"))
    config.change("providers/harbour.toml", "max_level", "high")
    assert not any("only eid reaches" in line for line in run(config, "check"))


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


def test_a_provider_is_turned_off_with_a_reason_and_on_again(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    off = ("provider", "disable", "northbank", "--reason", "their certificate expired")
    assert run(config, *off) == ["northbank is off"]
    assert run(config, *off) == ["northbank was off already"]
    reason = "off since 2027-01-15 08:00 UTC by olu: their certificate expired"
    assert f"northbank  openid, substantial: {reason}" in run(config, "provider", "list")
    assert run(config, "provider", "accounts", "northbank") == ["northbank: 0 accounts have no other way, 0 have one"]
    assert run(config, "service", "list") == ["nothing is off"]
    assert run(config, "provider", "enable", "northbank", "--by", "Ada") == ["northbank is on again"]
    assert run(config, "provider", "enable", "northbank") == ["northbank was not off"]
    assert "northbank  openid, substantial: offered" in run(config, "provider", "list")


@pytest.mark.parametrize(
    ("kind", "wrong", "fix"),
    [("provider", "northbnk", 'did you mean "northbank"?'), ("service", "demoservice", 'did you mean "demo-service"?')],
)
def test_what_is_not_configured_cannot_be_turned_off(
    config: Configuration, run: Run, kind: str, wrong: str, fix: str
) -> None:
    run(config, "migrate")
    assert fix in refused(run, config, kind, "disable", wrong, "--reason", "x")
    assert not any("off since" in line for line in run(config, kind, "list"))


def test_any_account_can_be_turned_off(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    assert run(config, "account", "disable", "acc_1", "--reason", "asked for") == ["acc_1 is off"]
    assert run(config, "account", "list") == ["acc_1  off since 2027-01-15 08:00 UTC by olu: asked for"]


def test_turning_something_off_needs_a_reason(config: Configuration, run: Run) -> None:
    with pytest.raises(SystemExit):
        run(config, "provider", "disable", "northbank")


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


def test_check_names_the_ends_of_providers_half_a_year_before(config: Configuration, run: Run) -> None:
    run(config, "keys", "init")
    config.change("providers/harbour.toml", "policy.accept_sign_in_until", date(2027, 6, 1))
    config.change("providers/northbank.toml", "policy.accept_new_until", date(2026, 12, 1))
    config.change("providers/eid.toml", "policy.accept_sign_in_until", date(2027, 12, 1))
    assert [line for line in run(config, "check") if line.startswith("note:      provider")] == [
        "note:      provider harbour: accepts no sign-in from 2027-06-01",
        "note:      provider northbank: accepts nobody new since 2026-12-01",
    ]


def test_a_provider_is_paused_with_a_reason_in_every_language_and_resumed(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    reasons = ("--reason", "en=Maintenance", "--reason", "cy=Cynnal a chadw")
    assert "cy too" in refused(run, config, "provider", "pause", "northbank", *reasons[:2])
    assert '"fr" is not a language' in refused(
        run, config, "provider", "pause", "northbank", *reasons, "--reason", "fr=x"
    )
    assert "did you mean" in refused(run, config, "provider", "pause", "northbnak", *reasons)
    assert "has passed" in refused(
        run, config, "provider", "pause", "northbank", *reasons, "--until", "2001-01-01T00:00:00Z"
    )
    until = ("--until", "2099-01-01T12:00:00+01:00")
    assert run(config, "provider", "pause", "northbank", *reasons, *until) == [
        "northbank is paused until 2099-01-01 11:00 UTC"
    ]
    [line] = [line for line in run(config, "provider", "list") if line.startswith("northbank")]
    assert line == ("northbank  openid, substantial: paused by command until 2099-01-01 11:00 UTC: Maintenance")
    assert run(config, "provider", "resume", "northbank") == ["northbank is resumed"]
    assert run(config, "provider", "resume", "northbank") == ["northbank was not paused by command"]


def test_the_list_of_providers_names_each_with_what_keeps_citizens_from_it(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    config.change("providers/harbour.toml", "policy.services", ["demo-service"])
    config.change("providers/harbour.toml", "policy.enabled", value=False)
    run(config, "provider", "disable", "northbank", "--reason", "it leaks")
    lines = run(config, "provider", "list")
    assert len(lines) == len(config.settings().providers)
    assert any("northbank  openid, substantial: off since" in line and "it leaks" in line for line in lines)
    assert any(line.startswith("harbour") and "turned off in its file; only for demo-service" in line for line in lines)
    assert any(line.endswith(": offered") for line in lines)


def test_a_provider_that_does_not_answer_fails_its_test_with_status_3(config: Configuration, run: Run) -> None:
    config.change("providers/northbank.toml", "openid.issuer", "http://localhost:9/northbank")
    with pytest.raises(CommandError) as refusal:
        run(config, "provider", "test", "northbank")
    assert refusal.value.status == NOT_NOW
    assert "northbank: no citizen can sign in: health" in str(refusal.value)


def test_every_session_of_an_account_is_ended_by_itself_or_with_the_account(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    facts = config.folder.parent / ".demo" / "facts.db"

    def begin(number: int) -> None:
        with sqlite3.connect(facts) as file:
            if number == 1:
                file.execute("INSERT INTO accounts VALUES ('acc_1', 0)")
            values = f"'digest-{number}', 'sid-{number}', 'acc_1', 0, 0, 4e9, NULL, 1, NULL"
            file.execute(f"INSERT INTO sessions VALUES ({values})")
            for client in ("demo-service", "land-register"):
                file.execute(f"INSERT INTO session_clients VALUES ('sid-{number}', '{client}', 'sub', 0, 0, 4e9)")

    begin(1)
    assert run(config, "account", "sign-out", "acc_1") == ["1 session ended"]
    assert run(config, "account", "sign-out", "acc_1") == ["0 sessions ended"]
    begin(2)
    assert run(config, "account", "disable", "acc_1", "--reason", "asked for") == ["acc_1 is off"]
    with sqlite3.connect(facts) as file:
        deliveries = file.execute("SELECT client_id, id FROM deliveries ORDER BY id").fetchall()
        audited = file.execute("SELECT details FROM audit WHERE kind = 'session_ended' ORDER BY id").fetchall()
    # only the sample service has a logout URI
    assert deliveries == [("demo-service", "logout:sid-1:demo-service"), ("demo-service", "logout:sid-2:demo-service")]
    assert [json.loads(details)["why"] for (details,) in audited] == ["operator", "account_disabled"]


def test_the_anchor_of_an_account_is_forgotten_with_a_reason_in_the_audit_record(
    config: Configuration, run: Run
) -> None:
    run(config, "migrate")
    assert run(config, "account", "list") == ["nothing is off"]  # makes the key of the identities' digests
    facts = config.folder.parent / ".demo" / "facts.db"
    with sqlite3.connect(facts) as file:
        file.execute("INSERT INTO accounts VALUES ('acc_1', 0)")
        for digest, anchor in (("with", "'digest'"), ("without", "NULL")):
            values = f"'issuer', '{digest}', X'00', 'acc_1', 0, 'bank', 1, {anchor}"
            file.execute(f"INSERT INTO identities VALUES ({values})")
    forget = ("account", "forget-anchor", "acc_1", "--reason", "corrected, asked the bank")
    assert run(config, *forget) == ["1 anchor forgotten"]
    assert run(config, *forget) == ["0 anchors forgotten"]
    with sqlite3.connect(facts) as file:
        rows = file.execute("SELECT account_id, details FROM audit WHERE kind = 'anchor_forgotten'").fetchall()
    assert [(account, json.loads(details)["why"]) for account, details in rows] == [
        ("acc_1", "corrected, asked the bank")
    ]


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
