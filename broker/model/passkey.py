"""Passkeys of citizens, and the identities that the broker keeps for them.

A kept identity is what a provider or a verification case said about a citizen, kept for some time under an issuer and a
subject of its own. Its passkeys sign in to it: the citizen is the same person again, without the provider or staff.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.model.identity import Identity
from broker.model.notification import Recipient


@dataclass(frozen=True, slots=True)
class Passkey:
    """Registered passkey. Times are seconds since 1970 UTC.

    `digest` is that of the credential id, `user_handle` what the authenticator stores of its owner, `name` what the
    citizen calls it. `device_bound` says that the authenticator does not let the key be copied to other devices.
    `owner` is the key of the kept identity to which it leads, None as long as the case `case` has not bound one.
    """

    digest: str
    credential: bytes
    public_key: bytes = field(repr=False)
    user_handle: bytes = field(repr=False)
    device_bound: bool
    name: str
    created: float
    sign_count: int
    used: float | None = None
    owner: str | None = None
    case: str | None = None


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """Identity that the broker keeps until `expires` (seconds since 1970 UTC). `identity.provider` is its source: a
    provider, or HELP for a verification case.

    `key` is the keyed digest of issuer and subject (`LinkedWay.key`). `since` is when the source said it last.
    `frozen` is since when it may not be used, until staff release it.
    """

    key: str
    identity: Identity
    since: float
    expires: float
    frozen: float | None = None


@dataclass(frozen=True, slots=True)
class KeptReach:
    """How the citizen of a kept identity is reached: `recipients` get a notice at `remind_at` (seconds since 1970 UTC;
    None: never again) that the time of the identity is ending. `case` is the verification case that proved it last.
    """

    recipients: tuple[Recipient, ...] = ()
    remind_at: float | None = None
    case: str | None = None


UNREACHED: Final = KeptReach()
"""No reminder, and no case."""


@dataclass(frozen=True, slots=True)
class NewlyKept:
    """Identity that is kept from now on, with its first passkey: a way of an account that `provider` asserts."""

    kept: KeptIdentity
    passkey: Passkey
    provider: str
    reach: KeptReach = UNREACHED


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A kept identity whose citizen is to be reminded. `frozen` ones stay without a reminder."""

    key: str
    expires: float
    frozen: bool
    reach: KeptReach


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """Passkey with the identity to which it leads; None if its case has not bound one yet."""

    passkey: Passkey
    kept: KeptIdentity | None


@dataclass(frozen=True, slots=True)
class KeptWithPasskeys:
    """Kept identity of an account with its passkeys, oldest first."""

    kept: KeptIdentity
    passkeys: Sequence[Passkey]


@dataclass(frozen=True, slots=True)
class FormerKept:
    """Kept identity that a case may renew or bind again, with its passkeys, and the account to which it leads; None
    if it never signed in. `rebound` is when its passkeys were replaced last, 0 if they never were.
    """

    kept: KeptIdentity
    reach: KeptReach
    rebound: float
    account: str | None
    passkeys: Sequence[Passkey]


def next_reminder(expires: float, now: float, before: Sequence[int]) -> float | None:
    """The next moment after `now` that is one of the spans `before` (seconds) before `expires`; None if none is."""
    return min((expires - span for span in before if expires - span > now), default=None)


def credential_digest(credential: bytes) -> str:
    """The digest of a credential id (`Passkey.digest`)."""
    return hashlib.sha256(credential).hexdigest()
