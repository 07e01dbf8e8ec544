"""All passing state, opened by its address."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from broker.ambient import Ambient
from broker.seal import Sealer
from broker.stores.passing.memory import (
    MemoryContinuations,
    MemoryLimits,
    MemoryProofs,
    MemoryPushedRequests,
    MemoryTransactions,
)
from broker.stores.sql.switches import Board


@dataclass(frozen=True, slots=True)
class Passing:
    """The stores of passing state.

    `fullness` says how full its memory is, from 0 to 1, without asking anybody; `watch` brings that up to date and is
    called every few seconds. `problems` says what is wrong with the server's settings, and how to mend it.
    """

    transactions: MemoryTransactions
    pushed: MemoryPushedRequests
    continuations: MemoryContinuations
    proofs: MemoryProofs
    limits: MemoryLimits
    fullness: Callable[[], float]
    watch: Callable[[], Awaitable[None]]
    problems: Callable[[], Awaitable[Sequence[str]]]
    close: Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Memory needs no care."""


async def _no_problems() -> Sequence[str]:
    return ()


def open_passing(
    url: str,
    sealer: Sealer,
    ambient: Ambient,
    board: Board,
    *,
    password: str | None = None,
    connections: int = 32,
) -> Passing:
    """Opens passing state at `memory:`, `redis://host:port/number` or `rediss://` (TLS).

    Nothing is connected yet. With Redis the board hears from every look into it whether switches changed.
    Raises ValueError for an address that is none.
    """
    if url != "memory:":
        raise ValueError("expected memory:, redis://host:port/number or rediss://host:port/number")
    transactions = MemoryTransactions(ambient)
    return Passing(
        transactions=transactions,
        pushed=MemoryPushedRequests(ambient),
        continuations=MemoryContinuations(ambient),
        proofs=MemoryProofs(ambient),
        limits=MemoryLimits(ambient),
        fullness=lambda: transactions.fullness,
        watch=_nothing,
        problems=_no_problems,
        close=_nothing,
    )
