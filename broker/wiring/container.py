"""Container: the shared parts of one process, built once from the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.actions.assisted.ports import Notifiers
from broker.actions.open_data.starts import StartCounter
from broker.assisted.profiles import Profiles
from broker.crypto.keys import LiveKeyRing
from broker.crypto.seal import Sealer
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.settings import Settings
from broker.stores.ephemeral.open import EphemeralStores
from broker.stores.sql_stores import SqlStores
from broker.web.operations import Readiness
from broker.wiring.registry import Registry
from broker.wiring.settings_reload import SettingsWatch
from providers.health_monitor import HealthMonitor

if TYPE_CHECKING:
    from broker.web.operations.metrics import Metrics
    from broker.wiring.client_files import ClientFiles
    from broker.wiring.settings_reload import SettingsReloader


@dataclass(frozen=True, slots=True)
class ContainerCrypto:
    """The key ring, reloaded while the process runs, and the encryption of stored data."""

    keys: LiveKeyRing
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class ContainerConnections:
    """What is connected to other servers: database, ephemeral state, HTTP, mail. `notifiers` send to citizens."""

    sql_stores: SqlStores
    ephemeral_stores: EphemeralStores
    http_clients: HttpClients
    notifiers: Notifiers


@dataclass(frozen=True, slots=True)
class ContainerConfiguration:
    """The current services and providers, and what reloads them; what evidence in assisted verification is worth.

    `settings_reloader` is None if the settings cannot be read again, `client_files` if services cannot register
    themselves.
    """

    registry: Registry
    settings_watch: SettingsWatch
    profiles: Profiles
    settings_reloader: "SettingsReloader | None" = None
    client_files: "ClientFiles | None" = None


@dataclass(frozen=True, slots=True)
class ContainerMonitoring:
    """Health of the providers, metrics, readiness of the process, and the sign-ins that it started."""

    health_monitor: HealthMonitor
    metrics: "Metrics"
    readiness: Readiness
    starts: StartCounter


@dataclass(frozen=True, slots=True)
class Container:
    """What both applications of a process are built from, opened once. The clock of `system` does not run backwards.

    `settings` are those of the start: current services and policies are in `configuration.registry`.
    """

    settings: Settings
    system: System
    crypto: ContainerCrypto
    connections: ContainerConnections
    configuration: ContainerConfiguration
    monitoring: ContainerMonitoring
