"""URLs of Redis: one server as redis-py reads it, Sentinels and a Cluster, and what is rejected with a fix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import parse_url

from broker.platform.redis_urls import RedisNode, RedisTopology, read_redis_url
from broker.platform.store_urls import BadUrl
from tests.support.outcome import outcome

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,8}[a-z0-9])?){0,2}", fullmatch=True)
HOSTS = NAMES | st.sampled_from(["127.0.0.1", "[::1]", "[fe80::1]"])
USERS = st.just("") | st.from_regex(r"([A-Za-z0-9._-]|%21){1,8}@", fullmatch=True)
SECRETS = st.just("") | st.from_regex(r"[A-Za-z0-9._-]{0,8}:([A-Za-z0-9._-]|%21){1,8}@", fullmatch=True)
PORTS = st.just("") | st.integers(1, 65535).map(lambda port: f":{port}")
NUMBERS = st.sampled_from(["", "/"]) | st.integers(0, 15).map(lambda number: f"/{number}")


@given(st.sampled_from(["redis", "rediss"]), USERS | SECRETS, HOSTS, PORTS, NUMBERS)
def test_an_address_means_what_it_means_to_redis_py(scheme: str, who: str, host: str, port: str, number: str) -> None:
    url = f"{scheme}://{who}{host}{port}{number}"
    wanted, found = parse_url(url), read_redis_url(url)
    assert found.topology is RedisTopology.SINGLE
    assert found.nodes == (RedisNode(str(wanted.get("host")), wanted.get("port", 6379)),)
    assert found.database == wanted.get("db", 0)
    assert found.user == (wanted.get("username") or None)
    assert found.password == wanted.get("password")
    assert found.encrypted == (scheme == "rediss")


def test_sentinels_are_read_with_their_ports_the_service_and_the_number_of_the_database() -> None:
    found = read_redis_url("redis+sentinel://ann%40x@one,two:7000,[::1]:7001/my-primary/3")
    assert found.topology is RedisTopology.SENTINEL
    assert found.nodes == (RedisNode("one", 26379), RedisNode("two", 7000), RedisNode("::1", 7001))
    assert (found.service, found.database, found.user) == ("my-primary", 3, "ann@x")
    assert not found.encrypted
    assert read_redis_url("rediss+sentinel://one/my-primary").encrypted


@pytest.mark.parametrize("end", ["", "/", "/0"])
def test_the_nodes_of_a_cluster_are_read_with_their_ports(end: str) -> None:
    found = read_redis_url(f"rediss+cluster://ann@one,two:7000{end}")
    assert found.topology is RedisTopology.CLUSTER
    assert found.nodes == (RedisNode("one", 6379), RedisNode("two", 7000))
    assert (found.database, found.user, found.encrypted) == (0, "ann", True)


def test_sentinels_and_clusters_name_further_hosts_so_none_counts_as_this_machine() -> None:
    assert read_redis_url("redis://localhost").local
    assert not read_redis_url("redis+sentinel://localhost/service").local
    assert not read_redis_url("redis+cluster://localhost").local


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("redis://here:port", "redis://host:6379/0"),
        ("redis://here:99999", "redis://host:6379/0"),
        ("redis://[::1", "redis://host:6379/0"),
        ("redis://here?db=3", "redis://host:6379/3"),
        ("rediss://here/0?ssl_cert_reqs=none", "verify = false"),
        ("redis://here/first", "redis://host:6379/0"),
        ("unix:///run/redis.sock", "redis://host:6379/0"),
        ("http://here", "redis://host:6379/0"),
        ("redis+foo://here", "redis://host:6379/0"),
        ("redis://one,two/0", "redis+sentinel://host1:26379,host2:26379,host3:26379/service or redis+cluster://"),
        ("rediss://one,two/0", "rediss+sentinel://"),
        ("sentinel://one/service", "redis+sentinel://"),
        ("redis-sentinel://one/service", "redis+sentinel://"),
        ("redis-cluster://one", "redis+cluster://"),
        ("redis+sentinel://one,two", "/service"),
        ("redis+sentinel://one,two/", "/service"),
        ("redis+sentinel://one,two//0", "/service"),
        ("redis+sentinel://one,two/a%20b", "/service"),
        ("redis+sentinel://one,,two/service", "redis+sentinel://"),
        ("redis+sentinel:///service", "redis+sentinel://"),
        ("redis+sentinel://one,one:26379/service", "redis+sentinel://"),
        ("redis+sentinel://one:x/service", "redis+sentinel://"),
        ("redis+sentinel://one:0/service", "redis+sentinel://"),
        ("redis+sentinel://one/service/first", "redis+sentinel://"),
        ("redis+sentinel://one/service?sentinel_password=x", "remove it from the URL"),
        ("redis+sentinel://one/service?password=x", "password_file"),
        ("redis+sentinel://one/service#x", "%23"),
        ("redis+sentinel://one?db=3", "/service"),
        ("redis+cluster://one,two/3", "redis+cluster://"),
        ("redis+cluster://one two", "redis+cluster://"),
        ("redis+cluster://", "redis+cluster://"),
        ("redis+cluster://one?ssl=true", "rediss://"),
        ("redis+cluster", "redis+cluster://"),
        ("", "redis://host:6379/0"),
    ],
)
def test_what_is_no_address_of_a_redis_is_rejected_with_a_fix(url: str, fix: str) -> None:
    with pytest.raises(BadUrl) as rejected:
        read_redis_url(url)
    assert fix in rejected.value.fix


@given(st.text(max_size=30), st.sampled_from(["", "redis+sentinel://", "rediss+cluster://", "redis://", "redis+"]))
def test_any_text_is_an_address_or_is_rejected(text: str, scheme: str) -> None:
    found = outcome(lambda: read_redis_url(scheme + text), BadUrl)
    assert not isinstance(found, BadUrl) or (found.what and found.fix)
