"""`claims` parameter (OpenID Connect Core 5.5): strict parsing, reduced to what the service may have.

The result has the members `id_token` and `userinfo`, each a mapping from claim names to None (voluntary) or to a
request object with `essential`, `value`, `values`; `verified_claims` is a tuple of requests in the form of OpenID
Connect for Identity Assurance 1.0 section 5.
"""

from typing import Final

from broker.crypto.jose import strict_json
from broker.model.claims import ClaimRequests
from broker.oidc.claim_request import MalformedClaimRequest, read_request
from broker.oidc.verified_claims_request import read_verified, verified_requests

MAX_BYTES: Final = 8_192
MAX_DEPTH: Final = 14
"""Deepest nesting in the standards: values for the class of a check, in one of several requests."""
PROTOCOL_CLAIMS: Final = frozenset({"acr", "auth_time", "sub"})
"""Claims about the sign-in itself, which every service may request."""

RESERVED: Final = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "amr", "at_hash", "c_hash", "sid", "cnf"}
)
"""Claims of a token that requests cannot change."""

DESTINATIONS: Final = ("id_token", "userinfo")


def read_claims(text: str, allowed: frozenset[str]) -> ClaimRequests:
    """Parses the requests of a `claims` parameter for the claims in `allowed` and for PROTOCOL_CLAIMS.

    Unknown members, and claims that the service may not have, are dropped (OpenID Connect Core 5.5). Raises
    MalformedClaimRequest.
    """
    if len(text) > MAX_BYTES:
        raise MalformedClaimRequest(f"claims parameter of {len(text)} characters")
    try:
        whole = strict_json(text)
    except ValueError as problem:
        raise MalformedClaimRequest(f"claims parameter is not JSON: {type(problem).__name__}") from None
    if not isinstance(whole, dict) or _depth(whole) > MAX_DEPTH:
        raise MalformedClaimRequest("claims parameter is not an object, or nested too deeply")
    read = {place: _destination(whole[place], place, allowed) for place in DESTINATIONS if whole.get(place) is not None}
    return {place: requests for place, requests in read.items() if requests}


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(each) for each in inner), default=0)


def _destination(requests: object, place: str, allowed: frozenset[str]) -> dict[str, object]:
    if not isinstance(requests, dict):
        raise MalformedClaimRequest(f"{place} is not an object")
    kept: dict[str, object] = {}
    for name, request in requests.items():
        if name == "verified_claims":
            verified = read_verified(request, allowed)
            if verified:
                kept[name] = verified
            continue
        name = name.partition("#")[0]  # language tags are dropped: each claim has one form
        request = read_request(request, name)
        if name in PROTOCOL_CLAIMS or (name in allowed and name not in RESERVED):
            kept[name] = request
    return kept


def names(claims: ClaimRequests) -> frozenset[str]:
    """All requested claims of a checked `claims` parameter, verified or not, without PROTOCOL_CLAIMS."""
    found: set[str] = set()
    for requests in claims.values():
        found.update(name for name in requests if name != "verified_claims")
        for verified in verified_requests(requests):
            found.update(verified["claims"])
    return frozenset(found - PROTOCOL_CLAIMS)
