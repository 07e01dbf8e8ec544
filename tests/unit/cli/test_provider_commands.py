"""Commands on providers and accounts: off, paused, tested, ended, and what `check` says of providers."""

import json
import sqlite3
from datetime import date

import pytest

from broker.wiring.errors import NOT_NOW, CommandError
from tests.support.configuration import Configuration
from tests.unit.cli.conftest import Run, refused

pytestmark = pytest.mark.store


def test_check_warns_of_a_provider_that_alone_reaches_a_level(config: Configuration, run: Run) -> None:
    said = run(config, "check")
    assert "warning:   providers/eid: only eid reaches the level high (needed by travel-office)" in said
    assert [line for line in said if line.startswith("note:")] == [
        "note:      service travel-office: a person cannot help at level high; in the profile file it would take a "
        "proof under [authentication] of that level. Its citizens are told so before they choose",
    ]
    config.change("services/land-register.toml", "providers", ["harbour"])
    assert any("only harbour reaches the level" in line for line in run(config, "check"))
    config.change("providers/harbour.toml", "max_level", "high")
    assert not any("only eid reaches" in line for line in run(config, "check"))


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


def with_account(config: Configuration, account: str) -> None:
    """Adds an account to the database."""
    with sqlite3.connect(config.folder.parent / ".demo" / "facts.db") as file:
        file.execute("INSERT INTO accounts (id, created) VALUES (?, 0)", (account,))


def test_an_account_can_be_turned_off_and_on_again(config: Configuration, run: Run) -> None:
    run(config, "migrate")
    with_account(config, "acc_1")
    assert run(config, "account", "disable", "acc_1", "--reason", "asked for") == ["acc_1 is off"]
    assert run(config, "account", "list") == ["acc_1  off since 2027-01-15 08:00 UTC by olu: asked for"]
    assert run(config, "account", "enable", "acc_1") == ["acc_1 is on again"]


@pytest.mark.parametrize("verb", ["disable", "sign-out", "forget-anchor"])
def test_an_account_that_is_not_there_is_refused_and_nothing_is_written(
    config: Configuration, run: Run, verb: str
) -> None:
    run(config, "migrate")
    with_account(config, "acc_1")
    words = () if verb == "sign-out" else ("--reason", "asked for")
    why = refused(run, config, "account", verb, "acc_11", *words)
    assert why.startswith('there is no account "acc_11"\n    copy the id whole from the audit record')
    with sqlite3.connect(config.folder.parent / ".demo" / "facts.db") as file:
        assert file.execute("SELECT count(*) FROM kill_switches").fetchone() == (0,)
        assert file.execute("SELECT count(*) FROM audit").fetchone() == (0,)


def test_turning_something_off_needs_a_reason(config: Configuration, run: Run) -> None:
    with pytest.raises(SystemExit):
        run(config, "provider", "disable", "northbank")


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
            values = f"'digest-{number}', 'sid-{number}', 'acc_1', 0, 0, 4e9, 1"
            columns = "digest, sid, account_id, created, used, expires, epoch"
            file.execute(f"INSERT INTO sessions ({columns}) VALUES ({values})")
            for client in ("demo-service", "land-register"):
                file.execute(f"INSERT INTO session_clients VALUES ('sid-{number}', '{client}', 'sub', 0, 0, 4e9)")

    with_account(config, "acc_1")
    begin(1)
    assert run(config, "account", "sign-out", "acc_1") == ["1 session ended"]
    assert run(config, "account", "sign-out", "acc_1") == ["0 sessions ended"]
    begin(2)
    assert run(config, "account", "disable", "acc_1", "--reason", "asked for") == ["acc_1 is off"]
    with sqlite3.connect(facts) as file:
        deliveries = file.execute(
            "SELECT client_id, id FROM deliveries WHERE kind = 'backchannel_logout' ORDER BY id"
        ).fetchall()
        told = file.execute(
            "SELECT client_id, count(*) FROM deliveries WHERE kind = 'security_event' GROUP BY 1"
        ).fetchall()
        audited = file.execute("SELECT details FROM audit WHERE kind = 'session_ended' ORDER BY id").fetchall()
    # only the sample service has a logout URI
    assert deliveries == [("demo-service", "logout:sid-1:demo-service"), ("demo-service", "logout:sid-2:demo-service")]
    assert told == [("demo-service", 2)]  # the only one that takes security events
    assert [json.loads(details)["why"] for (details,) in audited] == ["operator", "account_disabled"]


def test_the_anchor_of_an_account_is_forgotten_with_a_reason_in_the_audit_record(
    config: Configuration, run: Run
) -> None:
    run(config, "migrate")
    assert run(config, "account", "list") == ["nothing is off"]  # makes the key of the identities' digests
    facts = config.folder.parent / ".demo" / "facts.db"
    with sqlite3.connect(facts) as file:
        file.execute("INSERT INTO accounts (id, created) VALUES ('acc_1', 0)")
        for digest, anchor in (("with", "'digest'"), ("without", "NULL")):
            columns = "issuer, digest, sealed, account_id, created, provider, level, anchor"
            values = f"'issuer', '{digest}', X'00', 'acc_1', 0, 'bank', 1, {anchor}"
            file.execute(f"INSERT INTO identities ({columns}) VALUES ({values})")
    forget = ("account", "forget-anchor", "acc_1", "--reason", "corrected, asked the bank")
    assert run(config, *forget) == ["1 anchor forgotten"]
    assert run(config, *forget) == ["0 anchors forgotten"]
    with sqlite3.connect(facts) as file:
        rows = file.execute("SELECT account_id, details FROM audit WHERE kind = 'anchor_forgotten'").fetchall()
    assert [(account, json.loads(details)["why"]) for account, details in rows] == [
        ("acc_1", "corrected, asked the bank")
    ]
