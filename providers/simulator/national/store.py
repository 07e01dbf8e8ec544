"""What a simulated national provider keeps in memory: pushed requests, codes, tokens, nonces, used ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from broker.platform.system import System
from providers.simulator.national.tokens import NationalSignIn


class Expiring(Protocol):
    """A record that expires."""

    @property
    def expires(self) -> float: ...


T = TypeVar("T", bound=Expiring)


class Shelf(Generic[T]):
    """Records by a random name, until they expire."""

    def __init__(self, system: System, before: str = "") -> None:
        """`before` begins each name."""
        self._system = system
        self._before = before
        self._kept: dict[str, T] = {}

    def put(self, record: T) -> str:
        """Keeps a record. Returns its name."""
        now = self._system.now()
        for old in [name for name, one in self._kept.items() if one.expires <= now]:
            del self._kept[old]
        name = f"{self._before}{self._system.random_bytes(24).hex()}"
        self._kept[name] = record
        return name

    def find(self, name: str) -> T | None:
        """The record of a name."""
        found = self._kept.get(name)
        return found if found is not None and found.expires > self._system.now() else None

    def take(self, name: str) -> T | None:
        """The record of a name, once."""
        found = self.find(name)
        self._kept.pop(name, None)
        return found


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """The parameters of a pushed request, and the thumbprint of its DPoP key."""

    parameters: Mapping[str, str]
    key: str
    expires: float


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce for DPoP proofs (RFC 9449 8)."""

    expires: float


class NationalStore:
    """The memory of one provider."""

    def __init__(self, system: System) -> None:
        """Empty."""
        self._system = system
        self._used: set[str] = set()
        self.codes: Shelf[NationalSignIn] = Shelf(system)
        self.tokens: Shelf[NationalSignIn] = Shelf(system)
        self.grants: Shelf[NationalSignIn] = Shelf(system)
        self.pushed: Shelf[PushedRequest] = Shelf(system, "urn:ietf:params:oauth:request_uri:")
        self.nonces: Shelf[Nonce] = Shelf(system)

    def push(self, parameters: Mapping[str, str], key: str, life: float) -> str:
        """Keeps a pushed request. Returns its `request_uri`."""
        return self.pushed.put(PushedRequest(parameters, key, self._system.now() + life))

    def new_nonce(self, life: float) -> str:
        """A new nonce."""
        return self.nonces.put(Nonce(self._system.now() + life))

    def use(self, word: str) -> bool:
        """Whether an id is used for the first time."""
        if word in self._used:
            return False
        self._used.add(word)
        return True
