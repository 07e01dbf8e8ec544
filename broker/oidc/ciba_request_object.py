"""Signed backchannel authentication requests (CIBA Core 1.0, 7.1.1; FAPI-CIBA Profile 5.2.2)."""

from collections.abc import Mapping
from typing import Final

from broker.crypto.jose import InvalidToken, KeySet, verify
from broker.model.grant import AssertionUse
from broker.model.json_types import JsonObject
from broker.model.service import SecurityProfile, Service
from broker.normalize.dates import numeric_date
from broker.oidc.client_authentication import ALGORITHMS, CLOCK_SKEW
from broker.oidc.errors import EndpointError, ProtocolError, public
from broker.oidc.jwt_claims import audiences, read_jti

TYPS: Final = (None, "jwt", "oauth-authz-req+jwt")
LIFE: Final = 3600
"""Maximum time in seconds between `nbf` and `exp`, and since `nbf` (FAPI-CIBA Profile 5.2.2)."""

INSIDE: Final = frozenset(
    {"scope", "client_notification_token", "acr_values", "login_hint_token", "id_token_hint", "login_hint"}
    | {"binding_message", "user_code", "requested_expiry"}
)
"""Parameters of an authentication request (CIBA Core 1.0, 7.1)."""

USES: Final = "/requests/"
"""Prefix of the service's id for recorded `jti` values of requests. No client id begins with it."""


def request_algorithms(service: Service) -> tuple[str, ...]:
    """Signature algorithms allowed for a service's requests."""
    return ALGORITHMS[SecurityProfile.FAPI2 if service.requires_signed_ciba_request else service.profile]


def check_outside(parameters: Mapping[str, str]) -> None:
    """No parameter of a signed request is outside of its signature (CIBA Core 1.0, 7.1.1). Raises ProtocolError."""
    outside = sorted(INSIDE.intersection(parameters))
    if outside:
        raise ProtocolError("invalid_request", "parameters stand beside the signed request", ", ".join(outside))


def signed_parameters(
    token: str, service: Service, keys: KeySet, issuer: str, now: float
) -> tuple[Mapping[str, str], AssertionUse]:
    """Parameters of a signed request, and the use of its `jti` to record. Raises ProtocolError.

    `requested_expiry` may be a number (CIBA Core 1.0, 7.1.1); all others are strings.
    """
    try:
        claims = verify(token, keys, request_algorithms(service), TYPS).claims
    except InvalidToken as problem:
        raise _refused(problem.detail) from None
    if claims.get("iss") != service.client_id:
        raise _refused("iss is not the client_id")
    if issuer not in audiences(claims):
        raise _refused(f"aud {claims.get('aud')!r:.200}: expected {issuer!r}")
    use = AssertionUse(f"{USES}{service.client_id}", _jti(claims), _times(claims, now))
    parameters: dict[str, str] = {}
    for name in INSIDE.intersection(claims):
        value = claims[name]
        if name == "requested_expiry" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise _refused(f"{name} is no text")
        parameters[name] = value
    return parameters, use


def _times(claims: JsonObject, now: float) -> float:
    """Expiry of the request. All three times are required (CIBA Core 1.0, 7.1.1)."""
    exp, nbf, iat = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
    if exp <= now:
        raise _refused("exp is past")
    if max(nbf, iat) > now + CLOCK_SKEW:
        raise _refused("nbf or iat lies ahead")
    if nbf < now - LIFE:
        raise _refused(f"nbf lies more than {LIFE} s back")
    if exp > nbf + LIFE:
        raise _refused(f"exp lies more than {LIFE} s after nbf")
    return exp


def _seconds(claims: JsonObject, name: str) -> float:
    if (found := numeric_date(claims.get(name))) is None:
        raise _refused(f"{name} is missing or no time")
    return found


def _jti(claims: JsonObject) -> str:
    jti = read_jti(claims)
    if jti is None:
        raise _refused("jti is missing or too long")
    return jti


def _refused(detail: str) -> ProtocolError:
    return ProtocolError("invalid_request", f"the signed request is not valid: {public(detail)}", f"request: {detail}")


def used_before() -> EndpointError:
    """Error for a replayed signed request (CIBA Core 1.0, 7.1.1, `jti`)."""
    return EndpointError("invalid_request", "the signed request was sent before", "request: jti was used before")
