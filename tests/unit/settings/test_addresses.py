"""Listening addresses, URLs, and whether the database and Redis are reached by TLS."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.settings import DatabaseSettings, EphemeralSettings, address
from broker.settings.urls import check_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8000", ("::1", 8000)), ("localhost:0", ("localhost", 0))],
)
def test_an_address_is_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@given(st.text() | st.from_regex(r"[a-z:\[\]]{0,4}:[0-9]{1,6}", fullmatch=True))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        host, port = address(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535
    assert int(text.rpartition(":")[2]) == port


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=20))
def test_an_address_that_passes_in_production_is_absolute_https_without_fragment(tail: str) -> None:
    for url in (tail, f"https://{tail}", f"https://a.example/{tail}"):
        if not list(check_url("home", url, development=False)):
            assert url.isascii()
            assert url.isprintable()
            assert " " not in url
            assert "#" not in url
            assert url.lower().startswith("https://")
            assert urlsplit(url).hostname


@pytest.mark.parametrize(
    ("settings", "protected"),
    [
        ({"url": "postgresql://a@db.example/p"}, True),
        ({"url": "postgresql://a@10.0.0.7/p"}, True),
        ({"url": "postgresql://a@localhost/p"}, False),
        ({"url": "postgresql://a@127.0.0.1/p"}, False),
        ({"url": "postgresql://a@[::1]/p"}, False),
        ({"url": "postgresql://a@db.example/p", "tls": False}, False),
        ({"url": "postgresql://a@127.0.0.1/p", "tls": True}, True),
        ({"url": "postgresql://a@127.0.0.1/p", "ca_file": Path("ca.pem")}, True),
        ({"url": "sqlite:facts.db"}, False),
    ],
)
def test_postgresql_is_reached_by_verified_tls_unless_it_is_this_machine_or_said_otherwise(
    settings: dict[str, Any], *, protected: bool
) -> None:
    how = DatabaseSettings(**settings).protection
    assert (how is not None) is protected
    assert how is None or how.verify


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("redis://cache/0", False),
        ("rediss://cache/0", True),
        ("rediss+sentinel://one/service", True),
        ("rediss+cluster://one", True),
        ("redis+cluster://one", False),
        ("memory:", False),
    ],
)
def test_the_scheme_of_a_redis_says_whether_it_is_reached_by_verified_tls(url: str, *, protected: bool) -> None:
    how = EphemeralSettings(url).protection
    assert (how is not None) is protected
    assert how is None or how.verify
