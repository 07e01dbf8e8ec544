"""Warnings of `portico check`: each is given with its place and mend, and only where it is true."""

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.platform.toml_loader import Problem
from broker.wiring.check_warnings import DAY, KEY_AGE, describe_end, readers, warnings
from tests.support.certificates import Authority
from tests.support.configuration import Configuration, prepared

SECRETS = "../.demo/secrets"


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    """The examples with everything that they name, and nothing to warn of but their only provider of the top level."""
    made = prepared(tmp_path)
    made.change("broker.toml", "keys.rotate_every", "90 days")
    made.change("staff.toml", "people.0.roles", ["agent", "reviewer"])
    for path in (tmp_path / ".demo").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return made


def since(config: Configuration) -> float:
    """When the broker's keys began to be used."""
    return max(path.stat().st_mtime for path in (config.folder.parent / ".demo" / "keys").iterdir())


def warned(config: Configuration, now: float | None = None) -> list[Problem]:
    """The warnings, without the one about the only provider of the top level."""
    found = list(warnings(config.settings(), since(config) if now is None else now))
    return [one for one in found if one.path != "providers/eid"]


def test_a_configuration_in_order_has_no_warning(config: Configuration) -> None:
    assert warned(config) == []


def test_one_reviewer_and_no_telephone_are_named(config: Configuration) -> None:
    config.change("broker.toml", "support.phone", None)
    people = config.table("staff.toml")["people"]
    reviewers = [i for i, one in enumerate(people) if "reviewer" in one["roles"]]
    for i in reviewers[1:]:
        config.change("staff.toml", f"people.{i}.roles", ["agent"])
    found = {one.path: one for one in warned(config)}
    assert set(found) == {"staff.toml: people", "broker.toml: support.phone"}
    assert found["staff.toml: people"].what.startswith("one person has the role reviewer")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("secrets/northbank.pem", "providers/northbank: openid.key_file"),
        ("secrets/staff.pem", "providers/staff: openid.key_file"),
        ("secrets/demo-service", "services/demo-service: secret_file"),
    ],
)
def test_a_secret_that_every_user_may_read_is_named(config: Configuration, path: str, place: str) -> None:
    file = config.folder.parent / ".demo" / path
    file.chmod(0o644)
    [found] = warned(config)
    assert found.path == place
    assert found.what == f"{file} is readable by every user of this machine"
    assert found.fix == f"chmod {'640' if file.stat().st_uid == 0 else '600'} {file}"


def test_a_sealing_secret_that_a_group_may_read_is_named(config: Configuration) -> None:
    [file] = (config.folder.parent / ".demo" / "keys").glob("sealing-*")
    file.chmod(0o640)
    if os.geteuid() == 0:
        assert warned(config) == []
        os.chown(file, 54321, -1)
    [found] = warned(config)
    assert (found.path, found.what) == ("broker.toml: keys.folder", f"{file} is readable by its group")


@given(st.integers(0, 0o777), st.integers(0, 3))
def test_who_may_read_a_file_follows_from_its_mode_and_owner(mode: int, owner: int) -> None:
    said = readers(mode, owner)
    assert (said == "every user of this machine") is bool(mode & 0o004)
    assert (said is None) is not (mode & 0o004 or (mode & 0o040 and owner))


def test_a_certificate_that_ends_soon_is_named(config: Configuration, authority: Authority) -> None:
    made = authority.client("CN=portico")  # ends within days
    folder = config.folder.parent / ".demo" / "secrets"
    (folder / "portico.crt").write_bytes(made.chain.read_bytes())
    (folder / "portico.key").write_bytes(made.key.read_bytes())
    (folder / "portico.key").chmod(0o600)
    files = {"cert_file": f"{SECRETS}/portico.crt", "key_file": f"{SECRETS}/portico.key"}
    config.change("broker.toml", "ephemeral", {"url": "rediss://localhost:1/0", **files})
    [found] = warned(config)
    assert found.path == "broker.toml: ephemeral.cert_file"
    assert found.what.startswith("the certificate of CN=portico ends within 7 days, on 20")
    assert "portico.crt" in found.fix
    (folder / "portico.crt").write_bytes(made.chain.read_bytes() + made.key.read_bytes())
    (folder / "portico.crt").chmod(0o644)
    assert any("portico.crt is readable by every user" in one.what for one in warned(config))


@given(st.integers(-400, 400))
def test_the_end_of_something_is_told_in_steps_of_60_30_14_and_7_days(days: int) -> None:
    now = 1_800_000_000.0
    said = describe_end(now + days * DAY, now)
    if days > 60:
        assert said is None
    elif days <= 0:
        assert (said or "").startswith("ended on 20")
    else:
        step = 7 if days <= 7 else 14 if days <= 14 else 30 if days <= 30 else 60
        assert (said or "").startswith(f"ends within {step} days, on 20")


def test_the_day_of_an_end_is_told_in_utc() -> None:
    assert describe_end(1_800_000_000.0, 1_800_000_000.0) == f"ended on {date(2027, 1, 15)}"


def test_a_schedule_that_does_not_run_is_named(config: Configuration) -> None:
    late = since(config) + 92 * DAY
    assert {one.path for one in warned(config, late)} == {"broker.toml: keys.rotate_every"}
    assert all("was due by schedule" in one.what for one in warned(config, late))


def test_without_a_schedule_that_is_named_and_so_are_keys_of_a_year(config: Configuration) -> None:
    config.change("broker.toml", "keys.rotate_every", None)
    [found] = warned(config)
    assert (found.path, found.what) == ("broker.toml: keys.rotate_every", "no schedule replaces the broker's keys")
    old = warned(config, since(config) + KEY_AGE - 10 * DAY)[1:]
    assert old
    assert {(one.path, one.fix) for one in old} == {("broker.toml: keys.folder", "portico keys rotate")}
