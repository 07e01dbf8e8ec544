"""Opening the ephemeral stores by their URL."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from broker.crypto.seal import Sealer
from broker.platform.system import System
from broker.stores.ephemeral.departures import MemoryDepartures, RedisDepartures
from broker.stores.ephemeral.memory import (
    MemoryContinuations,
    MemoryPendingLogouts,
    MemoryProofs,
    MemoryPushedRequests,
    MemoryRateLimits,
    MemoryTransactions,
)
from broker.stores.ephemeral.memory_usage import MemoryUsage
from broker.stores.ephemeral.provider_signals import MemoryProviderSignals, RedisProviderSignals
from broker.stores.ephemeral.redis import (
    RedisContinuations,
    RedisPendingLogouts,
    RedisProofs,
    RedisPushedRequests,
    RedisRateLimits,
    RedisTransactions,
    RedisVersionMirror,
)
from broker.stores.ephemeral.redis_client import RedisClient
from broker.stores.ephemeral.transport import WITHOUT_PASSWORD, RedisAccess
from broker.stores.sql.kill_switches import KillSwitchStore


@dataclass(frozen=True, slots=True)
class EphemeralStores:
    """All ephemeral stores.

    `memory_fullness` is the memory usage from 0 to 1, without a round trip; `update_memory_usage` updates it and is
    called every few seconds. `check_server` returns the problems of the server's configuration, each with a fix;
    `evicts` whether the last update found an evicting policy. `server_time` reads the server's clock, in seconds since
    1970 UTC; None without a server. `forget` empties all stores.
    """

    transactions: MemoryTransactions | RedisTransactions
    pushed: MemoryPushedRequests | RedisPushedRequests
    continuations: MemoryContinuations | RedisContinuations
    pending_logouts: MemoryPendingLogouts | RedisPendingLogouts
    proofs: MemoryProofs | RedisProofs
    rate_limits: MemoryRateLimits | RedisRateLimits
    provider_signals: MemoryProviderSignals | RedisProviderSignals
    departures: MemoryDepartures | RedisDepartures
    memory_fullness: Callable[[], float]
    update_memory_usage: Callable[[], Awaitable[None]]
    check_server: Callable[[], Awaitable[Sequence[str]]]
    evicts: Callable[[], bool]
    server_time: Callable[[], Awaitable[float]] | None
    forget: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def open_ephemeral_stores(
    url: str, sealer: Sealer, system: System, kill_switches: KillSwitchStore, access: RedisAccess = WITHOUT_PASSWORD
) -> EphemeralStores:
    """Opens the ephemeral stores at `memory:` or at a URL of Redis (broker.platform.redis_urls).

    `system` is that of the SQL stores, whose clock never goes backwards. Connections are opened on first use. With
    Redis every access passes the mirrored version of the kill switches to `kill_switches`. `access` holds passwords
    and TLS parameters. Raises ValueError for an invalid URL.
    """
    if url == "memory:":
        return _memory(system)
    server = RedisClient(url, access)
    fullness = MemoryUsage(server)
    kill_switches.mirror_in(RedisVersionMirror(server))
    return EphemeralStores(
        transactions=RedisTransactions(server, sealer, system, kill_switches.observe_mirror),
        pushed=RedisPushedRequests(server, sealer, system, kill_switches.observe_mirror),
        continuations=RedisContinuations(server, sealer, system),
        pending_logouts=RedisPendingLogouts(server, sealer, system),
        proofs=RedisProofs(server, system),
        rate_limits=RedisRateLimits(server, system, kill_switches.observe_mirror),
        provider_signals=RedisProviderSignals(server, system),
        departures=RedisDepartures(server),
        memory_fullness=fullness.memory_usage,
        update_memory_usage=fullness.update,
        check_server=fullness.check_server,
        evicts=fullness.evicts,
        server_time=server.time,
        forget=server.forget,
        close=server.close,
    )


def open_memory_monitor(url: str, access: RedisAccess) -> MemoryUsage | None:
    """The monitor of a Redis server alone; None for memory. Connections are opened on first use. Raises ValueError."""
    return None if url == "memory:" else MemoryUsage(RedisClient(url, access))


def _memory(system: System) -> EphemeralStores:
    limits = MemoryRateLimits(system)
    transactions = MemoryTransactions(system, limits)
    pushed, continuations, proofs = MemoryPushedRequests(system), MemoryContinuations(system), MemoryProofs(system)
    goodbyes, departures = MemoryPendingLogouts(system), MemoryDepartures()

    async def forget() -> None:
        for store in (limits, transactions, pushed, continuations, goodbyes, proofs, departures):
            store.forget()

    return EphemeralStores(
        transactions=transactions,
        pushed=pushed,
        continuations=continuations,
        pending_logouts=goodbyes,
        proofs=proofs,
        rate_limits=limits,
        provider_signals=MemoryProviderSignals(system.now),
        departures=departures,
        memory_fullness=lambda: transactions.fullness,
        update_memory_usage=_nothing,
        check_server=_no_problems,
        evicts=lambda: False,
        server_time=None,
        forget=forget,
        close=_nothing,
    )


async def _nothing() -> None:
    """Nothing to check in memory."""


async def _no_problems() -> Sequence[str]:
    return ()
