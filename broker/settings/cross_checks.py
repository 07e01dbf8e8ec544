"""Checks of services against each other and against the providers, in time that grows as their number does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from broker.model.assurance import Level
from broker.model.service import Service, SubjectType, default_sector
from broker.platform.toml_loader import Problem, suggestion
from broker.settings.check_context import CheckContext
from broker.settings.providers import ProviderEntry

PASSKEYS: Final = "passkey"
"""The kind of provider whose sign-ins are done at the broker itself."""


def sectors(services: Iterable[Service]) -> Mapping[str, Sequence[Service]]:
    """The services with pairwise subjects by their sector."""
    found: dict[str, list[Service]] = {}
    for service in services:
        if service.subject_type is SubjectType.PAIRWISE:
            sector = service.registered_sector or default_sector(service.redirect_uris)
            found.setdefault(sector, []).append(service)
    return found


def check_sectors(by_sector: Mapping[str, Sequence[Service]], service: Service) -> Iterator[Problem]:
    """Checks that a sector is shared only explicitly: services of one sector can correlate citizens (OpenID Connect
    Core 8.1)."""
    sector = service.sector
    if service.registered_sector is not None or not sector:
        return
    other = next((other for other in by_sector.get(sector, ()) if other is not service), None)
    if other is not None:
        fix = f'write sector = "{sector}" if both may receive the same sub for a citizen, else another host of yours'
        yield Problem("sector", f'it is left out, and the default is also the sector of "{other.client_id}"', fix)


def check_providers(service: Service, known: Mapping[str, object]) -> Iterator[Problem]:
    """Checks that the providers exist."""
    for i, name in enumerate(service.providers):
        if name not in known:
            yield Problem(f"providers[{i}]", f'there is no provider "{name}"', suggestion(name, known))


def check_own_kind(entry: ProviderEntry, providers: Sequence[ProviderEntry]) -> Iterator[Problem]:
    """Checks that one provider alone has the passkeys, which are the broker's whatever its file is called."""
    if entry.kind != PASSKEYS:
        return
    others = [other.id for other in providers if other.kind == PASSKEYS and other is not entry]
    if others:
        yield Problem("kind", f'"{others[0]}" is of this kind too', "keep one of them")


class ReachableLevels:
    """The highest level that a service's providers reach, without a look at every provider for every service."""

    def __init__(self, providers: Mapping[str, ProviderEntry]) -> None:
        """Providers that are off, or for staff alone, reach nothing."""
        self._offered = {
            entry.id: entry for entry in providers.values() if entry.policy.enabled and not entry.policy.staff_only
        }
        launched = [entry.card.max_level for entry in self._offered.values() if not entry.policy.services]
        self._by_all: int = max(launched, default=0)
        self._by_service: dict[str, int] = {}
        for entry in self._offered.values():
            for client_id in entry.policy.services:
                known = self._by_service.get(client_id, 0)
                self._by_service[client_id] = max(known, entry.card.max_level)

    def of(self, service: Service) -> int:
        """The highest level of the service's providers, or 0."""
        if not service.providers:
            return max(self._by_all, self._by_service.get(service.client_id, 0))
        named = (self._offered[name] for name in service.providers if name in self._offered)
        return max((one.card.max_level for one in named if one.policy.is_for(service.client_id)), default=0)


def check_level(service: Service, levels: ReachableLevels, context: CheckContext) -> Iterator[Problem]:
    """Checks that a provider, or assisted verification, reaches the service's level."""
    if service.assisted and context.help:
        return
    if levels.of(service) < service.level:
        fix = "allow a provider that reaches it, or assisted = true"
        yield Problem("level", "no provider of this service reaches it", fix)


def sole_providers(
    services: Iterable[Service], providers: Mapping[str, ProviderEntry]
) -> Mapping[tuple[str, Level], Sequence[str]]:
    """The providers that alone reach a level, with the services that need it: if one fails, no other can stand in.

    A provider that alone reaches the highest level is listed also without such a service, since a request may ask for
    it. The search for each service ends at the second provider.
    """
    offered = [entry for entry in providers.values() if entry.policy.enabled and not entry.policy.staff_only]
    reaching = {level: [entry for entry in offered if entry.card.max_level >= level] for level in Level}
    found: dict[tuple[str, Level], list[str]] = {}
    if len(reaching[max(Level)]) == 1:
        found[reaching[max(Level)][0].id, max(Level)] = []
    for service in services:
        named = [providers[name] for name in service.providers if name in providers]
        able = [entry for entry in named if entry in reaching[service.level]] if named else reaching[service.level]
        two = list(islice((entry.id for entry in able if entry.policy.is_for(service.client_id)), 2))
        if len(two) == 1:
            found.setdefault((two[0], service.level), []).append(service.client_id)
    return found
