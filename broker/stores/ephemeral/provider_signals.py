"""Signals between processes about providers, in Redis or, for one process, in memory: a short log, and short leases.

The log holds what each process observed in the last minutes; every process reads what the others wrote since it last
looked. Beside it lies the result of the last self-test of each provider that had one worth telling. Both may be lost at
any moment: then each process continues with what it observed itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from broker.platform.system import System
from broker.stores.ephemeral.redis_client import RedisClient, script

KEPT: Final = 2000
"""Number of entries in the log: twenty processes write so many in 100 seconds."""
LIFETIME: Final = 600_000
"""Milliseconds after the last entry at which the log is dropped."""
LONGEST: Final = 64 * 1024
"""Largest entry in bytes that is read: none of ours is larger."""

EXCHANGE: Final = script(
    """
    local log, counter = KEYS[1], KEYS[2]
    local entry, seen, kept, lifetime = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
    local last = tonumber(redis.call('GET', counter) or 0)
    if last < seen then
        seen = 0
    end
    if entry ~= '' then
        last = last + 1
        redis.call('SET', counter, last, 'PX', lifetime)
        redis.call('ZADD', log, last, last .. ' ' .. entry)
        redis.call('ZREMRANGEBYSCORE', log, '-inf', last - kept)
        redis.call('PEXPIRE', log, lifetime)
    end
    if last == seen then
        return {last, {}}
    end
    return {last, redis.call('ZRANGEBYSCORE', log, '(' .. seen, last)}
    """
)
"""Appends an entry, if there is one. Returns the number of the last entry, and the entries since a number."""


WRITE_RESULT: Final = script(
    """
    local name = ARGV[1] .. ' '
    for _, found in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf')) do
        if string.sub(found, 1, #name) == name then
            redis.call('ZREM', KEYS[1], found)
        end
    end
    if ARGV[2] ~= '' then
        redis.call('ZADD', KEYS[1], 0, name .. ARGV[2])
    end
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return 1
    """
)
"""Writes the result of a provider's self-test, or deletes it if it is empty."""


class MemoryProviderSignals:
    """Signals of a process that is the only one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._results: dict[str, bytes] = {}
        self._leases: dict[str, float] = {}

    async def exchange(self, _entry: bytes) -> Sequence[bytes]:
        """Returns nothing: no other process has observed anything."""
        return ()

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether this caller gets the lease of this name for a time; no other gets it until then."""
        now = self._now()
        if 0 < self._leases.get(name, 0.0) - now <= seconds:
            return False
        self._leases[name] = now + seconds
        return True

    async def write_result(self, provider: str, result: bytes, _seconds: float) -> None:
        """Stores the result of a provider's self-test; b"" deletes it."""
        self._results.pop(provider, None)
        if result:
            self._results[provider] = result

    async def read_results(self) -> Mapping[str, bytes]:
        """The stored results by provider."""
        return dict(self._results)


class RedisProviderSignals:
    """Signals between processes, in Redis."""

    def __init__(self, server: RedisClient, system: System) -> None:
        self._server = server
        self._log, self._counter = server.key("signals", "log"), server.key("signals", "last")
        self._results = server.key("signals", "tests")
        self._process = system.random_bytes(6).hex()
        self._number = 1
        self._seen = 0
        self._read: dict[bytes, int] = {}

    async def exchange(self, entry: bytes) -> Sequence[bytes]:
        """Writes what this process observed, if anything. Returns what others wrote since the last call, in order.

        The first call returns the whole log. One round trip. Raises StoreUnavailable; then the entry may have been
        written. Entries are numbered by their process, and each number is read once: a command that is sent again after
        a broken connection does not make an observation twice.
        """
        sent = b"" if not entry else f"{self._process} {self._number} ".encode() + entry
        last, found = await self._server.run(EXCHANGE, (self._log, self._counter), sent, self._seen, KEPT, LIFETIME)
        self._seen = int(last)
        self._number += bool(entry)
        return [text for one in found if (text := self._unread(one)) is not None]

    def _unread(self, line: bytes) -> bytes | None:
        """The entry in a line of the log; None if it is of this process, was read before, or has another form."""
        parts = line.split(b" ", 3)
        if len(parts) < 4 or len(line) > LONGEST or not parts[2].isdigit() or parts[1] == self._process.encode():
            return None
        _, process, number, entry = parts
        if int(number) <= self._read.get(process, 0):
            return None
        if len(self._read) > KEPT:
            self._read.clear()
        self._read[process] = int(number)
        return entry

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether this process gets the lease of this name for a time; no other gets it until then. One round trip.

        Raises StoreUnavailable.
        """
        key = self._server.key("lease", name)
        return await self._server.command("SET", key, "1", "NX", "PX", max(1, int(seconds * 1000))) is not None

    async def write_result(self, provider: str, result: bytes, seconds: float) -> None:
        """Stores the result of a provider's self-test; b"" deletes it. All results are dropped if none is written for
        this time. One round trip. Raises StoreUnavailable."""
        await self._server.run(WRITE_RESULT, (self._results,), provider, result, int(seconds * 1000))

    async def read_results(self) -> Mapping[str, bytes]:
        """The stored results by provider. One round trip. Raises StoreUnavailable."""
        found = await self._server.command("ZRANGEBYSCORE", self._results, "-inf", "+inf")
        parts = (one.partition(b" ") for one in found)
        return {name.decode(errors="replace"): result for name, _, result in parts}
