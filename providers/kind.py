"""Provider kinds: the settings of a kind, their checks, and the constructor of its providers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from broker.model.json_types import JsonObject
from broker.passkey_provider import StoredPasskeys
from broker.platform.http_client import HttpClients
from broker.platform.operator_files import content
from broker.platform.system import System
from broker.platform.toml_loader import Problem
from broker.provider import Provider, ProviderInfo

C = TypeVar("C")
_Config = TypeVar("_Config", contravariant=True)


class ConfigCheck(Protocol[_Config]):
    """Signature of a kind's check of its settings."""

    def __call__(self, config: _Config, /, *, development: bool) -> list[Problem]: ...


@dataclass(frozen=True, slots=True)
class BrokerSite:
    """The broker itself, as a provider of its own names it: `issuer`, and a name that citizens know."""

    issuer: str = "https://broker.invalid"
    name: str = "Portico"


@dataclass(frozen=True, slots=True)
class ProviderDependencies:
    """Dependencies of a provider: outgoing connections, clock and random source, the reader of secret files.

    `site` is the broker, `passkeys` the passkeys of citizens, None outside of the server. `count_malformed` counts a
    malformed claim that was left out: id of the provider, the broker's name of the claim. It never fails and never
    waits.
    """

    http_clients: HttpClients
    system: System
    read: Callable[[Path], bytes] = content
    count_malformed: Callable[[str, str], None] = lambda _provider, _claim: None
    site: BrokerSite = BrokerSite()
    passkeys: StoredPasskeys | None = None


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """One kind of provider.

    `config` is the dataclass of its TOML table; `check(config, development)` returns its problems beyond the types of
    its fields, with paths inside the table; `with_preset(name, environment, table)` is a file's table on top of one of
    `preset_names`, and raises LookupError; `public_keys(config)` are the broker's public keys at the provider, and
    raises OSError or ValueError; `build(card, config, ground)` constructs the provider without network access, and
    raises OSError or ValueError for a key file that cannot be read or used; `deviations(config, outgoing)` fetches the
    provider's metadata and returns its deviations from the standards, though sign-ins work with it.
    """

    config: type[C]
    check: ConfigCheck[C]
    preset_names: Sequence[str]
    with_preset: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
    public_keys: Callable[[C], JsonObject]
    build: Callable[[ProviderInfo, C, ProviderDependencies], Provider]
    deviations: Callable[[C, HttpClients], Awaitable[Sequence[str]]]
