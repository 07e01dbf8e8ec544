"""All passing state, opened by its address."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from broker.ambient import Ambient
from broker.seal import Sealer
from broker.stores.passing.fullness import Fullness
from broker.stores.passing.memory import (
    MemoryContinuations,
    MemoryGoodbyes,
    MemoryLimits,
    MemoryProofs,
    MemoryPushedRequests,
    MemoryTransactions,
)
from broker.stores.passing.redis import (
    RedisContinuations,
    RedisGoodbyes,
    RedisLimits,
    RedisMirror,
    RedisProofs,
    RedisPushedRequests,
    RedisTransactions,
)
from broker.stores.passing.server import Server
from broker.stores.passing.transport import WITHOUT_PASSWORD, RedisAccess
from broker.stores.sql.switches import Board


@dataclass(frozen=True, slots=True)
class Passing:
    """The stores of passing state.

    `memory_fullness` says how full its memory is, from 0 to 1, without asking anybody; `watch` brings that up to date
    and is called every few seconds. `check_server` says what is wrong with the server's settings, and how to mend it,
    `evicts` whether records were about to be thrown away at the last `watch`. `server_time` asks the server for its
    clock, in seconds since 1970 UTC; None if there is no server. `forget` empties all of it.
    """

    transactions: MemoryTransactions | RedisTransactions
    pushed: MemoryPushedRequests | RedisPushedRequests
    continuations: MemoryContinuations | RedisContinuations
    goodbyes: MemoryGoodbyes | RedisGoodbyes
    proofs: MemoryProofs | RedisProofs
    limits: MemoryLimits | RedisLimits
    memory_fullness: Callable[[], float]
    watch: Callable[[], Awaitable[None]]
    check_server: Callable[[], Awaitable[Sequence[str]]]
    evicts: Callable[[], bool]
    server_time: Callable[[], Awaitable[float]] | None
    forget: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]


def open_passing(
    url: str, sealer: Sealer, ambient: Ambient, board: Board, access: RedisAccess = WITHOUT_PASSWORD
) -> Passing:
    """Opens passing state at `memory:` or at a URL of Redis (broker.redis_urls).

    `ambient` is that of the facts, whose clock is steady. Nothing is connected yet. With Redis the board hears from
    every look into it whether switches changed. `access` holds passwords, and how TLS is verified. Raises ValueError
    for a URL that cannot be used.
    """
    if url == "memory:":
        return _memory(ambient)
    server = Server(url, access)
    fullness = Fullness(server)
    board.mirror_in(RedisMirror(server))
    return Passing(
        transactions=RedisTransactions(server, sealer, ambient, board.heard_mirror),
        pushed=RedisPushedRequests(server, sealer, ambient, board.heard_mirror),
        continuations=RedisContinuations(server, sealer, ambient),
        goodbyes=RedisGoodbyes(server, sealer, ambient),
        proofs=RedisProofs(server, ambient),
        limits=RedisLimits(server, ambient, board.heard_mirror),
        memory_fullness=fullness.memory_fullness,
        watch=fullness.watch,
        check_server=fullness.check_server,
        evicts=fullness.evicts,
        server_time=server.time,
        forget=server.forget,
        close=server.close,
    )


def open_care(url: str, access: RedisAccess) -> Fullness | None:
    """What looks after a Redis, alone; None for memory. Nothing is connected yet. Raises ValueError."""
    return None if url == "memory:" else Fullness(Server(url, access))


def _memory(ambient: Ambient) -> Passing:
    limits = MemoryLimits(ambient)
    transactions = MemoryTransactions(ambient, limits)
    pushed, continuations, proofs = MemoryPushedRequests(ambient), MemoryContinuations(ambient), MemoryProofs(ambient)
    goodbyes = MemoryGoodbyes(ambient)

    async def forget() -> None:
        for store in (limits, transactions, pushed, continuations, goodbyes, proofs):
            store.forget()

    return Passing(
        transactions=transactions,
        pushed=pushed,
        continuations=continuations,
        goodbyes=goodbyes,
        proofs=proofs,
        limits=limits,
        memory_fullness=lambda: transactions.fullness,
        watch=_nothing,
        check_server=_no_problems,
        evicts=lambda: False,
        server_time=None,
        forget=forget,
        close=_nothing,
    )


async def _nothing() -> None:
    """Memory needs no care."""


async def _no_problems() -> Sequence[str]:
    return ()
