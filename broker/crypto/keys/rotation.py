"""The rules by which keys come and go. A key is shown before it signs, and as long as what it signed may be about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.crypto.keys.index import KeyEntry, KeyState

NOTICE: Final = 24 * 3600
"""Seconds for which a key is shown before it signs. Whoever kept the key set for a day at most knows every signer."""


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How long things take, in seconds.

    `last_use`: how long a retired key stays for what it signed. `every`: the age at which a key is replaced by itself;
    None where operators do it.
    """

    last_use: int
    every: int | None = None
    notice: int = NOTICE


class RotationStep(StrEnum):
    """What happens to the keys of one algorithm."""

    ANNOUNCE = "show"
    PROMOTE = "swap"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class DueRotation:
    """A step, and the moment from which it may be done; seconds since 1970 UTC."""

    step: RotationStep
    alg: str
    at: float


def of(entries: Sequence[KeyEntry], alg: str, state: KeyState) -> KeyEntry | None:
    """The key for an algorithm in a state, the first one."""
    return next((entry for entry in entries if entry.alg == alg and entry.state is state), None)


def since(entry: KeyEntry) -> float:
    """When a key came into its state. Unknown is long ago: whoever reads entries gives them a date first."""
    return entry.since if entry.since is not None else 0.0


def following(entries: Sequence[KeyEntry], alg: str, policy: RotationPolicy) -> DueRotation:
    """The step that a routine change of the signing key takes next, and from when on it may."""
    coming = of(entries, alg, KeyState.NEXT)
    return (
        DueRotation(RotationStep.ANNOUNCE, alg, 0.0)
        if coming is None
        else DueRotation(RotationStep.PROMOTE, alg, since(coming) + policy.notice)
    )


def removable(entry: KeyEntry, policy: RotationPolicy, encryption: bool = False) -> float:
    """From when on a retired key may go. One that decrypts stays for whoever keeps the old key set for so long."""
    return since(entry) + policy.last_use + (policy.notice if encryption else 0)


def scheduled(entries: Sequence[KeyEntry], policy: RotationPolicy, encryption: bool = False) -> list[DueRotation]:
    """What is to be done by itself, and when, for keys that sign or for those that decrypt."""
    steps = [
        DueRotation(RotationStep.REMOVE, entry.alg, removable(entry, policy, encryption))
        for entry in entries
        if entry.state is KeyState.RETIRED
    ]
    for alg in sorted({entry.alg for entry in entries}) if policy.every is not None else ():
        current, coming = of(entries, alg, KeyState.CURRENT), of(entries, alg, KeyState.NEXT)
        end = since(current) + (policy.every or 0) if current is not None else 0.0
        if encryption:
            steps.append(DueRotation(RotationStep.PROMOTE, alg, end))
        elif coming is None:
            steps.append(DueRotation(RotationStep.ANNOUNCE, alg, end - policy.notice))
        else:
            steps.append(DueRotation(RotationStep.PROMOTE, alg, max(end, since(coming) + policy.notice)))
    return steps


def announced(entries: Sequence[KeyEntry], fresh: KeyEntry, now: float) -> tuple[KeyEntry, ...]:
    """A fresh key is announced; one that was announced before and never signed gives way."""
    rest = (entry for entry in entries if entry.alg != fresh.alg or entry.state is not KeyState.NEXT)
    return (*rest, replace(fresh, state=KeyState.NEXT, since=now))


def promoted(entries: Sequence[KeyEntry], alg: str, now: float) -> tuple[KeyEntry, ...]:
    """What was announced signs from now on, and what signed is retired."""
    moves = {KeyState.NEXT: KeyState.CURRENT, KeyState.CURRENT: KeyState.RETIRED}
    return tuple(
        replace(entry, state=moves[entry.state], since=now) if entry.alg == alg and entry.state in moves else entry
        for entry in entries
    )


def only_signing(entries: Sequence[KeyEntry], alg: str) -> tuple[KeyEntry, ...]:
    """Of one algorithm nothing stays but what signs."""
    return tuple(entry for entry in entries if entry.alg != alg or entry.state is KeyState.CURRENT)


def without_expired(
    entries: Sequence[KeyEntry], policy: RotationPolicy, now: float, encryption: bool = False
) -> tuple[KeyEntry, ...]:
    """Without the retired keys that nothing can need any more."""
    return tuple(
        entry for entry in entries if entry.state is not KeyState.RETIRED or removable(entry, policy, encryption) > now
    )
