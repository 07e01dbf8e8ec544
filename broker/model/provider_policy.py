"""Policy of the operator for one provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """Policy for offering a provider. Times are seconds since 1970 UTC; texts are by language.

    `services` limits the services it is offered for (a soft launch; empty: all). From `accept_new_until` on, only
    citizens who used it before are accepted; from `accept_sign_in_until` on, no citizens are. `paused` is the reason,
    displayed to citizens, for which no citizen is sent there until `paused_until` (None: until further notice).
    `languages` are those of the provider's own pages (empty: not known). `weight` is its position in the configured
    order, lightest first. `staff_only` hides it from citizens. `contact` is the provider's support address.
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
        """Whether citizens of this service may use the provider now."""
        leaves = self.accept_sign_in_until
        launched = not self.services or service.client_id in self.services
        return self.enabled and not self.staff_only and launched and (leaves is None or now < leaves)

    def accepts_new(self, now: float) -> bool:
        """Whether citizens who have not used this provider before are accepted now."""
        return self.accept_new_until is None or now < self.accept_new_until

    def is_paused(self, now: float) -> bool:
        """Whether the operator paused the provider now."""
        return bool(self.paused) and (self.paused_until is None or now < self.paused_until)
