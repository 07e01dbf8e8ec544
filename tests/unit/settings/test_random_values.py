"""Random values in a service's file: `portico check` accepts the file or reports a problem, and never fails."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import wiring
from broker.cli import check
from broker.cli.context import CommandContext
from broker.platform.system import System
from broker.wiring.errors import CommandError
from providers import KINDS
from tests.support.configuration import Configuration, prepared
from tests.support.examples import scaled
from tests.support.outcome import outcome
from tests.support.system import FakeClock, FakeRandom

FILE = "services/land-register.toml"

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
telling = st.sampled_from(
    [
        *(
            "https://land.example/a",
            "https://[::1",
            "https://land.example:99999/",
            "http://localhost:8000/x",
            "//x",
            "a:b",
        ),
        *("openid", "email", "nmae", "land.example", "private_key_jwt", "client_secret_basic", "oidc", "high", "0 s"),
        *("../../.demo/secrets/land-register.jwks.json", "../broker.toml", "..", "\0", "RS256", "ping", "ECDH-ES"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | telling,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """The examples, made once; each example of a test writes the file again."""
    return prepared(tmp_path_factory.mktemp("any"))


@pytest.fixture
def untouched(config: Configuration) -> Iterator[Path]:
    """The file, which is as before afterwards."""
    file = config.folder / FILE
    before = file.read_bytes()
    yield file
    file.write_bytes(before)


def checked(config: Configuration) -> bool:
    """Whether the command finds all of it right. Any other exception than its refusal is a fault of ours."""
    machine = CommandContext(
        KINDS,
        System(FakeClock().now, FakeRandom().draw),
        "olu",
        wiring.admin_stores,
        wiring.migrate_schema,
        wiring.connect,
        wiring.test_provider,
    )
    ended = outcome(
        lambda: check.run(argparse.Namespace(config=config.folder, connect=False, strict=False), machine), CommandError
    )
    assert not isinstance(ended, CommandError) or "problem" in str(ended)
    return ended == 0


def writable(value: Any) -> Any:
    """A value reduced to what TOML can express."""
    if isinstance(value, dict):
        return {key: writable(one) for key, one in value.items() if one is not None}
    return [writable(one) for one in value if one is not None] if isinstance(value, list) else value


@given(data=st.data())
@settings(max_examples=scaled(60))
def test_any_value_in_any_place_is_right_or_refused(config: Configuration, data: st.DataObject) -> None:
    file = config.folder / FILE
    before = file.read_bytes()
    try:
        table = config.table(FILE)
        for _ in range(data.draw(st.integers(1, 3))):
            place: Any = table
            while True:
                known = list(place) if isinstance(place, dict) else list(range(len(place)))
                if not known:
                    break
                key = data.draw(st.sampled_from(known + (["jwks", "jwks_uri", "ciba"] if place is table else [])))
                inside = place[key] if isinstance(place, list) else place.get(key)
                if isinstance(inside, dict | list) and data.draw(st.booleans()):
                    place = inside
                    continue
                place[key] = data.draw(values)
                break
        config.write(FILE, writable(table))
        checked(config)
    finally:
        file.write_bytes(before)


@given(cut=st.integers(0, 2000), length=st.integers(0, 40), instead=st.binary(max_size=12))
@settings(max_examples=scaled(60))
def test_any_bytes_in_the_file_are_right_or_refused(
    config: Configuration, cut: int, length: int, instead: bytes
) -> None:
    file = config.folder / FILE
    before = file.read_bytes()
    try:
        file.write_bytes(before[:cut] + instead + before[cut + length :])
        checked(config)
    finally:
        file.write_bytes(before)


def test_the_untouched_file_is_right(config: Configuration, untouched: Path) -> None:
    assert checked(config)
    untouched.write_text("?")
    assert not checked(config)
