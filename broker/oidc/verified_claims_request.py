"""Requests for `verified_claims`: strict parsing (OpenID Connect for Identity Assurance 1.0, 5.3 to 5.6).

This module decides which requests are malformed. A request that cannot be met is no error, and is decided in
`verified_claims`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from broker.model.json_types import JsonObject
from broker.oidc.claim_request import MEMBERS, RESTRICTIONS, MalformedClaimRequest, read_request

LISTS: Final = frozenset({"evidence", "check_details", "assurance_details", "evidence_ref"})
"""Elements that are arrays: a request for one is an array of alternatives."""

_ELEMENTS: Final = frozenset(
    {
        *("trust_framework", "assurance_level", "assurance_process", "time", "verification_process"),
        *("policy", "procedure", "assurance_type", "assurance_classification", "evidence_metadata"),
        *("type", "check_method", "check_id", "organization", "document_details", "record", "attestation"),
        *("document_number", "serial_number", "date_of_issuance", "date_of_expiry", "created_at", "issuer", "source"),
        *("voucher", "reference_number", "derived_claims", "attachments"),
    }
)
"""Elements that are values or objects: a request for one is null or an object."""

_MEMBERS: Final = (*MEMBERS, "max_age")


class VerifiedClaimsRequest(TypedDict):
    """One checked request (Identity Assurance 1.0, 5.3): for the verification, and for each claim."""

    verification: JsonObject
    claims: Mapping[str, JsonObject | None]


def verified_requests(requests: JsonObject) -> Sequence[VerifiedClaimsRequest]:
    """The requests for `verified_claims` among the checked requests of one destination."""
    several = requests.get("verified_claims")
    return several if isinstance(several, list | tuple) else ()


def read_verified(request: object, allowed: frozenset[str]) -> tuple[VerifiedClaimsRequest, ...]:
    """Parses the requests of a `verified_claims` member, one or an array, reduced to the claims in `allowed`.

    A request without any allowed claim is dropped. Raises MalformedClaimRequest.
    """
    requests = request if isinstance(request, list) else [request]
    read = [_one(each, allowed) for each in requests]
    return tuple(each for each in read if each["claims"])


def _one(request: object, allowed: frozenset[str]) -> VerifiedClaimsRequest:
    if not isinstance(request, dict):
        raise MalformedClaimRequest("verified_claims is not an object")
    verification = request.get("verification")
    if not isinstance(verification, dict) or "trust_framework" not in verification:
        raise MalformedClaimRequest("verified_claims asks for no trust_framework in its verification")
    return {"verification": _object(verification), "claims": _claims(request, allowed)}


def _claims(request: JsonObject, allowed: frozenset[str]) -> dict[str, JsonObject | None]:
    """Requests for claims. Null means none; for a claim in several languages, the request without a language takes
    precedence, then the first, since each claim has one form here.
    """
    claims = request.get("claims", {})
    if claims is None:
        return {}
    if not isinstance(claims, dict) or not claims:
        raise MalformedClaimRequest("verified_claims asks for no claims")
    wanted: dict[str, JsonObject | None] = {}
    for name in sorted(claims, key=lambda name: "#" in name):
        wanted.setdefault(name.partition("#")[0], read_request(claims[name], name, _MEMBERS))
    return {name: wanted[name] for name in dict.fromkeys(each.partition("#")[0] for each in claims) if name in allowed}


def _object(request: JsonObject) -> dict[str, object]:
    """Request for an element: its own members, and the requests for nested elements. Others are dropped."""
    read = read_request(request, "an element of verification", _MEMBERS) or {}
    if read.get("values") == []:
        raise MalformedClaimRequest("values is empty in the request for an element of verification")
    for name, inner in request.items():
        if name not in _MEMBERS and (name in LISTS or name in _ELEMENTS or _could_be_element(inner)):
            read[name] = _element(name, inner)
    return read


def _could_be_element(request: object) -> bool:
    """Whether a member that no standard defines can be a request; any other "must be ignored" (Core 5.5.1)."""
    several = isinstance(request, list) and request and all(isinstance(each, dict) for each in request)
    return request is None or isinstance(request, dict) or bool(several)


def _element(name: str, request: object) -> object:
    if request is None:
        return None
    if isinstance(request, dict) and name not in LISTS:
        return _object(request)
    if not isinstance(request, list) or name in _ELEMENTS or not request:
        raise MalformedClaimRequest(f"the request for {name!r:.80} has another shape than the element")
    if not all(isinstance(each, dict) for each in request):
        raise MalformedClaimRequest(f"an alternative for {name!r:.80} is not an object")
    if name == "evidence" and not all(_names_type(each) for each in request):
        raise MalformedClaimRequest("a request for evidence does not name its type by value")
    return [_object(each) for each in request]


def _names_type(request: JsonObject) -> bool:
    """Whether a filter names its type of evidence, by `value` alone (Identity Assurance 1.0, 5.4)."""
    kind = request.get("type")
    return isinstance(kind, dict) and isinstance(kind.get("value"), str) and "values" not in kind


def restricts(request: object) -> bool:
    """Whether a parsed request has a restriction that a missing element cannot meet."""
    match request:
        case Mapping():
            inner = (each for name, each in request.items() if name not in _MEMBERS)
            return not RESTRICTIONS.isdisjoint(request) or any(map(restricts, inner))
        case list():
            return bool(request) and all(map(restricts, request))
        case _:
            return False
