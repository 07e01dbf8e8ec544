"""`portico keys rotate --provider`: the broker's keys at a provider take turns, and no token is lost meanwhile."""

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from broker import wiring
from broker.cli.context import CommandContext
from broker.cli.main import command_line
from broker.crypto.jwe_upstream import DecryptionPolicy, decrypt_upstream
from broker.platform.operator_files import content
from broker.platform.system import System
from broker.settings import load
from broker.wiring.errors import CommandError
from broker.wiring.provider_key_rotation import NOTICE
from providers import KINDS
from providers.openid.own_keys import OwnKeys, load_own_keys
from tests.support.configuration import Configuration, examples, prepared
from tests.support.system import FakeClock, FakeRandom

pytestmark = pytest.mark.store

BANK = "providers/northbank.toml"
SIGNING = {"openid.published_key_files": ["../../.demo/next.pem", "../../.demo/previous.pem"]}
DECRYPTION = {"openid.encryption_key_files": ["../../.demo/enc.pem", "../../.demo/enc-previous.pem"]}
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
def config(made: Path, tmp_path: Path) -> Configuration:
    """The examples, with links to their keys."""
    found = examples(tmp_path)
    (tmp_path / ".demo").mkdir()
    for file in (made / ".demo").iterdir():
        (tmp_path / ".demo" / file.name).symlink_to(file)
    return found


