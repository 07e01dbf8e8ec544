"""The history of the register of services: what each may ask for is recorded when it changes, for everybody to read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from broker.model.service import Service
from broker.model.service_entry import ServiceEntry, new_entries


class ServiceEntries(Protocol):
    """Entries of the history."""

    async def record(
        self, decide: Callable[[Mapping[str, ServiceEntry]], Sequence[ServiceEntry]]
    ) -> Sequence[ServiceEntry]:
        """Records what `decide` says of the latest entry of each service. Returns it: nothing also if another process
        records at present.
        """
        ...

    async def history(self) -> Sequence[ServiceEntry]:
        """Every entry, the oldest first."""
        ...


async def record_register(entries: ServiceEntries, services: Iterable[Service], now: float) -> None:
    """Records the services that were added, changed or removed since the last time."""
    current = tuple(services)
    await entries.record(lambda latest: new_entries(latest, current, now))
