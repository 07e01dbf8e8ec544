"""Cache lifetimes of a provider's metadata and keys."""

from typing import Any, Final

from broker.platform.refreshing_cache import CachePolicy

FRESH: Final = 300.0
"""Seconds for which a cached value is used without a new fetch."""
STALE: Final = 6 * 3600.0
"""Seconds for which a stale value is used while fetching fails. Beyond it the provider counts as unavailable."""
RETRY: Final = 2.0
"""Seconds after a failed fetch before the next one."""
COOL_DOWN: Final = 5.0
"""Seconds between two fetches caused by an unknown key or an invalid signature: short enough for keys that are
published a moment after the first token, and long enough for every provider."""

CACHE_POLICY: Final[CachePolicy[Any]] = CachePolicy(lambda _: FRESH, STALE - FRESH, RETRY, COOL_DOWN)
