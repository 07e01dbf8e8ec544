"""Ephemeral state in the memory of one process, lost with the process.

Each kind has a maximum number of records. Expired records are removed first; if none has expired, a new record is
rejected, so that a flood of new sign-ins does not evict those in progress.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from broker.journey.transaction import Transaction
from broker.model.handle import sha256_hex
from broker.model.rate_limit import RateLimit
from broker.model.request import AuthorizationRequest
from broker.model.session import PendingLogout
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System

_Value = TypeVar("_Value")
ROOM: Final = 100_000
"""Default maximum number of records of one kind."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[_Value]):
    value: _Value
    until: float


class ExpiringMap(Generic[_Value]):
    """A dictionary of records that expire by the broker's clock, at most `room` of them."""

    def __init__(self, now: Callable[[], float], room: int) -> None:
        self._now = now
        self._room = room
        self._entries: dict[str, _Entry[_Value]] = {}
        self._ends: list[tuple[float, str]] = []

    def get(self, key: str) -> _Value | None:
        """Returns the record, unless it has expired."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and self._now() < entry.until else None

    def put(self, key: str, value: _Value, until: float) -> None:
        """Stores a record until a moment. Raises StoreUnavailable if the store is full."""
        if key in self._entries:
            self._sweep()
        else:
            self.ensure_room()
        self._entries[key] = _Entry(value, until)
        heapq.heappush(self._ends, (until, key))
        if len(self._ends) > 2 * len(self._entries) + 64:
            # repeated writes of one record leave obsolete entries in the heap
            self._ends = [(entry.until, key) for key, entry in self._entries.items()]
            heapq.heapify(self._ends)

    def ensure_room(self) -> None:
        """Raises StoreUnavailable if the store is full."""
        self._sweep()
        if len(self._entries) >= self._room:
            raise StoreUnavailable("the memory for ephemeral state is full")

    def take(self, key: str) -> _Value | None:
        """Returns and removes the record."""
        value = self.get(key)
        self._entries.pop(key, None)
        return value

    def clear(self) -> None:
        """Removes every record."""
        self._entries.clear()
        self._ends.clear()

    @property
    def usage(self) -> float:
        """Usage, from 0 to 1."""
        return len(self._entries) / self._room

    def _sweep(self) -> None:
        now = self._now()
        while self._ends and self._ends[0][0] <= now:
            until, key = heapq.heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry.until == until:
                del self._entries[key]


class MemoryTransactions:
    """Pending transactions, in memory."""

    def __init__(self, system: System, limits: "MemoryRateLimits", room: int = ROOM) -> None:
        self._now = system.now
        self._records: ExpiringMap[Transaction] = ExpiringMap(system.now, room)
        self._open: ExpiringMap[dict[str, float]] = ExpiringMap(system.now, room)
        self._limits = limits

    @property
    def fullness(self) -> float:
        """Memory usage, from 0 to 1."""
        return self._records.usage

    async def create(self, handle: str, transaction: Transaction, limit: int, start: RateLimit | None = None) -> bool:
        """Stores a new transaction; False if its browser has `limit` open ones already, or `start` is used up."""
        if len(self._of(transaction.browser)) >= limit:
            return False
        if start is not None and not await self._limits.allow(start.key, start.most, start.window):
            return False
        self._records.put(sha256_hex(handle), transaction, transaction.kept_until)
        self._count(sha256_hex(handle), transaction)
        return True

    async def room_from(self, browser: str, limit: int) -> float | None:
        """The time at which a browser will have fewer than `limit` open transactions; None if it has now."""
        ends = sorted(self._of(browser).values())
        return ends[len(ends) - limit] if len(ends) >= limit else None

    async def load(self, handle: str) -> Transaction | None:
        """Returns the transaction, also an ended one while its stub is stored."""
        return self._records.get(sha256_hex(handle))

    async def save(self, handle: str, transaction: Transaction) -> bool:
        """Optimistic locking: replaces `transaction.version - 1`; False if another request was faster."""
        key = sha256_hex(handle)
        before = self._records.get(key)
        if before is None or before.version != transaction.version - 1:
            return False
        self._records.put(key, transaction, transaction.kept_until)
        self._of(before.browser).pop(key, None)
        self._count(key, transaction)
        return True

    def forget(self) -> None:
        """Removes all transactions."""
        self._records.clear()
        self._open.clear()

    def _of(self, browser: str) -> dict[str, float]:
        """A browser's open transactions, with the expiry of each."""
        known = self._open.get(browser) or {}
        for key in [key for key, expires in known.items() if expires <= self._now()]:
            del known[key]
        return known

    def _count(self, key: str, transaction: Transaction) -> None:
        if transaction.open:
            known = self._of(transaction.browser)
            known[key] = transaction.expires
            self._open.put(transaction.browser, known, max(known.values()))


