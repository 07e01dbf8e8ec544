"""What everything in one process stands on, built once from settings."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from broker.ambient import Ambient
from broker.app.catalogue import Catalogue
from broker.app.rereading import Rereading
from broker.keys import Keys
from broker.outgoing import Outgoing
from broker.seal import Sealer
from broker.settings import Facts as FactsSettings
from broker.settings import Passing as PassingSettings
from broker.settings import Settings, secret
from broker.stores.facts import Facts
from broker.stores.passing.opening import Passing
from broker.stores.passing.transport import RedisAccess
from broker.tls import client_context
from broker.web.operations import Readiness
from providers.watch import Watch

if TYPE_CHECKING:
    from broker.app.registering import Files
    from broker.app.reloading import Reloading
    from broker.web.operations.meters import Meters


@dataclass(frozen=True, slots=True)
class Parts:
    """What both doors stand on, opened once in a process. `ambient` has a clock that does not run backwards.

    `settings` are those of the start: services and policies are asked of the `catalogue`. `reloading` is None where
    the settings did not come from a place that can be read again, `files` where services cannot register there.
    """

    settings: Settings
    ambient: Ambient
    keys: Keys
    rereading: Rereading
    sealer: Sealer
    facts: Facts
    passing: Passing
    outgoing: Outgoing
    catalogue: Catalogue
    watch: Watch
    meters: "Meters"
    readiness: Readiness
    reloading: "Reloading | None" = None
    files: "Files | None" = None


def password(file: Path | None) -> str | None:
    """The password in a file, None where there is no file."""
    return None if file is None else secret(file)


def encrypted(store: FactsSettings | PassingSettings) -> ssl.SSLContext | None:
    """How connections to a store are encrypted, None if they are plain. Raises TlsUnusable."""
    how = store.protection
    return None if how is None else client_context(how)


def redis_access(passing: PassingSettings) -> RedisAccess:
    """The passwords of Redis and its Sentinels, and how TLS is verified. Raises TlsUnusable."""
    return RedisAccess(
        password(passing.password_file),
        encrypted(passing),
        passing.sentinel_user,
        password(passing.sentinel_password_file),
    )
