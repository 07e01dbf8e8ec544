"""Rotation rules: a key is published before it signs, and until everything that it signed has expired."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.crypto.keys.index import KeyEntry, KeyState

NOTICE: Final = 24 * 3600
"""Seconds for which a key is published before it signs, so that a client that caches the key set for a day knows it."""


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """Rotation times in seconds.

    `last_use` is how long a retired key stays published. `every` is the age at which a key is replaced automatically;
    None if only operators replace keys.
    """

    last_use: int
    every: int | None = None
    notice: int = NOTICE


class RotationStep(StrEnum):
    """Steps of a rotation for one algorithm."""

    ANNOUNCE = "show"
    PROMOTE = "swap"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class DueRotation:
    """Step, and the earliest time for it in seconds since 1970 UTC."""

    step: RotationStep
    alg: str
    at: float


def find_key(entries: Sequence[KeyEntry], alg: str, state: KeyState) -> KeyEntry | None:
    """First key for an algorithm in a state."""
    return next((entry for entry in entries if entry.alg == alg and entry.state is state), None)


def state_since(entry: KeyEntry) -> float:
    """Time at which a key entered its state; 0 if unknown. `manager.dated` sets it for entries without one."""
    return entry.since if entry.since is not None else 0.0


def next_step(entries: Sequence[KeyEntry], alg: str, policy: RotationPolicy) -> DueRotation:
    """Next step of a routine rotation of the signing key, with its earliest time."""
    coming = find_key(entries, alg, KeyState.NEXT)
    return (
        DueRotation(RotationStep.ANNOUNCE, alg, 0.0)
        if coming is None
        else DueRotation(RotationStep.PROMOTE, alg, state_since(coming) + policy.notice)
    )


def removal_time(entry: KeyEntry, policy: RotationPolicy, *, encryption: bool = False) -> float:
    """Earliest time at which a retired key may be removed. A decryption key also stays for clients that cache the key
    set.
    """
    return state_since(entry) + policy.last_use + (policy.notice if encryption else 0)


def schedule(entries: Sequence[KeyEntry], policy: RotationPolicy, *, encryption: bool = False) -> list[DueRotation]:
    """Automatic steps with their times, for signing or for decryption keys."""
    steps = [
        DueRotation(RotationStep.REMOVE, entry.alg, removal_time(entry, policy, encryption=encryption))
        for entry in entries
        if entry.state is KeyState.RETIRED
    ]
    for alg in sorted({entry.alg for entry in entries}) if policy.every is not None else ():
        current, coming = find_key(entries, alg, KeyState.CURRENT), find_key(entries, alg, KeyState.NEXT)
        end = state_since(current) + (policy.every or 0) if current is not None else 0.0
        if encryption:
            steps.append(DueRotation(RotationStep.PROMOTE, alg, end))
        elif coming is None:
            steps.append(DueRotation(RotationStep.ANNOUNCE, alg, end - policy.notice))
        else:
            steps.append(DueRotation(RotationStep.PROMOTE, alg, max(end, state_since(coming) + policy.notice)))
    return steps


def announce(entries: Sequence[KeyEntry], fresh: KeyEntry, now: float) -> tuple[KeyEntry, ...]:
    """Adds a new key in state `next`; it replaces a key in that state that never signed."""
    rest = (entry for entry in entries if entry.alg != fresh.alg or entry.state is not KeyState.NEXT)
    return (*rest, replace(fresh, state=KeyState.NEXT, since=now))


def promote(entries: Sequence[KeyEntry], alg: str, now: float) -> tuple[KeyEntry, ...]:
    """Makes the next key current, and the current one retired."""
    moves = {KeyState.NEXT: KeyState.CURRENT, KeyState.CURRENT: KeyState.RETIRED}
    return tuple(
        replace(entry, state=moves[entry.state], since=now) if entry.alg == alg and entry.state in moves else entry
        for entry in entries
    )


def remove_all_but_current(entries: Sequence[KeyEntry], alg: str) -> tuple[KeyEntry, ...]:
    """Removes all keys for an algorithm but the current one."""
    return tuple(entry for entry in entries if entry.alg != alg or entry.state is KeyState.CURRENT)


def remove_expired(
    entries: Sequence[KeyEntry], policy: RotationPolicy, now: float, *, encryption: bool = False
) -> tuple[KeyEntry, ...]:
    """Removes the retired keys that are no longer needed."""
    return tuple(
        entry
        for entry in entries
        if entry.state is not KeyState.RETIRED or removal_time(entry, policy, encryption=encryption) > now
    )
