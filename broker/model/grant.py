"""What a service holds after an answer: a code, then a grant and its tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from broker.model.assurance import Level, Verification

OFFLINE_ACCESS: Final = "offline_access"
"""The scope of a grant that outlives the citizen's presence (OpenID Connect Core 11)."""


@dataclass(frozen=True, slots=True)
class ReleasedIdentity:
    """What one service is told about one citizen: the content of ID token and userinfo, as agreed.

    `claims` holds only what was asked, allowed and agreed; `asked_claims` is the checked `claims` parameter, which
    says what goes into the ID token and what into userinfo; `session` is the id of the broker's session, from which the
    service's `sid` is derived. `max_age_asked`: the request demanded a sign-in of a certain age.
    `provider` is the id of the provider that proved the identity (it is told to nobody): if that is turned off, what
    was issued on its word opens nothing any more.
    """

    subject: str
    level: Level
    amr: tuple[str, ...]
    auth_time: int
    claims: Mapping[str, Any] = field(default_factory=dict)
    verification: Verification | None = None
    asked_claims: Mapping[str, Any] = field(default_factory=dict)
    session: str | None = None
    provider: str | None = None
    max_age_asked: bool = False

    @property
    def auth_time_asked(self) -> bool:
        """Whether the service asked when the citizen signed in (OpenID Connect Core 2, 5.5.1)."""
        return self.max_age_asked or "auth_time" in self.asked_claims.get("id_token", {})


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """An authorization code before its redemption (RFC 6749 4.1.2). Times are seconds since 1970 UTC."""

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
    """What was granted by one redeemed code. Everything issued from it dies with it."""

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
        """The id of the session with which it ends, or None if it outlives it (Back-Channel Logout 1.0, 2.7)."""
        return None if OFFLINE_ACCESS in self.scope else self.release.session


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An access or refresh token, known by its digest alone. `kind` is "access" or "refresh".

    `dpop_jkt` is the key an access token is bound to, where a refresh named another one than its grant has.
    `x5t` is the SHA-256 thumbprint of the certificate that an access token is bound to (RFC 8705 3.1). It stands here
    and not in the grant, since a refresh binds the new token to the certificate of that day.
    `scope` is that of an access token if a refresh asked for less than was granted, written as on the wire (RFC 6749
    3.3, 6); None is the scope of the grant.
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
    """One use of a client assertion (RFC 7523 3, `jti`), to be recorded so that it is never accepted again."""

    client_id: str
    jti: str
    expires: float
