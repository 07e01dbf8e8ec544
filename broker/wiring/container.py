"""What everything in one process stands on, built once from settings."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from broker.crypto.keys import LiveKeyRing
from broker.crypto.seal import Sealer
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.platform.tls import client_context
from broker.settings import DatabaseSettings as FactsSettings
from broker.settings import EphemeralSettings as PassingSettings
from broker.settings import Settings, read_secret
from broker.stores.ephemeral.open import EphemeralStores
from broker.stores.ephemeral.transport import RedisAccess
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


def read_password(file: Path | None) -> str | None:
    """The password in a file, None where there is no file."""
    return None if file is None else read_secret(file)


def tls_context(store: FactsSettings | PassingSettings) -> ssl.SSLContext | None:
    """How connections to a store are encrypted, None if they are plain. Raises TlsUnusable."""
    how = store.protection
    return None if how is None else client_context(how)


def redis_access(passing: PassingSettings) -> RedisAccess:
    """The passwords of Redis and its Sentinels, and how TLS is verified. Raises TlsUnusable."""
    return RedisAccess(
        read_password(passing.password_file),
        tls_context(passing),
        passing.sentinel_user,
        read_password(passing.sentinel_password_file),
    )
