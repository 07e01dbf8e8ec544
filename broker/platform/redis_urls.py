"""Redis URLs: one server, a primary that Sentinel names, or a Cluster.

`redis://user@host:port/number`, `redis+sentinel://user@host:port,host:port/service/number` and
`redis+cluster://user@host:port,host:port`; `rediss` in place of `redis` means TLS. Parsed as strictly as the URLs of
other stores: an unused option or part is rejected with a fix.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from broker.platform.store_urls import REDIS, REDIS_TLS, BadUrl, StoreUrl, read_store_url

SENTINEL_PORT: Final = 26379
"""Default port of a Sentinel."""


class RedisTopology(Enum):
    """Topology of the servers in a URL."""

    SINGLE = ""
    SENTINEL = "+sentinel"
    CLUSTER = "+cluster"


FORMS: Final = {
    RedisTopology.SENTINEL: "{}+sentinel://host1:26379,host2:26379,host3:26379/service",
    RedisTopology.CLUSTER: "{}+cluster://host1:6379,host2:6379,host3:6379",
}
SPELLINGS: Final = {
    "sentinel": "redis+sentinel",
    "redis-sentinel": "redis+sentinel",
    "redis_sentinel": "redis+sentinel",
    "rediss-sentinel": "rediss+sentinel",
    "redis-cluster": "redis+cluster",
    "redis_cluster": "redis+cluster",
    "rediss-cluster": "rediss+cluster",
}
"""Schemes of other programs, with the corresponding scheme."""


@dataclass(frozen=True, slots=True)
class RedisNode:
    """The host and port of a server, of a Sentinel, or of a node of a Cluster."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A parsed Redis URL. `service` is the name under which the Sentinels monitor the primary."""

    topology: RedisTopology
    nodes: tuple[RedisNode, ...]
    encrypted: bool
    local: bool
    user: str | None
    database: int
    service: str = ""
    password: str | None = field(default=None, repr=False)


def read_redis_url(url: str) -> RedisUrl:
    """Parses a Redis URL. Raises BadUrl with the first problem."""
    scheme, found, rest = url.partition("://")
    if scheme in SPELLINGS:
        raise BadUrl("no such store", f"write {_form(SPELLINGS[scheme])}")
    base, plus, kind = scheme.partition("+")
    topology = next((one for one in (*FORMS,) if one.value == plus + kind), RedisTopology.SINGLE)
    if base not in (REDIS, REDIS_TLS) or topology is RedisTopology.SINGLE:
        if found and "," in rest.partition("/")[0] and base in (REDIS, REDIS_TLS):
            raise BadUrl("this host cannot be used", f"for several hosts {_two_forms(base)}")
        return _single(read_store_url(url, REDIS, REDIS_TLS))
    return _several(base, topology, rest)


def _single(parts: StoreUrl) -> RedisUrl:
    return RedisUrl(
        topology=RedisTopology.SINGLE,
        nodes=(RedisNode(parts.host, parts.port),),
        encrypted=parts.scheme == REDIS_TLS,
        local=parts.local,
        user=parts.user,
        database=int(parts.database),
        password=parts.password,
    )


def _several(base: str, topology: RedisTopology, rest: str) -> RedisUrl:
    """Parses each host as a URL by itself, with the user, the path and the options of the whole URL."""
    form = f"write {_form(base + topology.value)}"
    authority, slash, tail = rest.partition("/")
    if not slash and (found := re.search(r"[?#]", authority)):
        authority, tail = authority[: found.start()], authority[found.start() :]
    user, at, hosts = authority.rpartition("@")
    path, query = re.fullmatch(r"([^?#]*)(.*)", tail, re.DOTALL).groups()  # type: ignore[union-attr]
    service, number = "", path
    if topology is RedisTopology.SENTINEL:
        service, _, number = path.partition("/")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", service):
            raise BadUrl("the name of the service that the Sentinels monitor is missing", form)
    elif number not in ("", "0"):
        raise BadUrl("a Redis Cluster has no numbered databases", form)
    read = []
    for host in hosts.split(","):
        if not host:
            raise BadUrl("a host is missing", form)
        try:
            read.append(read_store_url(f"{base}://{user}{at}{host}/{number}{query}", base))
        except BadUrl as bad:
            raise BadUrl(bad.what, form if "://host:6379/" in bad.fix else bad.fix) from None
    nodes = tuple(
        RedisNode(one.host, _port(host, one, topology)) for host, one in zip(hosts.split(","), read, strict=True)
    )
    if len(set(nodes)) < len(nodes):
        raise BadUrl("a host is listed twice", form)
    first = read[0]
    return RedisUrl(
        topology=topology,
        nodes=nodes,
        encrypted=base == REDIS_TLS,
        local=False,
        user=first.user,
        database=int(first.database),
        service=service,
        password=first.password,
    )


def _port(host: str, parts: StoreUrl, topology: RedisTopology) -> int:
    named = re.search(r":[0-9]+$", host) is not None
    return parts.port if named or topology is not RedisTopology.SENTINEL else SENTINEL_PORT


def _form(scheme: str) -> str:
    base, _, kind = scheme.partition("+")
    return FORMS[RedisTopology(f"+{kind}")].format(base)


def _two_forms(base: str) -> str:
    return f"write {' or '.join(form.format(base) for form in FORMS.values())}"
