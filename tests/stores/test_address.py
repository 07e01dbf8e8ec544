"""Addresses of a Redis, read as redis-py reads them, as far as they may be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from broker.store_urls import BadUrl
from broker.stores.passing.address import place

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,8}[a-z0-9])?){0,2}", fullmatch=True)
HOSTS = NAMES | st.sampled_from(["127.0.0.1", "[::1]", "[fe80::1]"])
USERS = st.just("") | st.from_regex(r"([A-Za-z0-9._-]|%21){1,8}@", fullmatch=True)
SECRETS = st.just("") | st.from_regex(r"[A-Za-z0-9._-]{0,8}:([A-Za-z0-9._-]|%21){1,8}@", fullmatch=True)
PORTS = st.just("") | st.integers(1, 65535).map(lambda port: f":{port}")
NUMBERS = st.sampled_from(["", "/"]) | st.integers(0, 15).map(lambda number: f"/{number}")


@given(st.sampled_from(["redis", "rediss"]), USERS | SECRETS, HOSTS, PORTS, NUMBERS)
def test_an_address_means_what_it_means_to_redis_py(scheme: str, who: str, host: str, port: str, number: str) -> None:
    url = f"{scheme}://{who}{host}{port}{number}"
    wanted, found = parse_url(url), place(url, None)
    assert found.host == wanted.get("host")
    assert found.port == wanted.get("port", 6379)
    assert found.database == wanted.get("db", 0)
    assert found.user == (wanted.get("username") or None)
    assert found.password == wanted.get("password")
    assert (found.tls is not None) == (scheme == "rediss")


def test_a_password_of_its_own_counts_for_more_than_one_in_the_address() -> None:
    assert place("redis://me:known@here", "secret").password == "secret"


@pytest.mark.parametrize(
    "url",
    [
        "redis://here:port",
        "redis://here:99999",
        "redis://[::1",
        "redis://here?db=3",
        "rediss://here/0?ssl_cert_reqs=none",
        "redis://here/first",
        "unix:///run/redis.sock",
        "http://here",
    ],
)
def test_what_is_no_address_of_a_redis_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        place(url, None)
