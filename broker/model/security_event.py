"""Security events: what happened to a session, an identity or an account, for services that know the citizen.

An action that writes such a fact describes it as `Happened`, and stores what
`broker.oidc.security_events.security_events` makes of it in the same database transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.model.assurance import Level


class HappenedKind(StrEnum):
    """Facts that services learn of as security events."""

    SESSION_ENDED = "session_ended"
    IDENTITY_REVOKED = "identity_revoked"
    """The identity is no longer valid: repudiated by the citizen, or found to be fraudulent."""
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_RELEASED = "account_released"
    """A frozen account may be used again."""
    LEVEL_CHANGED = "level_changed"
    PASSKEY_CREATED = "passkey_created"
    PASSKEY_REVOKED = "passkey_revoked"
    ACCOUNT_ERASED = "account_erased"
    DISOWNED = "disowned"
    """The citizen says that it was not they who signed in."""
    AGREEMENT_WITHDRAWN = "agreement_withdrawn"
    """The citizen took back what they agreed to for the service."""


class InitiatingEntity(StrEnum):
    """Who caused an event (CAEP 1.0, 2): the citizen, a member of staff, a rule, or the broker's clock."""

    USER = "user"
    ADMIN = "admin"
    POLICY = "policy"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A fact about an account, to be sent as security events.

    `fact` identifies it, so that it is sent once: the id of the session, of the passkey with its change, of the case.
    `at` is when it happened (seconds since 1970 UTC). `subjects` maps client ids to the `sub` of the citizen there, if
    they are known: then only these services learn of it. They must be given for an account that is erased; otherwise
    the `sub` is looked up when an event is sent, and a service that does not know the citizen receives nothing.
    `session` is for SESSION_ENDED, `level_before` and `level_after` for LEVEL_CHANGED; `roaming` says that a passkey is
    bound to one device, as that of a security key is; others move between the citizen's devices.
    """

    kind: HappenedKind
    account: str
    fact: str
    at: float
    by: InitiatingEntity
    session: str | None = None
    subjects: Mapping[str, str] | None = None
    level_before: Level | None = None
    level_after: Level | None = None
    roaming: bool = False
