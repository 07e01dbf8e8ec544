"""Shared health of providers: what one process observes at a provider, as it tells the others.

Each process feeds its own circuit breakers with its own observations at once, and with those of the others about a
second later. So all of them hold the same, and each goes on alone while the store between them is away.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from broker.model.json_types import JsonObject

MOST: Final = 100
"""Largest number of outcomes of one provider in an entry; the oldest of more are dropped."""
LONGEST_DETAIL: Final = 200
"""Largest number of characters of the detail of a health check."""


class ProviderSignals(Protocol):
    """The connection between processes. Both methods raise StoreUnavailable."""

    async def exchange(self, entry: bytes) -> Sequence[bytes]:
        """Writes an entry unless it is empty. Returns those that others wrote since the last call, in their order."""
        ...

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether this process gets a lease: no other gets it for this time."""
        ...


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a health check."""

    working: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observations:
    """What a process observed at one provider in the last second.

    `outcomes` are those of sign-ins in their order, True for a success; `seconds` are durations of whole sign-ins.
    """

    outcomes: tuple[bool, ...] = ()
    seconds: tuple[float, ...] = ()
    check: CheckResult | None = None


NOTHING: Final = Observations()


class Alone:
    """Signals of a process without others."""

    async def exchange(self, _entry: bytes) -> Sequence[bytes]:
        """No other process has observed anything."""
        return ()

    async def claim(self, _name: str, _seconds: float) -> bool:
        """No other process wants it."""
        return True


class ObservationBuffer:
    """What this process observed since it last told the others."""

    def __init__(self) -> None:
        """Nothing was observed yet."""
        self._observed: dict[str, Observations] = {}

    def add(self, provider: str, more: Observations) -> None:
        """Adds the newest observations at a provider."""
        self._observed[provider] = _joined(self._observed.get(provider, NOTHING), more)

    def take(self) -> Mapping[str, Observations]:
        """Returns everything, and forgets it."""
        observed, self._observed = self._observed, {}
        return observed

    def put_back(self, observed: Mapping[str, Observations]) -> None:
        """Stores again what could not be told, before what was observed meanwhile."""
        for provider, before in observed.items():
            self._observed[provider] = _joined(before, self._observed.get(provider, NOTHING))


def _joined(before: Observations, after: Observations) -> Observations:
    return Observations(
        (*before.outcomes, *after.outcomes)[-MOST:],
        (*before.seconds, *after.seconds)[-MOST:],
        after.check or before.check,
    )


def encode(at: float, observed: Mapping[str, Observations]) -> bytes:
    """An entry of the log: observations by provider, made until `at` (seconds since 1970 UTC)."""
    if not observed:
        return b""
    providers = {
        name: {
            "o": "".join("1" if good else "0" for good in one.outcomes[-MOST:]),
            "s": [round(each, 1) for each in one.seconds[-MOST:]],
            **({} if one.check is None else {"c": [one.check.working, one.check.detail[:LONGEST_DETAIL]]}),
        }
        for name, one in observed.items()
    }
    return json.dumps({"at": at, "p": providers}, separators=(",", ":")).encode()


def decode(entry: bytes) -> tuple[float, Mapping[str, Observations]] | None:
    """The observations of an entry, and when they were made. None if it has another form, as of another release."""
    try:
        value = json.loads(entry)
    except ValueError:
        return None
    at, providers = (value.get("at"), value.get("p")) if isinstance(value, dict) else (None, None)
    if not isinstance(at, int | float) or not isinstance(providers, dict):
        return None
    return float(at), {
        name: found
        for name, one in providers.items()
        if isinstance(one, dict) and (found := _observations(one)) is not None
    }


def _observations(one: JsonObject) -> Observations | None:
    outcomes, seconds, check = one.get("o"), one.get("s"), one.get("c")
    if not isinstance(outcomes, str) or not isinstance(seconds, list):
        return None
    result = None
    if isinstance(check, list) and len(check) == 2 and isinstance(check[0], bool) and isinstance(check[1], str):
        result = CheckResult(check[0], check[1])
    return Observations(
        tuple(letter == "1" for letter in outcomes[-MOST:]),
        tuple(float(each) for each in seconds[-MOST:] if isinstance(each, int | float) and each >= 0),
        result,
    )
