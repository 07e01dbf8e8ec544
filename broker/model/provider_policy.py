"""Policy of the operator for one provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from broker.model.account import ACCOUNT_SERVICE
from broker.model.kill_switches import ProviderPause
from broker.model.service import Service
from broker.platform.toml_loader import Instant, Range


class DisplayOrder(StrEnum):
    """Published rule by which the providers are ordered."""

    SHUFFLED = "shuffled"
    """Random, but stable within a browser session, so that no provider profits from its position."""
    ALPHABETICAL = "alphabetical"
    """By name in the citizen's language."""
    CONFIGURED = "configured"
    """By the operator's weights, then by name."""


class Overflow(StrEnum):
    """Where the citizens go who are beyond a provider's rate."""

    QUEUE = "queue"
    """Into a line, with the other ways beside it."""
    OTHERS = "others"
    """To the other ways. Into the line if there is none, or if the citizen chooses the provider again."""


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """How a provider is offered to citizens: the table `[policy]`."""

    enabled: bool = True
    """Whether the provider is offered. One that is not is named to citizens as turned off. To turn it off immediately,
    use `portico provider disable`."""
    services: tuple[str, ...] = ()
    """Soft launch: the services for which it is offered. Left out: all."""
    share: Annotated[int, Range(0, 100)] = 100
    """Soft launch: the percentage of browsers in which it is offered, always the same ones, and more of them as the
    share grows. 0 prepares a provider before its launch."""
    accept_new_until: Instant | None = None
    """From this time only citizens who used the provider before are accepted. A date, or a date and time."""
    accept_sign_in_until: Instant | None = None
    """From this time no sign-in is accepted."""
    accept_moving_until: Instant | None = None
    """Until when citizens who missed the end may still sign in with it at `/account/ways`, and move to another way.
    Services do not accept it then. Left out: not at all."""
    departures_per_second: Annotated[float, Range(0.1, 10000)] | None = None
    """How many citizens a second are sent there at most. All others get a place in line, with their position and time,
    and are offered other ways. Left out: no limit."""
    queue_limit: Annotated[int, Range(0, 1000000)] = 10000
    """How many citizens may wait in line. Beyond that the provider counts as busy."""
    overflow: Overflow = Overflow.QUEUE
    """What happens beyond the rate: `queue` gives citizens a place in line at once. `others` tells them that the
    provider is very busy and offers the other ways first; a citizen who chooses it again, or has no other way, gets a
    place in line."""
    fallback_share: Annotated[int, Range(0, 1000)] = 100
    """Weight with which this provider takes the place of one that does not work, in a list whose order is `shuffled`.
    With 200 it comes first for twice as many of these citizens as with 100; with 0 for none, so that an outage
    elsewhere does not become one here. A provider that recovers from an outage counts as 0 during `recovery`."""
    recovery: tuple[Annotated[float, Range(0.1, 10000)], ...] = (1.0, 5.0, 20.0)
    """After an outage: how many citizens a second are sent there, in steps of 30 seconds, before there is no such limit
    any more. Empty: none."""
    paused: Mapping[str, str] = field(default_factory=dict)
    """The reason why no citizen is sent there at present, by language. Citizens read it."""
    paused_until: Instant | None = None
    """When the pause ends automatically. Left out: when `paused` is removed."""
    languages: tuple[str, ...] = ()
    """Languages of the provider's own pages. Left out: unknown."""
    weight: int = 0
    """Position if the picker's order is `configured`: the lowest weight comes first."""
    staff_only: bool = False
    """Whether the provider is hidden from citizens."""
    contact: str | None = None
    """Help desk of the provider: an address or a telephone number, displayed as text."""

    def is_for(self, client_id: str) -> bool:
        """Whether the provider is meant for citizens of this service, whatever the time."""
        return not self.staff_only and (not self.services or client_id in self.services)

    def serves(self, service: Service, now: float) -> bool:
        """Whether citizens of this service may use the provider now."""
        ends = self.ends_for(service.client_id)
        return self.enabled and self.is_for(service.client_id) and (ends is None or now < ends)

    def ends_for(self, client_id: str) -> float | None:
        """When no sign-in is accepted any more at a service: later at the pages of the account."""
        if client_id == ACCOUNT_SERVICE and self.accept_moving_until is not None:
            return self.accept_moving_until
        return self.accept_sign_in_until

    def accepts_new(self, now: float) -> bool:
        """Whether citizens who have not used this provider before are accepted now."""
        return not self.has_left(now) and (self.accept_new_until is None or now < self.accept_new_until)

    def has_left(self, now: float) -> bool:
        """Whether services accept no sign-in of the provider any more."""
        return self.accept_sign_in_until is not None and now >= self.accept_sign_in_until

    def permits_moving(self, now: float) -> bool:
        """Whether the provider left, and its citizens may still move to another way."""
        return self.enabled and self.has_left(now) and now < (self.accept_moving_until or 0.0)

    def pause(self, now: float) -> ProviderPause | None:
        """The pause of the provider by its file now, or None."""
        if not self.paused:
            return None
        pause = ProviderPause(self.paused, self.paused_until)
        return pause if pause.holds(now) else None
