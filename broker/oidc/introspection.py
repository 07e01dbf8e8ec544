"""Token introspection, as JSON (RFC 7662) and as a signed JWT (RFC 9701)."""

from typing import Final, NotRequired, TypedDict

from broker.model.assurance import AcrLevels
from broker.model.grant import Grant, StoredToken
from broker.model.media import quality
from broker.model.service import Service
from broker.oidc.errors import Scheme
from broker.oidc.token_request import ACCESS, dpop_thumbprint, scope_of

Confirmation = TypedDict("Confirmation", {"jkt": str, "x5t#S256": str}, total=False)
"""`cnf` of a bound token: the thumbprint of its key (RFC 9449 6.1) or of its certificate (RFC 8705 3.1)."""


class IntrospectionResponse(TypedDict):
    """Introspection response (RFC 7662 2.2, RFC 9470 6.2); `active` alone if the token may not be described."""

    active: bool
    iss: NotRequired[str]
    client_id: NotRequired[str]
    scope: NotRequired[str]
    iat: NotRequired[int]
    exp: NotRequired[int]
    acr: NotRequired[str]
    auth_time: NotRequired[int]
    token_type: NotRequired[str]
    aud: NotRequired[str]
    cnf: NotRequired[Confirmation]
    sub: NotRequired[str]


class IntrospectionClaims(TypedDict):
    """Claims of a signed introspection response (RFC 9701 5)."""

    iss: str
    aud: str
    iat: int
    token_introspection: IntrospectionResponse


INACTIVE: Final[IntrospectionResponse] = {"active": False}
"""Response for a token that the caller may not learn about: unknown, expired, or of another service (RFC 7662 2.2)."""

INTROSPECTION_TYP: Final = "token-introspection+jwt"
"""`typ` of a signed response (RFC 9701 5)."""

INTROSPECTION: Final = f"application/{INTROSPECTION_TYP}"
"""Media type of a signed response, as requested in `Accept` (RFC 9701 4)."""


def accepts_jwt(accept: str | None) -> bool:
    """Whether a caller requests a signed response. `*/*` gets JSON (RFC 9701 4)."""
    wanted = [part.partition(";") for part in (accept or "").split(",")]
    return any(kind.strip().lower() == INTROSPECTION and quality(about) > 0 for kind, _, about in wanted)


def introspection_claims(
    response: IntrospectionResponse, caller: Service, issuer: str, now: float
) -> IntrospectionClaims:
    """Claims of a signed response (RFC 9701 5)."""
    return {"iss": issuer, "aud": caller.client_id, "iat": int(now), "token_introspection": response}


def introspection_response(
    caller: Service, found: tuple[StoredToken, Grant] | None, issuer: str, ladder: AcrLevels, now: float
) -> IntrospectionResponse:
    """Introspection response with the token's binding (RFC 7662 2.2, RFC 9449 6.2, RFC 8705 3.2).

    A service may introspect its own tokens; one registered for introspection also access tokens of others, but without
    `sub`, which is pairwise. `auth_time` is included if the service of the token requested it (RFC 9470 6.2).
    """
    if found is None:
        return INACTIVE.copy()
    token, grant = found
    own = grant.client_id == caller.client_id
    if (
        now >= token.expires
        or now >= grant.expires
        or not (own or (caller.tokens.introspection and token.kind == ACCESS))
    ):
        return INACTIVE.copy()
    answer: IntrospectionResponse = {
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
