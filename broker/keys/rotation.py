"""The rules by which keys come and go. A key is shown before it signs, and as long as what it signed may be about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.keys.index import KeyState, Listed

NOTICE: Final = 24 * 3600
"""Seconds for which a key is shown before it signs. Whoever kept the key set for a day at most knows every signer."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long things take, in seconds.

    `last_use`: how long a retired key stays for what it signed. `every`: the age at which a key is replaced by itself;
    None where operators do it.
    """

    last_use: int
    every: int | None = None
    notice: int = NOTICE


class Step(StrEnum):
    """What happens to the keys of one algorithm."""

    SHOW = "show"
    SWAP = "swap"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Due:
    """A step, and the moment from which it may be done; seconds since 1970 UTC."""

    step: Step
    alg: str
    at: float


def of(entries: Sequence[Listed], alg: str, state: KeyState) -> Listed | None:
    """The key for an algorithm in a state, the first one."""
    return next((entry for entry in entries if entry.alg == alg and entry.state is state), None)


def since(entry: Listed) -> float:
    """When a key came into its state. Unknown is long ago: whoever reads entries gives them a date first."""
    return entry.since if entry.since is not None else 0.0


def following(entries: Sequence[Listed], alg: str, policy: Policy) -> Due:
    """The step that a routine change of the signing key takes next, and from when on it may."""
    coming = of(entries, alg, KeyState.NEXT)
    return Due(Step.SHOW, alg, 0.0) if coming is None else Due(Step.SWAP, alg, since(coming) + policy.notice)


def removable(entry: Listed, policy: Policy, encryption: bool = False) -> float:
    """From when on a retired key may go. One that decrypts stays for whoever keeps the old key set for so long."""
    return since(entry) + policy.last_use + (policy.notice if encryption else 0)


def scheduled(entries: Sequence[Listed], policy: Policy, encryption: bool = False) -> list[Due]:
    """What is to be done by itself, and when, for keys that sign or for those that decrypt."""
    steps = [
        Due(Step.REMOVE, entry.alg, removable(entry, policy, encryption))
        for entry in entries
        if entry.state is KeyState.RETIRED
    ]
    for alg in sorted({entry.alg for entry in entries}) if policy.every is not None else ():
        current, coming = of(entries, alg, KeyState.CURRENT), of(entries, alg, KeyState.NEXT)
        end = since(current) + (policy.every or 0) if current is not None else 0.0
        if encryption:
            steps.append(Due(Step.SWAP, alg, end))
        elif coming is None:
            steps.append(Due(Step.SHOW, alg, end - policy.notice))
        else:
            steps.append(Due(Step.SWAP, alg, max(end, since(coming) + policy.notice)))
    return steps


def shown(entries: Sequence[Listed], fresh: Listed, now: float) -> tuple[Listed, ...]:
    """A fresh key is announced; one that was announced before and never signed gives way."""
    rest = (entry for entry in entries if entry.alg != fresh.alg or entry.state is not KeyState.NEXT)
    return (*rest, replace(fresh, state=KeyState.NEXT, since=now))


def swapped(entries: Sequence[Listed], alg: str, now: float) -> tuple[Listed, ...]:
    """What was announced signs from now on, and what signed is retired."""
    moves = {KeyState.NEXT: KeyState.CURRENT, KeyState.CURRENT: KeyState.RETIRED}
    return tuple(
        replace(entry, state=moves[entry.state], since=now) if entry.alg == alg and entry.state in moves else entry
        for entry in entries
    )


def only_current(entries: Sequence[Listed], alg: str) -> tuple[Listed, ...]:
    """Of one algorithm nothing stays but what signs."""
    return tuple(entry for entry in entries if entry.alg != alg or entry.state is KeyState.CURRENT)


def without_old(entries: Sequence[Listed], policy: Policy, now: float, encryption: bool = False) -> tuple[Listed, ...]:
    """Without the retired keys that nothing can need any more."""
    return tuple(
        entry for entry in entries if entry.state is not KeyState.RETIRED or removable(entry, policy, encryption) > now
    )
