"""Registry of the configured services and providers: read at each request, replaced as a whole by a reload."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, Final, TypeVar

from broker.actions.assisted.staff_login import StaffDirectory
from broker.actions.sign_in.context import ConfiguredProvider
from broker.crypto.client_jwks import ClientJwks
from broker.crypto.jose import Certificate, KeySet, parse_keys
from broker.crypto.jwe import EncryptionKey, parse_encryption_keys
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.model.store_results import StoreUnavailable
from broker.platform.http_client import HttpClients
from broker.platform.refreshing_cache import FetchFailed
from broker.platform.system import System
from broker.provider import callback_url
from broker.settings import Settings
from broker.wiring.provider_builds import PreparedProviders, ProviderBuilds
from providers.health_monitor import HealthMonitor

T = TypeVar("T")

NO_KEYS: Final = KeySet()


class LiveMapping(Mapping[str, T]):
    """A mapping that always shows the current registrations, so that its holder may keep it.

    The result of one call, such as `items()`, does not change if a reload follows.
    """

    __slots__ = ("_now",)

    def __init__(self) -> None:
        """Nothing yet."""
        self._now: Mapping[str, T] = {}

    def swap(self, now: Mapping[str, T]) -> None:
        """Replaces the content. The caller must not change `now` afterwards."""
        self._now = now

    def __getitem__(self, key: str) -> T:
        return self._now[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def __contains__(self, key: object) -> bool:
        return key in self._now

    def get(self, key: str, default: Any = None) -> Any:
        """As every mapping has it, without the way round over KeyError."""
        return self._now.get(key, default)

    def keys(self) -> KeysView[str]:
        """The ids of this moment."""
        return self._now.keys()

    def values(self) -> ValuesView[T]:
        """Those of this moment."""
        return self._now.values()

    def items(self) -> ItemsView[str, T]:
        """Current ids and values."""
        return self._now.items()


class Registry:
    """Services and providers by id. `version` grows with every taking."""

    def __init__(
        self, health_monitor: HealthMonitor, builds: ProviderBuilds, http_clients: HttpClients, system: System
    ) -> None:
        """Nothing is registered yet."""
        self.services = LiveMapping[Service]()
        self.providers = LiveMapping[ConfiguredProvider]()
        self.staff: StaffDirectory | None = None
        self.version = 0
        self._health_monitor = health_monitor
        self._builds = builds
        self._replaced_at = 0.0
        self._http_clients = http_clients
        self._system = system
        self._key_sets: dict[str, KeySet] = {}
        self._remote: Mapping[str, ClientJwks] = {}
        self._encryption_keys: dict[str, Sequence[EncryptionKey]] = {}
        self._offerable: dict[str, Sequence[ConfiguredProvider]] = {}

    def prepare(self, settings: Settings) -> PreparedProviders:
        """Builds the providers of new settings, which takes time; nothing changes. Raises UnusableProvider."""
        return self._builds.prepare(settings)

    def replace_all(self, settings: Settings, prepared: PreparedProviders) -> None:
        """From here on this is what is registered: in one go, since nothing else runs meanwhile (it never waits).

        `prepared` are the providers of these settings. Keys in the files of services are imported when they are first
        needed; those that services show by themselves begin to be fetched.
        """
        issuer = settings.broker.issuer
        remote = {
            client_id: self._remote_keys(client_id, service.credentials.jwks_uri)
            for client_id, service in settings.services.items()
            if service.credentials.jwks_uri is not None
        }
        self._builds.commit(prepared)
        built = self._builds.providers
        watched = self._health_monitor.watch({provider_id: built[provider_id] for provider_id in settings.providers})
        self.services.swap(settings.services)
        self.providers.swap(
            {
                provider_id: ConfiguredProvider(watched[provider_id], entry.policy, callback_url(issuer, provider_id))
                for provider_id, entry in settings.providers.items()
            }
        )
        if settings.staff is not None:
            staff = settings.staff
            self.staff = StaffDirectory(built[staff.provider.id], staff.people, staff.policy)
        self._key_sets, self._remote, self._encryption_keys, self._offerable = {}, remote, {}, {}
        self._replaced_at = self._system.now()
        self.version += 1

    def removed(self, provider: str, since: float) -> bool:
        """Whether a provider that a process knew at `since` (seconds since 1970 UTC) is configured no longer.

        False for one that other processes have from newer files, which this process has not read yet.
        """
        return provider not in self.providers and since < self._replaced_at

    def offerable(self, service: Service) -> Sequence[ConfiguredProvider]:
        """The providers that the configuration permits for a service: computed once for each state of the registry."""
        known = self._offerable.get(service.client_id)
        if known is not None and self.services.get(service.client_id) is service:
            return known
        named = [found for name in dict.fromkeys(service.providers) if (found := self.providers.get(name)) is not None]
        listed = named if service.providers else self.providers.values()
        found = tuple(one for one in listed if one.policy.is_for(service.client_id))
        if self.services.get(service.client_id) is service:  # not that of a request from before a reload
            self._offerable[service.client_id] = found
        return found

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service, to verify a token or match a certificate. For an empty text nothing is fetched.

        Returns an empty set for a service without keys, and for one whose JWKS URL cannot be fetched now. If a
        reload replaces the keys during the fetch, the answer is those of the new registration.
        """
        while True:
            service = self.services.get(client_id)
            if service is not None and service.credentials.jwks is not None:
                return self._own_keys(client_id, service.credentials.jwks)
            remote = self._remote.get(client_id)
            if remote is None or not proof:
                return NO_KEYS
            try:
                keys = await remote.keys(proof)
            except FetchFailed:
                keys = NO_KEYS
            if self._remote.get(client_id) is remote:
                return keys

    def _own_keys(self, client_id: str, jwks: JsonObject) -> KeySet:
        """The keys in a service's file, imported when they are first needed: an import takes longer than a look-up."""
        known = self._key_sets.get(client_id)
        if known is None:
            known = self._key_sets[client_id] = parse_keys(jwks)
        return known

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """The encryption keys of a service: those in its file, imported at first use, or those at its JWKS URL, which
        is fetched again if it lacks one for `alg`. Raises StoreUnavailable if they cannot be fetched.
        """
        remote = self._remote.get(service.client_id)
        if remote is not None:
            try:
                return await remote.encryption_keys(alg)
            except FetchFailed as missed:
                raise StoreUnavailable(f"the keys of {service.client_id}: {missed}") from None
        known = self._encryption_keys.get(service.client_id)
        if known is not None and self.services.get(service.client_id) is service:
            return known
        keys = parse_encryption_keys(service.credentials.jwks or {"keys": []})
        if self.services.get(service.client_id) is service:  # not that of a request from before a reload
            self._encryption_keys[service.client_id] = keys
        return keys

    def _remote_keys(self, client_id: str, url: str) -> ClientJwks:
        """The present ones if the URL is the same. Each service has its own connections, so that it delays no other."""
        known = self._remote.get(client_id)
        if known is not None and known.url == url:
            return known
        keys = ClientJwks(client_id, url, self._http_clients.client(f"keys:{client_id}", limit=1), self._system)
        keys.prefetch()
        return keys
