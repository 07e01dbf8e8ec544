"""Old keys of settings are rejected with their new names, and no new name is an old one."""

import argparse
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from broker import wiring
from broker.cli import check
from broker.cli.context import CommandContext
from broker.platform.system import System
from broker.settings.renamed_keys import BROKER, PROVIDER, SERVICE, STAFF, rename
from broker.wiring.errors import CommandError
from providers import KINDS
from tests.support.certificates import Authority
from tests.support.configuration import Configuration, prepared
from tests.support.system import FakeClock, FakeRandom

FILES: Mapping[str, Mapping[str, str]] = {
    "broker.toml": BROKER,
    "providers/northbank.toml": PROVIDER,
    "services/travel-office.toml": SERVICE,
    "staff.toml": STAFF,
}
RENAMED = [(file, before, now) for file, renamed in FILES.items() for before, now in renamed.items()]

RATE: Mapping[str, Any] = {"max": 5, "window": "1 minute"}
OTHERS: Mapping[str, Any] = {
    "assisted.max_code_attempts": 4,
    "assisted.max_codes": 4,
    "assisted.max_evidence_requests": 1,
    "assisted.max_duration": "20 days",
    "client_certificates": {"trusted_proxies": ["10.0.0.5/32"]},
    "client_certificates.ca_file": "authority.pem",
    "client_certificates.trusted_proxies": ["10.0.0.5/32"],
    "database.pool_size": 8,
    **{now: 5 if now.endswith(".max") else RATE for now in BROKER.values() if "_per_c" in now or "_per_ip" in now},
    "limits.transactions_per_browser": 5,
    "listen.shutdown_timeout": "10 seconds",
    "listen.trusted_proxies": ["10.0.0.0/8"],
    "http_client": {"allowed_networks": ["10.0.0.0/8"]},
    "http_client.allowed_networks": ["10.0.0.0/8"],
    "dynamic_registration": True,
    "cors_origins": ["http://localhost:9000"],
    "tokens.backchannel_request": "2 minutes",
    "openid.iss_parameter_supported": True,
    "openid.max_connections": 5,
    "openid.reauthentication": ["max_age"],
    "people.skills": ["chip"],
    "policy": {"weight": 1},
    "prerequisites": ["smartphone"],
}
"""Values of keys that the examples leave out, by the new name."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Configuration:
    """The examples with their keys and an authority, made once; each test puts back what it changes."""
    made = prepared(tmp_path_factory.mktemp("renamed"))
    shutil.copy(authority.file, made.folder / "authority.pem")
    return made


@pytest.fixture
def config(made: Configuration) -> Iterator[Configuration]:
    """The examples, which are as before afterwards."""
    kept = {file: (made.folder / file).read_bytes() for file in FILES}
    yield made
    for file, content in kept.items():
        (made.folder / file).write_bytes(content)


def put(table: Any, path: str, value: Any) -> None:
    """Sets a value by its path; in a list of tables, in the first."""
    *outer, last = path.split(".")
    for step in outer:
        table = table.setdefault(step, {})
        table = table[0] if isinstance(table, list) else table
    table[last] = value


def take(table: Any, path: str) -> Any:
    """Takes a value out by its path; None if it is not there."""
    *outer, last = path.split(".")
    for step in outer:
        table = table.get(step, {})
        table = table[0] if isinstance(table, list) else table
    return table.pop(last, None)


def checked(config: Configuration) -> str:
    """Error of `portico check`, or an empty text."""
    machine = CommandContext(
        KINDS,
        System(FakeClock().now, FakeRandom().draw),
        "olu",
        wiring.admin_stores,
        wiring.migrate_schema,
        wiring.connect,
        wiring.test_provider,
    )
    try:
        check.run(argparse.Namespace(config=config.folder, connect=False, strict=False), machine)
    except CommandError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(("file", "before", "now"), RENAMED)
def test_check_rejects_an_old_key_with_its_new_name_and_reads_its_value(
    config: Configuration, file: str, before: str, now: str
) -> None:
    table = config.table(file)
    value = take(table, now)
    if value is None:
        value = OTHERS[now.removeprefix("provider.")]
    outer, _, key = before.rpartition(".")
    section = FILES[file].get(outer, outer)
    old = f"{section}.{key}" if section else key
    put(table, old, value)
    if key == "most":
        put(table, f"{section}.window", "1 minute")
    config.write(file, table)
    said = checked(config)
    place = old.replace("people.", "people[0].")
    assert said.startswith(f"{file}: {place}: this setting was renamed\n    write {now}\n")
    assert "1 problem in" in said


def test_a_new_name_is_no_old_one_and_stays_in_the_table_of_the_old_one() -> None:
    for renamed in FILES.values():
        assert not set(renamed) & set(renamed.values())
        for before, now in renamed.items():
            outer = before.rpartition(".")[0]
            assert now.rpartition(".")[0] == renamed.get(outer, outer)


def test_an_old_key_beside_its_new_name_is_to_be_removed() -> None:
    table, problems = rename({"facts": {"url": "old"}, "database": {"url": "new"}}, BROKER)
    assert table == {"database": {"url": "new"}}
    assert [(one.path, one.fix) for one in problems] == [("facts", "database is set too: remove this")]


def test_every_old_key_of_a_file_is_named_at_once_with_the_path_as_written() -> None:
    table, problems = rename(tomllib.loads('listen = { proxies = ["::1"], drain = 5 }\n[passing]\nurl = "x"'), BROKER)
    assert table == {"listen": {"trusted_proxies": ["::1"], "shutdown_timeout": 5}, "ephemeral": {"url": "x"}}
    assert [(one.path, one.fix) for one in problems] == [
        ("listen.proxies", "write listen.trusted_proxies"),
        ("listen.drain", "write listen.shutdown_timeout"),
        ("passing", "write ephemeral"),
    ]


def test_a_mistyped_key_is_still_answered_with_the_nearest_one(config: Configuration) -> None:
    config.change("broker.toml", "databse", {})
    assert 'databse: no such setting\n    did you mean "database"?' in checked(config)


def test_an_operator_s_file_with_the_prefix_of_self_registered_clients_is_rejected_too(config: Configuration) -> None:
    file = config.folder / "services" / "self-service.toml"
    file.write_bytes(
        (config.folder / "services" / "travel-office.toml").read_bytes().replace(b"answer_timeout", b"patience")
    )
    try:
        assert "services/self-service.toml: patience: this setting was renamed" in checked(config)
    finally:
        file.unlink()
