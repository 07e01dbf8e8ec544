"""Token introspection, plain (RFC 7662) and as a signed JWT (RFC 9701)."""

from collections.abc import Mapping
from typing import Any, Final

from broker.model.assurance import AcrLevels
from broker.model.grant import Grant, StoredToken
from broker.model.media import quality
from broker.model.service import Service
from broker.oidc.errors import Scheme
from broker.oidc.token_request import ACCESS, dpop_thumbprint, scope_of

INACTIVE: Final[Mapping[str, Any]] = {"active": False}
"""The answer for a token the caller is to know nothing about: unknown, ended, not its business (RFC 7662 2.2)."""

INTROSPECTION_TYP: Final = "token-introspection+jwt"
"""What the header of a signed answer says of its kind (RFC 9701 5)."""

INTROSPECTION: Final = f"application/{INTROSPECTION_TYP}"
"""The kind of content of a signed answer, as it is asked for in `Accept` (RFC 9701 4)."""


def accepts_jwt(accept: str | None) -> bool:
    """Whether a caller asks for a signed answer. What accepts anything at all gets the plain one (RFC 9701 4)."""
    wanted = [part.partition(";") for part in (accept or "").split(",")]
    return any(kind.strip().lower() == INTROSPECTION and quality(about) > 0 for kind, _, about in wanted)


def introspection_claims(told: Mapping[str, Any], caller: Service, issuer: str, now: float) -> dict[str, Any]:
    """The content of a signed answer: for whom, when, and what is told (RFC 9701 5)."""
    return {"iss": issuer, "aud": caller.client_id, "iat": int(now), "token_introspection": told}


def introspection_response(
    caller: Service, found: tuple[StoredToken, Grant] | None, issuer: str, ladder: AcrLevels, now: float
) -> dict[str, Any]:
    """What the caller is told about a token, and what it is bound to (RFC 7662 2.2, RFC 9449 6.2, RFC 8705 3.2).

    A service is told about its own tokens; one that is registered for introspection also about access tokens of others,
    but without `sub`, which is pairwise and not the caller's. `auth_time` is told if the service of the token asked for
    it (RFC 9470 6.2).
    """
    if found is None:
        return dict(INACTIVE)
    token, grant = found
    own = grant.client_id == caller.client_id
    if now >= token.expires or now >= grant.expires or not (own or (caller.introspection and token.kind == ACCESS)):
        return dict(INACTIVE)
    answer: dict[str, Any] = {
        "active": True,
        "iss": issuer,
        "client_id": grant.client_id,
        "scope": " ".join(scope_of(token, grant)),
        "iat": int(token.created),
        "exp": int(token.expires),
        "acr": ladder.acr(grant.release.level),
    }
    if grant.release.auth_time_asked:
        answer["auth_time"] = grant.release.auth_time
    if token.kind == ACCESS:
        key = dpop_thumbprint(token, grant)
        answer["token_type"] = Scheme.BEARER.value if key is None else Scheme.DPOP.value
        answer["aud"] = issuer
        if key is not None:
            answer["cnf"] = {"jkt": key}
        elif token.x5t is not None:
            answer["cnf"] = {"x5t#S256": token.x5t}
    if own:
        answer["sub"] = grant.release.subject
    return answer
