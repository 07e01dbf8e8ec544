"""The `claims` parameter (OpenID Connect Core 5.5), read strictly and cut down to what the service may have.

What comes out has the members `id_token` and `userinfo`, each a mapping from claim names to None ("if you have it") or
to a request object with `essential`, `value`, `values`; `verified_claims` is a tuple of requests in the form of
OpenID Connect for Identity Assurance 1.0 section 5.
"""

from collections.abc import Mapping
from typing import Any, Final

from broker.jose import strict_json

MAX_BYTES: Final = 8_192
MAX_DEPTH: Final = 12
PROTOCOL_CLAIMS: Final = frozenset({"acr", "auth_time", "sub"})
"""Claims about the sign-in itself: every service may ask for them."""

RESERVED: Final = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "amr", "at_hash", "c_hash", "sid", "cnf"}
)
"""Members of a token that no request decides about."""

DESTINATIONS: Final = ("id_token", "userinfo")


class Malformed(Exception):
    """A `claims` parameter that cannot be understood. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def read_claims(text: str, allowed: frozenset[str]) -> Mapping[str, Any]:
    """The requests in a `claims` parameter for the claims in `allowed` and for PROTOCOL_CLAIMS.

    Unknown members and claims that the service may not have are left out (OpenID Connect Core 5.5). Raises Malformed.
    """
    if len(text) > MAX_BYTES:
        raise Malformed(f"claims parameter of {len(text)} characters")
    try:
        whole = strict_json(text)
    except ValueError as problem:
        raise Malformed(f"claims parameter is not JSON: {type(problem).__name__}") from None
    if not isinstance(whole, dict) or _depth(whole) > MAX_DEPTH:
        raise Malformed("claims parameter is not an object, or nested too deeply")
    read = {place: _destination(whole[place], place, allowed) for place in DESTINATIONS if whole.get(place) is not None}
    return {place: requests for place, requests in read.items() if requests}


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(each) for each in inner), default=0)


def _destination(requests: Any, place: str, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(requests, dict):
        raise Malformed(f"{place} is not an object")
    kept: dict[str, Any] = {}
    for name, request in requests.items():
        if name == "verified_claims":
            verified = _verified(request, allowed)
            if verified:
                kept[name] = verified
            continue
        name = name.partition("#")[0]  # a language tag: there is one form of each claim here
        request = _request(request, name)
        if name in PROTOCOL_CLAIMS or (name in allowed and name not in RESERVED):
            kept[name] = request
    return kept


def _request(request: Any, name: str) -> dict[str, Any] | None:
    """One request (OpenID Connect Core 5.5.1); members that nobody defined are left out, as the standard wants."""
    if request is None:
        return None
    if not isinstance(request, dict):
        raise Malformed(f"the request for {name!r:.80} is neither null nor an object")
    if not isinstance(request.get("essential", False), bool):
        raise Malformed(f"essential is not true or false in the request for {name!r:.80}")
    if not isinstance(request.get("values", []), list):
        raise Malformed(f"values is not a list in the request for {name!r:.80}")
    return {member: request[member] for member in ("essential", "value", "values") if member in request}


def _verified(request: Any, allowed: frozenset[str]) -> tuple[dict[str, Any], ...]:
    """Requests for verified claims (OpenID Connect for Identity Assurance 1.0, 5.1 and 5.6)."""
    requests = request if isinstance(request, list) else [request]
    read = [_verified_one(each, allowed) for each in requests]
    return tuple(each for each in read if each["claims"])


def _verified_one(request: Any, allowed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(request, dict):
        raise Malformed("verified_claims is not an object")
    verification, claims = request.get("verification"), request.get("claims")
    if not isinstance(verification, dict) or "trust_framework" not in verification:
        raise Malformed("verified_claims asks for no trust_framework in its verification")
    if not isinstance(claims, dict) or not claims:
        raise Malformed("verified_claims asks for no claims")
    wanted = {name.partition("#")[0]: _request(each, name) for name, each in claims.items()}
    return {
        "verification": verification,
        "claims": {name: each for name, each in wanted.items() if name in allowed},
    }


def names(claims: Mapping[str, Any]) -> frozenset[str]:
    """Every claim that a checked `claims` parameter asks for, verified or not, but for PROTOCOL_CLAIMS."""
    found: set[str] = set()
    for requests in claims.values():
        found.update(name for name in requests if name != "verified_claims")
        for verified in requests.get("verified_claims", ()):
            found.update(verified["claims"])
    return frozenset(found - PROTOCOL_CLAIMS)


def accepts(request: Mapping[str, Any] | None, found: Any) -> bool:
    """Whether a value fits the `value` and `values` of its request (OpenID Connect Core 5.5.1)."""
    if not request:
        return True
    if "value" in request and not _same(request["value"], found):
        return False
    return "values" not in request or any(_same(each, found) for each in request["values"])


def _same(wanted: Any, found: Any) -> bool:
    """Equal as JSON: unlike in Python, true is not 1."""
    return isinstance(wanted, bool) == isinstance(found, bool) and bool(wanted == found)
