"""`verified_claims`: what was verified, how and by whom (OpenID Connect for Identity Assurance 1.0).

Only requested elements are included, empty ones never; what does not meet a request is omitted without an error.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypedDict

from broker.model.assurance import (
    AcrLevels,
    AssuranceDetail,
    EvidenceType,
    Verification,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.json_types import JsonObject
from broker.oidc.claim_formats import has_verified_shape
from broker.oidc.claim_request import RESTRICTIONS, is_date, meets
from broker.oidc.verified_claims_request import VerifiedClaimsRequest, restricts

DETAILS: Final[Mapping[EvidenceType, str]] = {
    EvidenceType.DOCUMENT: "document_details",
    EvidenceType.ELECTRONIC_RECORD: "record",
    EvidenceType.VOUCH: "attestation",
}
"""Element with the details of a piece of evidence, by its type."""

_MANDATORY: Final = ("trust_framework", "type", "check_method", "assurance_type")
"""Members that their object needs: included even if not requested."""

_DATES: Final = frozenset({"date_of_issuance", "date_of_expiry"})


class VerifiedClaims(TypedDict):
    """One `verified_claims` object (OpenID Identity Assurance Schema 1.0, 5.3)."""

    verification: JsonObject
    claims: JsonObject


class UnmetRequest(Exception):
    """Request about the verification that it does not meet."""


def verified_claims(
    verification: Verification | None,
    claims: JsonObject,
    requests: Sequence[VerifiedClaimsRequest],
    ladder: AcrLevels,
    now: float,
) -> VerifiedClaims | list[VerifiedClaims] | None:
    """`verified_claims` member for checked requests: an array if several are answered, None if none is.

    `claims` are the released values; only those that the verification names are used. An unmet request about the
    verification omits the whole answer, one about a claim only that claim.
    """
    if verification is None:
        return None
    facts = elements(verification, ladder)
    if "trust_framework" not in facts:
        return None
    known = {
        name: claims[name] for name in verification.claims if name in claims and has_verified_shape(name, claims[name])
    }
    answers: list[VerifiedClaims] = []
    for request in requests:
        given = {
            name: known[name]
            for name, wanted in request["claims"].items()
            if name in known and meets(wanted, known[name], now)
        }
        if given:
            try:
                chosen = _with_known_references(_chosen(facts, request["verification"], now))
                answers.append({"verification": chosen, "claims": given})
            except UnmetRequest:
                continue
    return answers[0] if len(answers) == 1 else answers or None


def elements(verification: Verification, ladder: AcrLevels) -> dict[str, object]:
    """Verification record as elements of the standard (OpenID Identity Assurance Schema 1.0, 5.4)."""
    process = _known(
        policy=verification.policy,
        procedure=verification.procedure,
        assurance_details=[_assurance(detail) for detail in verification.assurance],
    )
    return _known(
        trust_framework=verification.trust_framework,
        assurance_level=ladder.acr(verification.level),
        assurance_process=process,
        time=_written(verification.time),
        verification_process=verification.process,
        evidence=[_evidence(piece) for piece in verification.evidence],
    )


def _evidence(piece: VerificationEvidence) -> dict[str, object]:
    checks = [_check(check) for check in piece.checks if check.check_method]
    return _known(type=piece.type.value, check_details=checks, **{DETAILS[piece.type]: _details(piece.details)})


def _assurance(detail: AssuranceDetail) -> dict[str, object]:
    """Part of the assurance process. Each check has the classification of its evidence, if there is one."""
    checks = [
        _known(check_id=check, evidence_metadata=_known(evidence_classification=classification))
        for check, classification in detail.checks
    ]
    return _known(assurance_type=detail.type, assurance_classification=detail.classification, evidence_ref=checks)


def _details(details: JsonObject) -> dict[str, object]:
    """Details of a piece of evidence, with their type. Invalid dates, which staff type by hand, are omitted."""
    if not details.get("type"):
        return {}
    return _known(**{name: value for name, value in details.items() if name not in _DATES or is_date(value)})


def _check(check: VerificationCheck) -> dict[str, object]:
    time = _written(check.time) if check.time is not None else None
    return _known(check_method=check.check_method, organization=check.organization, check_id=check.check_id, time=time)


def _known(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Selection of the requested elements


def _chosen(facts: JsonObject, request: JsonObject, now: float) -> dict[str, object]:
    chosen = {name: facts[name] for name in _MANDATORY if name in facts}
    for name, wanted in request.items():
        found = facts.get(name)
        if found is None:
            if restricts(wanted):
                raise UnmetRequest(name)
            continue
        value = _value(found, wanted, now)
        if value not in ({}, []):
            chosen[name] = value
    return chosen


def _with_known_references(verification: dict[str, object]) -> dict[str, object]:
    """The verification without references to checks that it does not name: each `check_id` of an `evidence_ref` is in
    the `check_details` of the evidence that is sent (5.4.2).
    """
    process = verification.get("assurance_process")
    details = process.get("assurance_details") if isinstance(process, Mapping) else None
    if not isinstance(process, Mapping) or not isinstance(details, list):
        return verification
    evidence = verification.get("evidence")
    named = {
        check.get("check_id")
        for piece in (evidence if isinstance(evidence, list) else [])
        for check in piece.get("check_details", [])
    }
    kept = []
    for detail in details:
        references = [one for one in detail.get("evidence_ref", []) if one.get("check_id", None) in named - {None}]
        kept.append(_known(**{**detail, "evidence_ref": references}))
    return {**verification, "assurance_process": {**process, "assurance_details": kept}}


def _value(found: object, wanted: object, now: float) -> object:
    if isinstance(found, list):
        return _items(found, wanted, now)
    members = wanted if isinstance(wanted, Mapping) else {}
    if not RESTRICTIONS.isdisjoint(members) and not meets(members, found, now):
        raise UnmetRequest
    return _chosen(found, members, now) if isinstance(found, Mapping) else found


def _items(found: list[object], wanted: object, now: float) -> list[object]:
    """Items that match one of the alternatives, each with the members that the alternative requests."""
    alternatives = wanted if isinstance(wanted, list) else [wanted]
    chosen = []
    for item in found:
        for alternative in alternatives:
            try:
                chosen.append(_value(item, alternative, now))
                break
            except UnmetRequest:
                continue
    if not chosen:
        raise UnmetRequest
    return chosen
