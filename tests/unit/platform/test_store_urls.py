"""URLs of stores: what they mean, and what is refused in which words. A refusal never repeats a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.platform.store_urls import POSTGRESQL, REDIS, REDIS_TLS, BadUrl, StoreUrl, read_store_url
from tests.support.outcome import outcome

ALL = (POSTGRESQL, REDIS, REDIS_TLS)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("postgresql://ann@db.example:6543/facts", StoreUrl("postgresql", "db.example", 6543, "ann", "facts")),
        ("postgresql://db.example/facts", StoreUrl("postgresql", "db.example", 5432, None, "facts")),
        ("postgresql://a%40b@[2001:db8::1]/x%2Fy", StoreUrl("postgresql", "2001:db8::1", 5432, "a@b", "x/y")),
        ("redis://here", StoreUrl("redis", "here", 6379, None, "0")),
        ("rediss://ann@here:6380/3", StoreUrl("rediss", "here", 6380, "ann", "3")),
    ],
)
def test_the_parts_of_a_store_url_are_decoded(url: str, read: StoreUrl) -> None:
    assert read_store_url(url, *ALL) == read


OPTIONS = [
    ("sslmode", "use the settings tls and verify"),
    ("SSLMODE", "use the settings tls and verify"),
    ("sslrootcert", 'ca_file = "..."'),
    ("sslcert", 'cert_file = "..."'),
    ("sslkey", 'key_file = "..."'),
    ("application_name", "remove it from the URL"),
    ("target_session_attrs", "remove it from the URL"),
    ("connect_timeout", "remove it from the URL"),
    ("options", "remove it from the URL"),
    ("host", "write the host before the database"),
]
REDIS_OPTIONS = [
    ("ssl_cert_reqs", "verify = false"),
    ("ssl_ca_certs", 'ca_file = "..."'),
    ("db", "redis://host:6379/3"),
    ("protocol", "remove it from the URL"),
    ("socket_timeout", "remove it from the URL"),
]


@pytest.mark.parametrize(
    ("url", "option", "fix"),
    [
        *((f"postgresql://a@b/c?{name}=x", name, fix) for name, fix in OPTIONS),
        *((f"rediss://b/0?{name}=x", name, fix) for name, fix in REDIS_OPTIONS),
        ("postgresql://a@b/c?sslmode", "sslmode", "use the settings"),
    ],
)
def test_an_option_in_a_store_url_is_refused_by_its_name_with_the_setting_to_use(
    url: str, option: str, fix: str
) -> None:
    with pytest.raises(BadUrl) as bad:
        read_store_url(url, *ALL)
    assert f'the option "{option}" is not known in a URL' == bad.value.what
    assert fix in bad.value.fix


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "no such store"),
        ("db.example", "no such store"),
        ("mysql://a@b/c", "no such store"),
        ("postgres://a@b/c", "no such store"),
        ("postgresql+asyncpg://a@b/c", "no such store"),
        ("redis+tls://b/0", "no such store"),
        ("unix:///run/redis.sock", "no such store"),
        ("postgresql://a@b", "the database is missing"),
        ("postgresql://a@/c", "the host is missing"),
        ("postgresql:///c", "the host is missing"),
        ("postgresql://a@b:port/c", "this is not a URL"),
        ("postgresql://a@b:0/c", "there is no port 0"),
        ("postgresql://a@b:70000/c", "this is not a URL"),
        ("postgresql://a@[::1/c", "this is not a URL"),
        ("postgresql://a@b,d/c", "this host cannot be used"),
        ("postgresql://a@%2Frun%2Fpostgresql/c", "this host cannot be used"),
        ("postgresql://a@b/c#d", "the URL has a fragment"),
        ("postgresql://a@b/c d", "this is not a URL"),
        ("postgresql://a@b/\u00e9", "this is not a URL"),
        ("redis://b/first", "a Redis database is a number"),
        ("redis://b/-1", "a Redis database is a number"),
        ("redis://b/0?password=sesame", "the URL contains a password"),
    ],
)
def test_a_store_url_that_cannot_be_used_is_refused_with_a_fix(url: str, what: str) -> None:
    with pytest.raises(BadUrl) as bad:
        read_store_url(url, *ALL)
    assert bad.value.what == what
    assert bad.value.fix
    assert "sesame" not in str(bad.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("db.example", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("0.0.0.0", False),
    ],
)
def test_only_this_machine_itself_is_local(host: str, *, local: bool) -> None:
    assert read_store_url(f"postgresql://a@{host}/c", POSTGRESQL).local is local


@given(st.sampled_from([f"{scheme}://" for scheme in ALL]), st.text(max_size=40))
def test_any_text_after_a_scheme_is_read_or_refused(scheme: str, rest: str) -> None:
    found = outcome(lambda: read_store_url(scheme + rest, *ALL), BadUrl)
    if isinstance(found, BadUrl):
        assert found.what
        assert found.fix
    else:
        assert found.host
        assert 0 < found.port < 65536


@pytest.mark.parametrize("host", [".db", "db..internal", "db..", "h" * 64, ".".join(["h" * 60] * 5), "-db", "d;b"])
@pytest.mark.parametrize("scheme", ["postgresql", "redis", "rediss"])
def test_a_host_that_no_resolver_takes_is_refused(scheme: str, host: str) -> None:
    with pytest.raises(BadUrl, match="this is not a host name"):
        read_store_url(f"{scheme}://{host}/0", *ALL)


@pytest.mark.parametrize(
    "host", ["db", "DB.internal", "db.internal.", "my_db", "xn--bcher-kva.example", "10.0.0.1", "[::1]"]
)
def test_a_host_that_resolvers_take_is_kept(host: str) -> None:
    assert read_store_url(f"postgresql://{host}/facts", *ALL).host == host.strip("[]").lower()


@pytest.mark.parametrize(
    ("part", "why"),
    [("%00", "control characters"), ("a%0Ab", "control characters"), ("%ff", "not UTF-8"), ("50%", "percent-encoded")],
)
def test_a_part_of_a_store_url_that_is_no_text_is_refused_by_its_name(part: str, why: str) -> None:
    for name, url in (
        ("user", f"postgresql://{part}@db/facts"),
        ("password", f"postgresql://a:{part}@db/facts"),
        ("database", f"postgresql://a@db/{part}"),
    ):
        with pytest.raises(BadUrl) as bad:
            read_store_url(url, *ALL)
        assert bad.value.what.startswith(f"the {name} ")
        assert why in bad.value.what
        assert part not in str(bad.value).replace("a % itself as %25", "")
