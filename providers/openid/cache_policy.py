"""How long what a provider shows of itself serves: its metadata, its keys."""

from typing import Any, Final

from broker.platform.refreshing_cache import CachePolicy

FRESH: Final = 300.0
"""Seconds for which a value is used without asking again."""
STALE: Final = 6 * 3600.0
"""Seconds for which a value is used while asking again fails. Beyond it the provider counts as unavailable."""
RETRY: Final = 2.0
"""Seconds after a failed fetch in which no other is tried."""
COOL_DOWN: Final = 5.0
"""Seconds between two fetches that were asked for because a key was not found or a signature did not hold: soon enough
for keys that are published a moment after the first token, and rare enough for every provider."""

CACHE_POLICY: Final[CachePolicy[Any]] = CachePolicy(lambda _: FRESH, STALE - FRESH, RETRY, COOL_DOWN)
