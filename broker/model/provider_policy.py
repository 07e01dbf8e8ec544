"""An operator's policy for one provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """How the operator offers one provider. Times are seconds since 1970 UTC; texts are by language.

    `services` limits the services it is offered for (a soft launch; empty: all). From `accept_new_until` on only
    citizens who used it before are accepted, from `accept_sign_in_until` on nobody. `paused` is the reason for which
    no citizen is sent there, shown to citizens, until `paused_until` (None: until further notice). `languages` are
    those the provider's own pages speak (empty: not known). `weight` places it where the order is configured, the
    lightest first. `staff_only` keeps it from citizens altogether. `contact` is where the provider helps its users.
    """

    enabled: bool = True
    services: tuple[str, ...] = ()
    accept_new_until: float | None = None
    accept_sign_in_until: float | None = None
    paused: Mapping[str, str] = field(default_factory=dict)
    paused_until: float | None = None
    languages: tuple[str, ...] = ()
    weight: int = 0
    staff_only: bool = False
    contact: str | None = None

    def serves(self, service: Service, now: float) -> bool:
        """Whether citizens of this service may use the provider at all now."""
        leaves = self.accept_sign_in_until
        launched = not self.services or service.client_id in self.services
        return self.enabled and not self.staff_only and launched and (leaves is None or now < leaves)

    def accepts_new(self, now: float) -> bool:
        """Whether citizens whom this broker does not know through the provider are accepted now."""
        return self.accept_new_until is None or now < self.accept_new_until

    def is_paused(self, now: float) -> bool:
        """Whether the operator sends nobody there now."""
        return bool(self.paused) and (self.paused_until is None or now < self.paused_until)
