"""The history of the register of services: what each might ask for, since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.model.audit import AuditEvent
from broker.model.service import Service


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What a service may ask for from a time on (seconds since 1970 UTC). `level` is "" from its removal on."""

    client_id: str
    at: float
    level: str
    claims: tuple[str, ...]

    @property
    def removed(self) -> bool:
        """Whether the service was not registered any more."""
        return not self.level

    def event(self) -> AuditEvent:
        """The audit row of the entry."""
        details = {"level": self.level, "claims": " ".join(self.claims)}
        kind = "service_removed" if self.removed else "service_registered"
        return AuditEvent(kind, self.at, "broker", client_id=self.client_id, details=details)


def new_entries(
    latest: Mapping[str, ServiceEntry], services: Iterable[Service], now: float
) -> tuple[ServiceEntry, ...]:
    """The entries by which the register differs from the latest entry of each service."""
    current = {
        one.client_id: ServiceEntry(one.client_id, now, one.level.name.lower(), tuple(sorted(one.claims)))
        for one in services
    }
    found = [
        entry
        for name, entry in current.items()
        if name not in latest or (latest[name].level, latest[name].claims) != (entry.level, entry.claims)
    ]
    gone = [name for name, entry in latest.items() if name not in current and not entry.removed]
    return (*found, *(ServiceEntry(name, now, "", ()) for name in gone))
