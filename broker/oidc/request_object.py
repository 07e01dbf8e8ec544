"""Signed authorization requests, passed by value (RFC 9101; OpenID Connect Core 6.1; FAPI 2.0 Message Signing 5.3).

A request object is converted to the parameters that the checks read. It is verified first, with the registered keys of
the service.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import InvalidToken, KeySet, verify
from broker.crypto.jwe import CONTENT, KEY_ALGORITHMS, DecryptionKey, decrypt
from broker.model.json_types import JsonObject
from broker.model.service import SecurityProfile, Service
from broker.normalize.dates import numeric_date
from broker.oidc.client_authentication import ALGORITHMS
from broker.oidc.errors import ProtocolError, public
from broker.oidc.jwt_claims import audiences
from broker.oidc.parameters import AUTHORIZATION

TYPS: Final = ("oauth-authz-req+jwt", "jwt", None)
"""Accepted `typ` values of a request object (RFC 9101 10.8)."""

CLOCK_TOLERANCE: Final = 30
"""Tolerance in seconds for `iat` and `nbf` in the future: 10 must pass (FAPI 2.0 Message Signing 5.3.1)."""

LIFETIME: Final = 3600
"""Maximum time in seconds between `nbf` and `exp`, and since `nbf` (FAPI 2.0 Message Signing 5.3.1)."""

_DOTS_OF_JWE: Final = 4
_NESTED: Final = ("request", "request_uri")
_OUTSIDE: Final = ("client_id", "request", "client_assertion", "client_assertion_type", "client_secret")


@dataclass(frozen=True, slots=True)
class RequestVerification:
    """Data to verify a request: the service's public keys, and the time of arrival (seconds since 1970 UTC)."""

    keys: KeySet
    now: float


def merge_request_object(
    parameters: Mapping[str, str],
    service: Service,
    sender: RequestVerification,
    issuer: str,
    decryption: Mapping[str, DecryptionKey],
) -> Mapping[str, str]:
    """Parameters of a request, taken from its request object if it has one.

    In `fapi2`, parameters outside of the object are ignored (RFC 9101 5). In `oidc`, they complete it, and the object
    takes precedence (OpenID Connect Core 6.1). Only `client_id` and `request` are required outside (RFC 9101 5). An
    object encrypted to a key in `decryption` is decrypted first; it is signed inside (RFC 9101 6.1). Raises
    ProtocolError.
    """
    text = parameters.get("request")
    if text is None:
        if service.request_object_required:
            raise ProtocolError("invalid_request", "this service has to sign its authorization requests")
        return parameters
    if text.count(".") == _DOTS_OF_JWE:
        text = _decrypted(text, decryption)
    inside = _parameters(_verified(text, service, sender, issuer))
    if inside.get("client_id", service.client_id) != service.client_id:
        raise _invalid("client_id names another service")
    if service.profile is SecurityProfile.FAPI2:
        return {**inside, "client_id": service.client_id}
    outer = parameters.get("response_type")
    if outer is not None and inside.get("response_type", outer) != outer:
        raise _invalid("response_type differs inside and outside")
    outside = {name: value for name, value in parameters.items() if name not in _OUTSIDE}
    return {**outside, **inside, "client_id": service.client_id}


def _invalid(detail: str) -> ProtocolError:
    described = f"the request object is not valid: {public(detail)}"
    return ProtocolError("invalid_request_object", described, f"request object: {detail}")


def _decrypted(text: str, keys: Mapping[str, DecryptionKey]) -> str:
    try:
        return decrypt(text, keys, KEY_ALGORITHMS, CONTENT).payload.decode("ascii")
    except InvalidToken as problem:
        raise _invalid(problem.detail) from None
    except UnicodeDecodeError:
        raise _invalid("what was encrypted is no JWT") from None


def _verified(text: str, service: Service, sender: RequestVerification, issuer: str) -> JsonObject:
    try:
        claims = verify(text, sender.keys, ALGORITHMS[service.profile], TYPS).claims
    except InvalidToken as problem:
        raise _invalid(problem.detail) from None
    _check_parties(claims, service, issuer)
    _check_times(claims, service, sender.now)
    for name in _NESTED:
        if name in claims:
            raise _invalid(f"{name} stands inside")  # RFC 9101 4
    return claims


def _check_parties(claims: JsonObject, service: Service, issuer: str) -> None:
    """Issuer and audience (RFC 9101 4). In `oidc` both are optional (OpenID Connect Core 6.1)."""
    strict = service.profile is SecurityProfile.FAPI2
    if (strict or "iss" in claims) and claims.get("iss") != service.client_id:
        raise _invalid("iss is not the client_id")
    audience = claims.get("aud")
    if (strict or audience is not None) and issuer not in audiences(claims):
        raise _invalid(f"aud {audience!r:.200}: expected {issuer!r}")
    if "sub" in claims:
        raise _invalid("sub stands inside, as in a client assertion")  # RFC 9101 10.8


def _check_times(claims: JsonObject, service: Service, now: float) -> None:
    """Validity: `fapi2` requires `nbf` and `exp`, at most an hour apart (FAPI 2.0 Message Signing 5.3.1)."""
    expires, starts, issued = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
    if service.profile is SecurityProfile.FAPI2:
        if expires is None or starts is None:
            raise _invalid("exp or nbf is missing")
        if starts < now - LIFETIME or expires > starts + LIFETIME:
            raise _invalid("nbf lies too far back, or exp too far ahead")
    if expires is not None and expires <= now:
        raise _invalid("it has expired")
    for moment in (starts, issued):
        if moment is not None and moment > now + CLOCK_TOLERANCE:
            raise _invalid("nbf or iat lies ahead")


def _seconds(claims: JsonObject, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if (found := numeric_date(value)) is None:
        raise _invalid(f"{name} is not a time")
    return found


def _parameters(claims: JsonObject) -> dict[str, str]:
    """Converts claims to parameters: strings stay, numbers and objects become JSON (RFC 9101 4). Null is omitted.

    Claims that no check reads are ignored, whatever they contain (RFC 6749 3.1).
    """
    read = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in claims.items()
        if name in AUTHORIZATION and value not in (None, "")
    }
    if any("\0" in value for value in read.values()):
        raise _invalid("the character NUL")
    return read