@pytest.fixture
def run(config: Configuration, clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line, and gives the lines that it printed."""
    machine = CommandContext(
        KINDS,
        System(clock.now, FakeRandom().draw, clock.tick),
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

    return run


def slots(config: Configuration, run: Run, clock: FakeClock, **changes: Any) -> None:
    """Lists further key files, makes them and the database; they are as old as the clock says."""
    for name, value in changes.items():
        config.change(BANK, name, value)
    run("keys", "init")
    run("migrate")
    for file in (config.folder.parent / ".demo").glob("*.pem"):
        if not file.is_symlink():
            os.utime(file, (clock.now(), clock.now()))


def own(config: Configuration) -> OwnKeys:
    """The broker's keys at the bank, as a worker that starts or reloads reads them."""
    settings = load(config.folder, KINDS)
    assert not isinstance(settings, list), settings
    return load_own_keys(settings.providers["northbank"].config, content)


def published(config: Configuration) -> set[str]:
    """The ids of the keys at `/providers/northbank/jwks`."""
    keys = own(config).jwks["keys"]
    assert isinstance(keys, list)
    return {str(key["kid"]) for key in keys}


def test_the_next_key_signs_after_a_day_and_the_one_before_stays_published(
    config: Configuration, run: Run, clock: FakeClock
) -> None:
    slots(config, run, clock, **SIGNING)
    before = own(config)
    assert before.assertion is not None
    following = before.published[0].kid
    with pytest.raises(CommandError, match="may not know the next key yet"):
        run("keys", "rotate", "--provider", "northbank")
    assert own(config) == before
    clock.advance(NOTICE)
    lines = run("keys", "rotate", "--provider", "northbank")
    assert lines[:2] == [
        f"provider key retired: ES256 {before.assertion.kid}",
        f"provider key promoted: ES256 {following}",
    ]
    after = own(config)
    assert after.assertion is not None
    assert after.assertion.kid == following
    assert {before.assertion.kid, following} < published(config)
    assert len(published(config)) == 3
    printed = json.loads("\n".join(run("keys", "public", "northbank")))
    assert {key["kid"] for key in printed["keys"]} == published(config)
    with sqlite3.connect(config.folder.parent / ".demo" / "facts.db") as database:
        rows = database.execute("SELECT kind, actor, details FROM audit WHERE kind LIKE 'provider_key_%'").fetchall()
    assert [(kind, actor) for kind, actor, _ in rows] == [
        ("provider_key_retired", "olu"),
        ("provider_key_promoted", "olu"),
        ("provider_key_announced", "olu"),
    ]
    assert "PRIVATE" not in str(rows)


def test_a_rotation_that_was_interrupted_is_completed_and_loses_no_key(
    config: Configuration, run: Run, clock: FakeClock
) -> None:
    slots(config, run, clock, **SIGNING)
    keys = config.folder.parent / ".demo"
    current = next(path for path in own_files(config) if "key_file" in str(path[0]))[1]
    current_pem, following = current.read_bytes(), (keys / "next.pem").read_bytes()
    current.unlink()
    current.write_bytes(following)  # as if the process died before it made a new next key
    (keys / "previous.pem").write_bytes(current_pem)
    [line, *_] = run("keys", "rotate", "--provider", "northbank")
    assert line.startswith("provider key announced: ES256")
    assert current.read_bytes() == following
    assert (keys / "previous.pem").read_bytes() == current_pem
    assert (keys / "next.pem").read_bytes() not in (following, current_pem)


def own_files(config: Configuration) -> list[tuple[str, Path]]:
    """The settings of the bank that name files."""
    settings = load(config.folder, KINDS)
    assert not isinstance(settings, list), settings
    return [(name, path) for name, path in settings.providers["northbank"].files() if name == "key_file"]


@pytest.mark.parametrize(("kind", "alg"), [("EC", "ECDH-ES+A256KW"), ("RSA", "RSA-OAEP-256")])
def test_a_token_for_the_key_before_is_opened_after_the_rotation(
    config: Configuration, run: Run, clock: FakeClock, kind: str, alg: str
) -> None:
    slots(config, run, clock, **DECRYPTION, **{"openid.id_token": {"form": "nested", "encryption_algorithms": [alg]}})
    enc = config.folder.parent / ".demo" / "enc.pem"
    if kind == "RSA":
        for file in (enc, enc.with_name("enc-previous.pem")):
            file.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
            os.utime(file, (clock.now(), clock.now()))
    before = own(config).decryption[0]
    public = (RSAKey if kind == "RSA" else ECKey).import_key(dict(before.jwk))
    token = jwe.encrypt_compact({"alg": alg, "enc": "A256GCM", "kid": before.kid}, b"a token", public, [alg, "A256GCM"])
    clock.advance(NOTICE)
    run("keys", "rotate", "--provider", "northbank", "--use", "decryption")
    after = own(config)
    assert after.decryption[0].kid != before.kid
    assert before.kid not in published(config)
    assert after.decryption[0].kid in published(config)
    policy = DecryptionPolicy((alg,), ("A256GCM",))
    assert decrypt_upstream(token, after.decryption, policy).payload == b"a token"
    with pytest.raises(CommandError, match="given up"):
        run("keys", "rotate", "--provider", "northbank", "--use", "decryption")
    run("keys", "rotate", "--provider", "northbank", "--use", "decryption", "--now")
    assert before.kid not in [key.kid for key in own(config).decryption]


def test_what_cannot_be_changed_is_refused_with_what_to_do(config: Configuration, run: Run, clock: FakeClock) -> None:
    slots(config, run, clock)
    with pytest.raises(CommandError, match="a next and a previous key"):
        run("keys", "rotate", "--provider", "northbank")
    for words in (("nobody",), ("northbank", "--use", "decryption"), ("northbank", "--alg", "ES256")):
        with pytest.raises(CommandError, match="no key to change"):
            run("keys", "rotate", "--provider", *words)
    slots(config, run, clock, **SIGNING, **{"openid.key_id": "our-key"})
    with pytest.raises(CommandError, match="key_id"):
        run("keys", "rotate", "--provider", "northbank", "--now")


def test_new_keys_are_for_their_owner_alone(config: Configuration, run: Run, clock: FakeClock) -> None:
    slots(config, run, clock, **SIGNING)
    run("keys", "rotate", "--provider", "northbank", "--now")
    for name in ("next.pem", "previous.pem"):
        assert (config.folder.parent / ".demo" / name).stat().st_mode & 0o777 == 0o600
    assert not [*(config.folder.parent / ".demo").glob(".*.new")]
