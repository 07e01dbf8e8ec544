"""`portico keys` changes keys, as operators type it, over a real configuration and a real database."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broker import wiring
from broker.cli import keys as cli_keys
from broker.cli.context import CommandContext
from broker.cli.main import command_line
from broker.cli.rotate_keys import SETTLING
from broker.crypto import keys
from broker.crypto.keys import KeyState
from broker.crypto.keys.index import Index, load_index
from broker.platform.system import System
from broker.platform.toml_loader import Problem
from broker.wiring.errors import CommandError
from providers import KINDS
from tests.support.configuration import Configuration, examples, prepared
from tests.support.system import FakeClock, FakeRandom
from tests.unit.crypto.keys.folders import DAY, small

pytestmark = pytest.mark.store

Run = Callable[..., Sequence[str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with their keys and database, made once."""
    folder = tmp_path_factory.mktemp("made")
    prepared(folder)
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def run(made: Path, tmp_path: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line over a configuration whose keys are quickly made, and gives the lines that it printed."""
    config, chance = examples(tmp_path), FakeRandom()
    config.change("services/travel-office.toml", "id_token_alg", "ES256")
    (tmp_path / ".demo").mkdir()
    small(tmp_path / ".demo" / "keys", "ES256", "EdDSA", since=clock.now())
    for folder in (made / ".demo").iterdir():
        if folder.name != "keys":
            (tmp_path / ".demo" / folder.name).symlink_to(folder)
    machine = CommandContext(
        KINDS,
        System(clock.now, chance.draw, clock.tick),
        "olu",
        wiring.admin_stores,
        wiring.migrate_schema,
        wiring.connect,
        wiring.test_provider,
    )

    def run(*words: str) -> Sequence[str]:
        args = command_line(lambda: machine).parse_args([*words, "--config", str(config.folder)])
        capsys.readouterr()
        assert args.run(args) == 0
        return capsys.readouterr().out.splitlines()

    run("migrate")
    return run


def ring(tmp_path: Path) -> keys.KeyRing:
    return keys.load_all(tmp_path / ".demo" / "keys")


def audited(tmp_path: Path) -> list[tuple[str, str, str]]:
    """Kind, actor and details of every audit row about keys."""
    with sqlite3.connect(tmp_path / ".demo" / "facts.db") as database:
        rows = database.execute("SELECT kind, actor, details FROM audit WHERE kind LIKE '%key%' ORDER BY id")
        return [(kind, actor, str(details)) for kind, actor, details in rows]


def test_rotating_takes_one_step_for_each_algorithm_and_is_audited(run: Run, tmp_path: Path, clock: FakeClock) -> None:
    old = ring(tmp_path)
    said = run("keys", "rotate", "--by", "Ana")
    assert [line.split(":")[0] for line in said] == ["signing key shown"] * 2
    assert ring(tmp_path).current.keys() == {"ES256", "EdDSA"}
    assert ring(tmp_path).signing("ES256").kid == old.signing("ES256").kid
    clock.advance(DAY)
    run("keys", "rotate", "--alg", "ES256")
    assert ring(tmp_path).signing("ES256").kid != old.signing("ES256").kid
    assert ring(tmp_path).signing("EdDSA").kid == old.signing("EdDSA").kid
    rows = audited(tmp_path)
    assert [(kind, actor) for kind, actor, _ in rows[:2]] == [("signing_key_shown", "Ana")] * 2
    recorded = {(kind, actor): details for kind, actor, details in rows[2:]}
    assert recorded.keys() == {("signing_key_used", "olu"), ("signing_key_retired", "olu")}
    assert ring(tmp_path).signing("ES256").kid in recorded["signing_key_used", "olu"]
    assert old.signing("ES256").kid in recorded["signing_key_retired", "olu"]


def test_rotating_makes_the_keys_to_decrypt_with_that_an_earlier_release_did_not(run: Run, tmp_path: Path) -> None:
    assert not ring(tmp_path).decryption
    run("keys", "rotate", "--alg", "ES256")
    assert sorted(key.alg for key in ring(tmp_path).decryption.values()) == ["ECDH-ES+A256KW", "RSA-OAEP-256"]


def test_rotating_too_early_is_refused_with_the_moment_from_which_it_is_not(run: Run) -> None:
    run("keys", "rotate")
    with pytest.raises(
        CommandError, match="next key for ES256 is not known to every service before 2027-01-16 08:00 UTC"
    ):
        run("keys", "rotate")


def test_rotation_reports_the_keys_that_cannot_be_rotated_yet(run: Run) -> None:
    run("keys", "rotate", "--alg", "ES256")
    said = run("keys", "rotate")
    assert said[0].startswith("signing key shown: EdDSA")
    assert "the next key for ES256 is not known to every service" in said[1]


def test_rotate_now_lets_a_key_sign_early(run: Run, clock: FakeClock) -> None:
    run("keys", "rotate", "--alg", "ES256")
    clock.advance(SETTLING)
    said = run("keys", "rotate", "--alg", "ES256", "--now")
    assert sorted(line.split(":")[0] for line in said) == ["signing key retired", "signing key used"]


def test_emergency_rotation_removes_all_other_keys_and_prints_the_consequences(run: Run, tmp_path: Path) -> None:
    old = ring(tmp_path).signing("ES256").kid
    run("keys", "rotate", "--alg", "ES256")
    said = run("keys", "rotate", "--alg", "ES256", "--emergency", "--settle", "0")
    assert said[-1] == "every worker follows within seconds; ID tokens signed by the removed keys verify no more"
    listed = ring(tmp_path).listed
    assert old not in listed
    assert [entry.state for entry in listed.values() if entry.alg == "ES256"] == [KeyState.CURRENT]
    assert ("signing_key_removed", "olu") in [(kind, actor) for kind, actor, _ in audited(tmp_path)]


def test_in_an_emergency_a_next_key_that_is_safe_is_kept(run: Run, tmp_path: Path) -> None:
    run("keys", "rotate", "--alg", "ES256")
    (safe,) = [kid for kid, entry in ring(tmp_path).listed.items() if entry.state is KeyState.NEXT]
    run("keys", "rotate", "--alg", "ES256", "--emergency", "--keep-next", "--settle", "0")
    assert ring(tmp_path).signing("ES256").kid == safe


def test_emergency_rotation_needs_no_database_and_reports_the_missing_audit_row(run: Run, tmp_path: Path) -> None:
    old = ring(tmp_path).signing("ES256").kid
    (tmp_path / ".demo" / "facts.db").unlink()
    with pytest.raises(CommandError, match="the keys are changed, but the audit record does not say so"):
        run("keys", "rotate", "--alg", "ES256", "--emergency", "--settle", "0")
    assert old not in ring(tmp_path).listed


def test_retiring_removes_keys_whose_tokens_have_expired(run: Run, clock: FakeClock) -> None:
    run("keys", "rotate", "--alg", "ES256")
    clock.advance(DAY)
    run("keys", "rotate", "--alg", "ES256")
    assert run("keys", "retire") == ["there is no retired key whose time is over"]
    clock.advance(8 * 3600 + 360)
    (said,) = run("keys", "retire")
    assert said.startswith("signing key removed: ES256")


def test_listing_shows_the_age_and_next_step_of_each_key(run: Run, tmp_path: Path, clock: FakeClock) -> None:
    run("keys", "rotate", "--alg", "ES256")
    said = run("keys", "list")
    kids = {entry.state: kid for kid, entry in ring(tmp_path).listed.items() if entry.alg == "ES256"}
    since = "since 2027-01-15 08:00 UTC"
    assert f"next      ES256    {kids[KeyState.NEXT]}  {since}; may sign from 2027-01-16 08:00 UTC" in said
    assert f"signs     ES256    {kids[KeyState.CURRENT]}  {since}" in said
    assert any(line.startswith("decrypts  ECDH-ES+A256KW ") for line in said)
    Configuration(tmp_path / "config").change("broker.toml", "keys.rotate_every", "90 days")
    clock.advance(DAY)
    run("keys", "rotate", "--alg", "ES256")
    said = run("keys", "list")
    assert (
        f"retired   ES256    {kids[KeyState.CURRENT]}  since 2027-01-16 08:00 UTC; `portico keys retire` takes"
        in "\n".join(said)
    )
    assert "its change begins by itself 2027-04-15 08:00 UTC" in "\n".join(said)


@pytest.mark.parametrize("changes", [1, 99])
def test_a_list_is_of_one_moment_while_a_worker_changes_keys(
    run: Run, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    before, read, calls = run("keys", "list"), load_index, []

    def load(folder: Path) -> tuple[Index | None, list[Problem]]:
        index, problems = read(folder)
        assert index is not None
        calls.append(folder)
        return (replace(index, signing=index.signing[1:]) if len(calls) <= changes else index), problems

    monkeypatch.setattr(cli_keys, "load_index", load)
    if changes == 1:
        assert run("keys", "list") == before
    else:
        with pytest.raises(CommandError, match="changed while it was read: try again"):
            run("keys", "list")
