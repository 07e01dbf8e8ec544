"""Linking of identities to one account, moving from one to another, and unlinking: what must be proved first.

An account is reached by every identity that is linked to it. So a link gives away everything that the account holds,
and it is never made by what two identities have in common (a name, a date of birth, an e-mail address): the citizen
proves both in one browser, within minutes. The account has to be proved as strongly as any of its ways proves it;
otherwise the weakest way would open what the strongest one protects.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from broker.model.account import LinkedWay
from broker.model.assurance import Level
from broker.model.identity import Identity

CLOCK_SKEW = 60
"""Tolerated difference to the provider's clock in seconds."""

_FULL_DATE = re.compile(r"[0-9]{4}-(?!00)[0-9]{2}-(?!00)[0-9]{2}", re.ASCII)


class LinkRefusal(StrEnum):
    """Reasons for which the ways of an account are not changed."""

    NOT_FRESH = "not_fresh"
    """The account was proved too long ago."""
    TOO_WEAK = "too_weak"
    """The account was proved at a lower level than one of its ways proved it before."""
    SAME_WAY = "same_way"
    """The second identity is the first one."""
    ANOTHER_PERSON = "another_person"
    """Both identities have a date of birth, and it is not the same."""
    KNOWN_TWICE = "known_twice"
    """A service knows both accounts, by a subject each: it cannot be given one in place of two."""
    SIGNED_OUT = "signed_out"
    """The browser is no longer signed in to the account."""


def strongest(ways: Sequence[LinkedWay]) -> Level:
    """The level at which an account has to be proved before its ways are changed: the highest that one of them
    reached."""
    return max((way.level for way in ways if way.level is not None), default=Level.LOW)


def refuse_change(proof: Identity, ways: Sequence[LinkedWay], began: float, fresh_for: float) -> LinkRefusal | None:
    """Checks the proof of an account whose ways are to be changed. Returns the reason for a refusal, or None.

    `began` is when the change began (seconds since 1970 UTC): a sign-in up to `fresh_for` seconds earlier is fresh.
    """
    if not began - fresh_for - CLOCK_SKEW <= proof.auth_time:
        return LinkRefusal.NOT_FRESH
    return LinkRefusal.TOO_WEAK if proof.level < strongest(ways) else None


def refuse_link(
    first: Identity, second: Identity, ways: Sequence[LinkedWay], began: float, fresh_for: float
) -> LinkRefusal | None:
    """Checks the proofs of an account (`first`) and of an identity to be linked to it (`second`)."""
    refusal = refuse_change(first, ways, began, fresh_for)
    if refusal is not None:
        return refusal
    if (first.issuer, first.subject) == (second.issuer, second.subject):
        return LinkRefusal.SAME_WAY
    return LinkRefusal.ANOTHER_PERSON if _are_different_people(first, second) else None


def is_last(ways: Sequence[LinkedWay], key: str) -> bool:
    """Whether a way is the only one of its account."""
    return [way.key for way in ways] == [key]


def may_stop(ways: Sequence[LinkedWay], key: str) -> bool:
    """Whether a way can be stopped: another one that can be used has to prove as much, so that it can turn it on."""
    stopping = next((way for way in ways if way.key == key and way.stopped is None), None)
    if stopping is None:
        return False
    needed = stopping.level or Level.LOW
    others = [way for way in ways if way.key != key and way.stopped is None]
    return any((way.level or Level.LOW) >= needed for way in others)


def _are_different_people(first: Identity, second: Identity) -> bool:
    """Whether the identities contradict each other. A missing or partial date of birth (`1970-00-00`) does not."""
    dates = [identity.claims.get("birthdate") for identity in (first, second)]
    known = {date for date in dates if isinstance(date, str) and _FULL_DATE.fullmatch(date)}
    return len(known) > 1
