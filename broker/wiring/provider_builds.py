"""Provider builds: the providers of the settings, each built again only if its settings or its files changed."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from broker.platform.http_client import HttpClient
from broker.platform.operator_files import content
from broker.provider import Provider
from broker.settings import BrokerSettings, ProviderEntry, Settings
from providers import KINDS, ProviderDependencies
from providers.kind import BrokerSite

UNBUILDABLE: Final = "correct its table and the files that it names"


class UnusableProvider(ValueError):
    """A provider cannot be built from its settings."""

    def __init__(self, provider: str, problem: Exception) -> None:
        super().__init__(f"{provider}: {problem}")
        self.provider = provider
        self.problem = str(problem)


@dataclass(frozen=True, slots=True)
class ProviderBuild:
    """A provider with what it was built from: settings, and the digests of the files that they name."""

    form: tuple[object, ...]
    provider: Provider


@dataclass(frozen=True, slots=True)
class PreparedProviders:
    """All providers of new settings, the one of staff included, not in force yet.

    `changed` are the ids of those that were built again, `replaced` the connection pools that they no longer use.
    """

    builds: Mapping[str, ProviderBuild]
    changed: tuple[str, ...]
    replaced: tuple[HttpClient, ...]


class ProviderBuilds:
    """The providers in force, and those of new settings before they are in force."""

    def __init__(self, dependencies: ProviderDependencies) -> None:
        """Nothing is built yet."""
        self._dependencies = dependencies
        self._builds: Mapping[str, ProviderBuild] = {}

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers in force by id, the one of staff included."""
        return {provider_id: build.provider for provider_id, build in self._builds.items()}

    def prepare(self, settings: Settings) -> PreparedProviders:
        """Builds what is new or changed; reads files, and needs no event loop. Changes nothing that is in force.

        A provider that is built again gets its own new connection pool: calls in progress keep the one before. Raises
        UnusableProvider, and then every pool is as before.
        """
        http_clients = self._dependencies.http_clients
        builds: dict[str, ProviderBuild] = {}
        changed: list[str] = []
        replaced: list[HttpClient] = []
        with ExitStack() as restore:
            for entry in settings.every_provider:
                known = self._builds.get(entry.id)
                try:
                    form = _form(entry)
                    if known is not None and known.form == form:
                        builds[entry.id] = known
                        continue
                    if (pool := http_clients.detach(f"provider:{entry.id}")) is not None:
                        restore.callback(http_clients.attach, pool)
                        replaced.append(pool)
                    provider = KINDS[entry.kind].build(entry.card, entry.config, self._dependencies)
                except (OSError, ValueError) as problem:
                    raise UnusableProvider(entry.id, problem) from problem
                builds[entry.id] = ProviderBuild(form, provider)
                if known is not None:
                    changed.append(entry.id)
            restore.pop_all()
        return PreparedProviders(builds, tuple(changed), tuple(replaced))

    def commit(self, prepared: PreparedProviders) -> None:
        """Puts what was prepared in force, and lets go of the connections of providers that changed or went."""
        http_clients = self._dependencies.http_clients
        gone = [http_clients.detach(f"provider:{name}") for name in self._builds if name not in prepared.builds]
        self._builds = prepared.builds
        for pool in (*prepared.replaced, *gone):
            if pool is not None:
                http_clients.retire(pool)


def provider_site(broker: BrokerSettings) -> BrokerSite:
    """The broker, as a provider of its own names it."""
    return BrokerSite(broker.issuer, next(iter(broker.name.values())))


def _form(entry: ProviderEntry) -> tuple[object, ...]:
    """What a provider is built from, its policy excepted."""
    digests = tuple(hashlib.sha256(content(path)).digest() for _, path in entry.files())
    return entry.kind, entry.card, entry.config, digests
