"""Departures: how many citizens a second are sent to a provider, the line of those who wait for their turn, and which
provider takes the place of one that does not work.

A place in line is a time of departure, reserved once. So a line needs no further look at the store, and it moves on by
itself; a citizen who does not come back costs no other citizen a place.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Final

from broker.journey.transaction import QueuePlace
from broker.model.provider_policy import ProviderPolicy
from broker.provider import ProviderHealth

RECOVERY_STEP: Final = 30.0
"""Seconds that each step of a recovery lasts."""
SOONEST: Final = 5
"""Least number of seconds between two reloads of the page of a citizen who waits."""


def departure_rate(policy: ProviderPolicy, health: ProviderHealth, now: float) -> float | None:
    """Departures per second that the provider is given now, or None without a limit.

    After an outage the rate grows by the steps of `recovery`: all who waited would come at once, and be its next
    outage.
    """
    rates = [] if policy.departures_per_second is None else [policy.departures_per_second]
    if health.recovered is not None:
        step = int(max(0.0, now - health.recovered) // RECOVERY_STEP)
        rates += policy.recovery[step : step + 1]
    return min(rates, default=None)


def is_recovering(policy: ProviderPolicy, health: ProviderHealth, now: float) -> bool:
    """Whether the provider is in a step of its recovery from an outage."""
    return health.recovered is not None and now - health.recovered < RECOVERY_STEP * len(policy.recovery)


def fallback_weight(policy: ProviderPolicy, health: ProviderHealth, now: float) -> int:
    """The weight with which a provider takes the place of one that does not work: 0 while it recovers itself."""
    return 0 if is_recovering(policy, health, now) else policy.fallback_share


def draw_fallback(seed: int, weights: Mapping[str, int]) -> str | None:
    """The provider that takes the place of one that does not work, for the browser of this order seed.

    It is one of `weights` (by id), each with a probability in proportion to its weight; None if all are 0. A provider
    that is added or removed changes the result of no other browsers than those that it gains or loses.
    """
    drawn = {}
    for provider, weight in weights.items():
        if weight > 0:
            digest = hashlib.sha256(f"fallback:{seed}:{provider}".encode()).digest()
            drawn[provider] = -math.log((int.from_bytes(digest[:7]) + 1) / 2**56) / weight
    return min(drawn, key=lambda provider: drawn[provider], default=None)


def position(place: QueuePlace, now: float) -> int:
    """The citizen's place in the line, from 1."""
    return max(1, math.ceil((place.departs - now) * place.rate))


def reload_after(place: QueuePlace, now: float, latest: int) -> int:
    """Seconds until the page of the line should be loaded again, at most `latest`."""
    return max(SOONEST, min(latest, math.ceil(place.departs - now)))