class MemoryPushedRequests:
    """Pushed authorization requests, in memory."""

    def __init__(self, system: System, room: int = ROOM) -> None:
        self._records: ExpiringMap[tuple[AuthorizationRequest, bool, float]] = ExpiringMap(system.now, room)

    async def put(self, handle: str, request: AuthorizationRequest, expires: float) -> None:
        """Stores a checked request until `expires`."""
        self._records.put(sha256_hex(handle), (request, True, expires), expires)

    async def get(self, handle: str) -> tuple[AuthorizationRequest, bool] | None:
        """The request, and whether this is its first use; None if unknown or expired."""
        found = self._records.get(sha256_hex(handle))
        if found is None:
            return None
        request, first, expires = found
        if first:
            self._records.put(sha256_hex(handle), (request, False, expires), expires)
        return request, first

    def forget(self) -> None:
        """Removes all of them."""
        self._records.clear()


class MemoryPendingLogouts:
    """Content of the page after logout, in memory."""

    def __init__(self, system: System, room: int = ROOM) -> None:
        self._records: ExpiringMap[PendingLogout] = ExpiringMap(system.now, room)

    async def put(self, handle: str, goodbye: PendingLogout, expires: float) -> None:
        """Stores the content of the page until `expires`."""
        self._records.put(sha256_hex(handle), goodbye, expires)

    async def get(self, handle: str) -> PendingLogout | None:
        """Returns the content of the page, or None if unknown or expired."""
        return self._records.get(sha256_hex(handle))

    def forget(self) -> None:
        """Removes all of them."""
        self._records.clear()


class MemoryContinuations:
    """Continuation codes, in memory."""

    def __init__(self, system: System, room: int = ROOM) -> None:
        self._records: ExpiringMap[str] = ExpiringMap(system.now, room)

    async def put(self, code: str, handle: str, expires: float) -> None:
        """Stores the transaction of a code."""
        self._records.put(sha256_hex(code), handle, expires)

    async def take(self, code: str) -> str | None:
        """Returns the transaction's handle, once."""
        return self._records.take(sha256_hex(code))

    def forget(self) -> None:
        """Removes all of them."""
        self._records.clear()


class MemoryProofs:
    """Used DPoP proofs, in memory."""

    def __init__(self, system: System, room: int = ROOM) -> None:
        self._seen: ExpiringMap[bool] = ExpiringMap(system.now, room)
        self._draw = system.random_bytes
        self._epoch = system.random_bytes(16).hex()

    async def first_use(self, jti: str, expires: float, epoch: str) -> bool:
        """Whether this is the first use of a proof's `jti`; stores it until `expires`. Raises StoreUnavailable."""
        if epoch != self._epoch:
            raise StoreUnavailable("the epoch of used proofs is another one")
        key = sha256_hex(jti)
        if self._seen.get(key):
            return False
        self._seen.put(key, value=True, until=expires)
        return True

    async def epoch(self) -> str:
        """A string that is new with every process: the time since which used proofs are known.

        Raises StoreUnavailable if no further proof can be stored.
        """
        self._seen.ensure_room()
        return self._epoch

    def forget(self) -> None:
        """Removes all of them, and starts a new epoch, so that no proof can be replayed."""
        self._seen.clear()
        self._epoch = self._draw(16).hex()


class MemoryRateLimits:
    """Fixed window rate limits, in memory. Windows start at multiples of their length."""

    def __init__(self, system: System, room: int = ROOM) -> None:
        self._now = system.now
        self._counts: ExpiringMap[int] = ExpiringMap(system.now, room)

    async def allow(self, key: str, most: int, window: int) -> bool:
        """Counts one use of `key`; False beyond `most` in the current window of `window` seconds."""
        name, until = self._name(key, window)
        count = (self._counts.get(name) or 0) + 1
        self._counts.put(name, count, until)
        return count <= most

    async def give_back(self, key: str, window: int) -> None:
        """Subtracts one use of `key` from the current window of `window` seconds."""
        name, until = self._name(key, window)
        count = self._counts.get(name)
        if count is not None:
            self._counts.put(name, count - 1, until)

    def forget(self) -> None:
        """Resets all counters."""
        self._counts.clear()

    def _name(self, key: str, window: int) -> tuple[str, float]:
        number = int(self._now() // window)
        return sha256_hex(f"{key}:{window}:{number}"), (number + 1) * window
