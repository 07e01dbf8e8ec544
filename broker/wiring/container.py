"""What everything in one process stands on, built once from settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.crypto.keys import LiveKeyRing
from broker.crypto.seal import Sealer
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.settings import Settings
from broker.stores.ephemeral.open import EphemeralStores
from broker.stores.sql_stores import SqlStores
from broker.web.operations import Readiness
from broker.wiring.registry import Registry
from broker.wiring.settings_watch import SettingsWatch
from providers.health_monitor import HealthMonitor

if TYPE_CHECKING:
    from broker.web.operations.metrics import Metrics
    from broker.wiring.client_files import ClientFiles
    from broker.wiring.settings_reload import SettingsReloader


@dataclass(frozen=True, slots=True)
class Container:
    """What both doors stand on, opened once in a process. `system` has a clock that does not run backwards.

    `settings` are those of the start: services and policies are asked of the `catalogue`. `reloading` is None where
    the settings did not come from a place that can be read again, `files` where services cannot register there.
    """

    settings: Settings
    system: System
    keys: LiveKeyRing
    settings_watch: SettingsWatch
    sealer: Sealer
    sql_stores: SqlStores
    ephemeral_stores: EphemeralStores
    http_clients: HttpClients
    registry: Registry
    health_monitor: HealthMonitor
    metrics: "Metrics"
    readiness: Readiness
    settings_reloader: "SettingsReloader | None" = None
    client_files: "ClientFiles | None" = None
