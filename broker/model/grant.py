"""Authorization code, grant and tokens that a service holds."""

from dataclasses import dataclass, field
from typing import Final

from broker.model.assurance import Level, Verification
from broker.model.claims import ClaimRequests
from broker.model.json_types import JsonObject

OFFLINE_ACCESS: Final = "offline_access"
"""Scope of a grant that outlives the session (OpenID Connect Core 11)."""


@dataclass(frozen=True, slots=True)
class ReleasedIdentity:
    """Identity as released to one service: the content of ID token and userinfo.

    `claims` holds only what was requested, allowed and consented to; `asked_claims` is the checked `claims` parameter,
    which assigns claims to ID token and userinfo; `session` is the id of the broker's session, from which the service's
    `sid` is derived. `max_age_asked` says that the request had `max_age`. `provider` is the id of the provider that
    proved the identity, which no service receives: if it is turned off, tokens issued on its authority are no longer
    accepted.
    """

    subject: str
    level: Level
    amr: tuple[str, ...]
    auth_time: int
    claims: JsonObject = field(default_factory=dict)
    verification: Verification | None = None
    asked_claims: ClaimRequests = field(default_factory=dict)
    session: str | None = None
    provider: str | None = None
    max_age_asked: bool = False

    @property
    def auth_time_asked(self) -> bool:
        """Whether the service requested `auth_time` (OpenID Connect Core 2, 5.5.1)."""
        return self.max_age_asked or "auth_time" in self.asked_claims.get("id_token", {})


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """Authorization code before its redemption (RFC 6749 4.1.2). Times are seconds since 1970 UTC."""

    digest: str
    transaction: str
    client_id: str
    account: str
    redirect_uri: str
    scope: tuple[str, ...]
    release: ReleasedIdentity
    created: float
    expires: float
    nonce: str | None = None
    code_challenge: str | None = None
    dpop_jkt: str | None = None
    pushed: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Grant of one redeemed code. If it ends, everything issued from it becomes invalid."""

    id: str
    client_id: str
    account: str
    scope: tuple[str, ...]
    release: ReleasedIdentity
    created: float
    expires: float
    nonce: str | None = None
    dpop_jkt: str | None = None

    @property
    def ends_with(self) -> str | None:
        """Id of the session with which the grant ends, or None if it outlives the session (Back-Channel Logout 1.0,
        2.7).
        """
        return None if OFFLINE_ACCESS in self.scope else self.release.session


@dataclass(frozen=True, slots=True)
class StoredToken:
    """Access or refresh token, stored as its digest. `kind` is "access" or "refresh".

    `dpop_jkt` is the key that an access token is bound to if the refresh used another key than the grant has. `x5t` is
    the SHA-256 thumbprint of the certificate that an access token is bound to (RFC 8705 3.1); it belongs to the token
    and not to the grant, since a refresh binds the new token to the current certificate. `scope` is the scope of an
    access token if a refresh requested less than was granted, in wire format (RFC 6749 3.3, 6); None means the scope of
    the grant.
    """

    digest: str
    kind: str
    created: float
    expires: float
    dpop_jkt: str | None = None
    x5t: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class AssertionUse:
    """Use of a client assertion (RFC 7523 3, `jti`), recorded so that it is not accepted again."""

    client_id: str
    jti: str
    expires: float
