"""What everything in one process stands on, built once from settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from broker.actions.sign_in.desk import Registered
from broker.ambient import Ambient
from broker.app.rereading import Rereading
from broker.jose import KeySet
from broker.keys import Keys
from broker.model.service import Service
from broker.outgoing import Outgoing
from broker.seal import Sealer
from broker.settings import Settings, secret
from broker.stores.facts import Facts
from broker.stores.passing.opening import Passing
from broker.web.operations import Readiness
from providers.watch import Watch

if TYPE_CHECKING:
    from broker.web.operations.meters import Meters


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The services and providers as configured, with what is worked out of them once."""

    services: Mapping[str, Service]
    providers: Mapping[str, Registered]
    key_sets: Mapping[str, KeySet] = field(repr=False)

    def keys(self, client_id: str) -> KeySet:
        """The public keys of a service (an empty set for one without)."""
        return self.key_sets.get(client_id) or KeySet()


@dataclass(frozen=True, slots=True)
class Parts:
    """What both doors stand on, opened once in a process. `ambient` has a clock that does not run backwards."""

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


def password(file: Path | None) -> str | None:
    """The password in a file, None where there is no file."""
    return None if file is None else secret(file)
