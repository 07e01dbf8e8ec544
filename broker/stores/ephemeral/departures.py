"""Departure gates of providers with a limited rate: each citizen reserves a time of departure, in order of arrival."""

import math
from typing import Final

from broker.stores.ephemeral.redis_client import RedisClient, lifetime, script

RESERVE: Final = script(
    """
    local rate, now, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local last = tonumber(redis.call('GET', KEYS[1]) or 0)
    local departs = math.max(last + 1 / rate, now - (math.max(1, rate) - 1) / rate)
    if (departs - now) * rate > most then
        return false
    end
    departs = string.format('%.6f', departs)
    redis.call('SET', KEYS[1], departs, 'PX', ARGV[4])
    return departs
    """
)
"""Reserves the next time of departure, if not too many wait. Up to one second's departures may be made up for."""


class MemoryDepartures:
    """Departure gates of the only process."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    async def reserve(self, provider: str, rate: float, most: int, now: float) -> float | None:
        """See DepartureGate."""
        departs = max(self._last.get(provider, 0.0) + 1 / rate, now - (max(1.0, rate) - 1) / rate)
        if (departs - now) * rate > most:
            return None
        self._last[provider] = departs
        return departs

    def forget(self) -> None:
        """Forgets every reservation."""
        self._last.clear()


class RedisDepartures:
    """Departure gates of all processes, in Redis."""

    def __init__(self, server: RedisClient) -> None:
        self._server = server

    async def reserve(self, provider: str, rate: float, most: int, now: float) -> float | None:
        """See DepartureGate. One round trip."""
        kept = lifetime(now + math.ceil(most / rate), now)
        found = await self._server.run(RESERVE, (self._server.key("departure", provider),), rate, now, most, kept)
        return None if found is None else float(found)
