"""What a kind of provider is: a table an operator writes, and what makes a provider of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from broker.platform.http_client import HttpClients
from broker.platform.operator_files import content
from broker.platform.system import System
from broker.platform.toml_loader import Problem
from broker.provider import Provider, ProviderInfo

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ProviderDependencies:
    """What a provider stands on: the way out, time and chance, a reader of secret files.

    `count_malformed` counts a claim that a provider sent in a form that was left out: id of the provider, our name of
    the claim. It never fails and never waits.
    """

    outgoing: HttpClients
    system: System
    read: Callable[[Path], bytes] = content
    count_malformed: Callable[[str, str], None] = lambda provider, claim: None


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """One kind of provider.

    `config` is the dataclass that its TOML table fills; `check(config, development)` names what is wrong in it beyond
    the types of its fields, with paths inside the table; `build(card, config, ground)` makes the provider without
    touching the network, and raises OSError or ValueError for a key file that cannot be read or does not fit;
    `departures(config, outgoing)` asks the provider for its metadata and names what departs from the standards, though
    sign-ins work with it.
    """

    config: type[C]
    check: Callable[[C, bool], list[Problem]]
    build: Callable[[ProviderInfo, C, ProviderDependencies], Provider]
    departures: Callable[[C, HttpClients], Awaitable[Sequence[str]]]
