"""Memory usage of Redis, and its configuration: no eviction, no replica."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from broker.stores.ephemeral.redis_client import A_CLUSTER, RedisClient

LOG: Final = logging.getLogger("portico.passing")
EVICTING_POLICIES: Final = "noeviction"
FIX: Final = "set maxmemory-policy to noeviction"
OLDEST: Final = (6, 2)
"""The first Redis release with every command that is used (GETDEL)."""


class MemoryUsage:
    """Monitors a Redis server every few seconds."""

    def __init__(self, server: RedisClient) -> None:
        self._server = server
        self._share = 0.0
        self._policy = EVICTING_POLICIES

    def memory_usage(self) -> float:
        """The share of its memory that Redis used at the last check, 0 without a limit."""
        return self._share

    def evicts(self) -> bool:
        """Whether Redis, at the last check, would evict records when its memory is full."""
        return self._policy != EVICTING_POLICIES

    async def update(self) -> None:
        """Checks Redis. Called every few seconds. A change of its eviction policy is logged once."""
        memory = await self._server.info("memory")
        policy = memory["maxmemory_policy"]
        if policy != self._policy:
            if policy == EVICTING_POLICIES:
                LOG.warning("redis_evicts_no_more")
            else:
                LOG.error("redis_evicts", extra={"policy": policy, "fix": FIX})
        self._policy = policy
        bound = int(memory["maxmemory"])
        self._share = int(memory["used_memory"]) / bound if bound else 0.0

    async def check_server(self) -> Sequence[str]:
        """The problems of the server's configuration, each with a fix."""
        return list(_problems(await self._server.info(), clustered=self._server.clustered))

    async def close(self) -> None:
        """Closes the connection."""
        await self._server.close()


def _problems(seen: Mapping[str, str], *, clustered: bool) -> Sequence[str]:
    problems = []
    if (policy := seen.get("maxmemory_policy", EVICTING_POLICIES)) != EVICTING_POLICIES:
        problems.append(f"Redis evicts records (maxmemory-policy is {policy}): {FIX}")
    if seen.get("role", "master") != "master":
        problems.append("this Redis is a replica, which rejects writes: name the primary in ephemeral.url")
    if seen.get("cluster_enabled", "0") != "0" and not clustered:
        problems.append(A_CLUSTER)
    version = tuple(int(part) for part in seen.get("redis_version", "7.0").split(".")[:2] if part.isdecimal())
    if version < OLDEST:
        problems.append(f"this is Redis {seen['redis_version']}: 6.2 or later is needed")
    return problems
