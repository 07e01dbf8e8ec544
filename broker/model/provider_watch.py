"""How providers are watched: intervals of checks and tests, and the windows of circuit breakers."""

from dataclasses import dataclass
from typing import Annotated

from broker.platform.toml_loader import Range, Seconds


@dataclass(frozen=True, slots=True)
class ProviderWatch:
    """Intervals at which providers are watched, the same for all. What real sign-ins show always counts first."""

    health_interval: Annotated[Seconds, Range(5, 600)] = 30
    """How often the metadata and keys of a provider are fetched, by one process for all. It varies by a fifth."""
    recheck_interval: Annotated[Seconds, Range(1, 60)] = 5
    """The same while a provider does not work."""
    breaker_window: Annotated[Seconds, Range(30, 600)] = 120
    """For how long the outcome of a sign-in counts. The circuit breaker opens if half of at least four in this time
    were outages of the provider."""
    breaker_open: Annotated[Seconds, Range(1, 300)] = 10
    """For how long no citizen is sent to a provider whose breaker opened. Then one citizen a second tries, until one
    succeeds."""
    self_test_interval: Annotated[Seconds, Range(3600, 30 * 86400)] = 86400
    """How often a provider is tested as by `portico provider test`, by one process for all."""
    waiting_room_refresh: Annotated[Seconds, Range(5, 300)] = 30
    """Longest time between two reloads of the page of a citizen in line. It is shorter, down to 5 seconds, if their
    turn comes sooner."""
