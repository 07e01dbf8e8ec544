"""`verified_claims` for any valid request: a valid answer with what was requested, or none (property-based)."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import EvidenceType, Level, Verification, VerificationCheck, VerificationEvidence
from broker.oidc.claim_request import meets
from broker.oidc.claims_parameter import read_claims
from broker.oidc.verified_claims import elements, verified_claims
from tests.unit.oidc import assurance_schema
from tests.unit.oidc.examples import LADDER, NOW

AGES = (0, 60, 86_400, 10_000_000)
CLAIMS = {
    "given_name": "Mair",
    "family_name": "Huws",
    "birthdate": "1990-01-01",
    "address": {"formatted": "1 High Street"},
    "email": "not told as verified",
}
ALLOWED = frozenset({*CLAIMS, "nationalities"})
MANDATORY = {"trust_framework", "type", "check_method"}
RESTRICTIONS = {"value", "values", "max_age"}

# What is known


def times() -> st.SearchStrategy[int]:
    return st.sampled_from([int(NOW) - age for age in AGES])


DETAILS = {
    EvidenceType.DOCUMENT: {"date_of_expiry": "2027-01-14", "issuer": {"country": "GBR"}, "date_of_issuance": "May"},
    EvidenceType.ELECTRONIC_RECORD: {"source": {"name": "Bank"}},
    EvidenceType.VOUCH: {},
}
METHODS = st.sampled_from(["vri", "data"])
NAMES = {
    EvidenceType.DOCUMENT: "document_details",
    EvidenceType.ELECTRONIC_RECORD: "record",
    EvidenceType.VOUCH: "attestation",
}
SUBTYPES = st.sampled_from(["passport", "idcard"])
CHECKS = st.builds(
    VerificationCheck, METHODS, st.none() | st.just("Desk"), st.none() | st.just("c-1"), st.none() | times()
)


@st.composite
def evidence(draw: st.DrawFn, *kinds: EvidenceType) -> VerificationEvidence:
    kind = draw(st.sampled_from(kinds or tuple(EvidenceType)))
    details = {"type": draw(SUBTYPES), **DETAILS[kind]} if draw(st.booleans()) else {}
    return VerificationEvidence(kind, tuple(draw(st.lists(CHECKS, max_size=2))), details)


def verifications() -> st.SearchStrategy[Verification]:
    return st.builds(
        Verification,
        trust_framework=st.sampled_from(["gold", "silver"]),
        level=st.sampled_from(list(Level)),
        time=times(),
        claims=st.just(("given_name", "family_name", "birthdate", "address", "email")),
        policy=st.none() | st.just("policy"),
        process=st.none() | st.just("case-7"),
        evidence=st.lists(evidence(), max_size=3).map(tuple),
    )


# The request


def leaf(*values: str) -> st.SearchStrategy[Any]:
    one, several = st.sampled_from([*values, "other"]), st.lists(st.sampled_from(values), min_size=1, max_size=2)
    demand = st.fixed_dictionaries({"value": one}) | st.fixed_dictionaries({"values": several})
    # mostly without a restriction: of many, one would nearly always be unmet
    return st.none() | st.fixed_dictionaries({"essential": st.booleans()}) | demand


def moment() -> st.SearchStrategy[Any]:
    return st.none() | st.fixed_dictionaries({"max_age": st.sampled_from(AGES)})


def asked(required: Any = None, **optional: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required or {}, optional=optional)


def alternatives(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(one, min_size=1, max_size=3)


CHECK_REQUEST = asked(
    {"check_method": leaf("vri", "data")}, organization=leaf("Desk"), check_id=st.none(), time=moment()
)


def filters(kind: EvidenceType) -> st.SearchStrategy[Any]:
    details = {
        EvidenceType.DOCUMENT: asked(
            type=leaf("passport", "idcard"),
            date_of_expiry=moment(),
            date_of_issuance=st.none(),
            document_number=st.none(),
            issuer=asked(country=leaf("GBR"), name=st.none()),
        ),
        EvidenceType.ELECTRONIC_RECORD: asked(type=leaf("passport"), source=asked(name=leaf("Bank"))),
        EvidenceType.VOUCH: asked(type=leaf("idcard"), reference_number=st.none()),
    }
    return asked(
        {"type": st.just({"value": kind.value})},
        check_details=st.none() | alternatives(CHECK_REQUEST),
        attachments=st.none(),
        **{NAMES[kind]: st.none() | details[kind]},
    )


def one_request() -> st.SearchStrategy[Any]:
    return asked(
        {
            "verification": asked(
                {"trust_framework": leaf("gold", "silver")},
                assurance_level=leaf("low", "substantial", "high"),
                assurance_process=st.none() | asked(policy=leaf("policy"), procedure=st.none()),
                time=moment(),
                verification_process=st.none(),
                evidence=st.none() | alternatives(st.sampled_from(EvidenceType).flatmap(filters)),
                unknown=st.none(),
            ),
            "claims": st.dictionaries(
                st.sampled_from([*sorted(ALLOWED), "salary"]),
                leaf("Mair", "1990-01-01") | moment(),
                min_size=1,
                max_size=4,
            ),
        }
    )


# properties of a valid answer, checked without the product's code


def fits(fact: Any, wanted: Any) -> bool:
    """True if a fact, or None without one, meets every restriction at any depth of its request."""
    if isinstance(wanted, list):
        return any(fits(fact, each) for each in wanted) if fact is None else any(first(one, wanted) for one in fact)
    if not isinstance(wanted, dict):
        return True
    if RESTRICTIONS & wanted.keys() and (fact is None or not meets(wanted, fact, NOW)):
        return False
    inner = fact if isinstance(fact, dict) else {}
    return all(fits(inner.get(name), each) for name, each in wanted.items() if isinstance(each, dict | list))


def first(fact: Any, wanted: list[Any]) -> dict[str, Any] | None:
    return next((each for each in wanted if fits(fact, each)), None)


def expected(fact: Any, wanted: Any) -> Any:
    """Reduces a fact that meets a request to the requested members and those that give them a meaning."""
    if isinstance(fact, list):
        pairs = [(one, first(one, wanted) if isinstance(wanted, list) else {}) for one in fact]
        return [expected(one, alternative) for one, alternative in pairs if alternative is not None]
    if not isinstance(fact, dict):
        return fact
    names = MANDATORY | (wanted or {}).keys()
    members = {name: expected(each, (wanted or {}).get(name)) for name, each in fact.items() if name in names}
    return {name: member for name, member in members.items() if member not in ({}, [])}


@given(verifications(), st.lists(one_request(), min_size=1, max_size=3))
def test_an_answer_is_valid_meets_each_restriction_and_holds_what_was_asked_and_no_more(
    known: Verification, requests: list[Any]
) -> None:
    read = read_claims(json.dumps({"id_token": {"verified_claims": requests}}), ALLOWED)
    found = verified_claims(known, CLAIMS, read.get("id_token", {}).get("verified_claims", ()), LADDER, NOW)
    facts = elements(known, LADDER)
    answered = []
    for request in requests:
        claims = {
            name: CLAIMS[name]
            for name, wanted in request["claims"].items()
            if name in CLAIMS and name != "email" and meets(wanted, CLAIMS[name], NOW)
        }
        if claims and fits(facts, request["verification"]):
            answered.append((request, claims))
    if not answered:
        assert found is None
        return
    assurance_schema.check(found)
    answers = found if isinstance(found, list) else [found]
    assert len(answers) == len(answered)
    for answer, (request, claims) in zip(answers, answered, strict=True):
        assert answer["claims"] == claims
        assert answer["verification"] == expected(facts, request["verification"])


@given(
    st.lists(evidence(EvidenceType.DOCUMENT), min_size=1, max_size=2),
    st.lists(filters(EvidenceType.DOCUMENT), min_size=2, max_size=3),
)
def test_each_piece_of_evidence_is_selected_by_its_first_matching_alternative(
    known: list[VerificationEvidence], alternatives: list[Any]
) -> None:
    verification = Verification("gold", Level.HIGH, int(NOW), ("given_name",), evidence=tuple(known))
    asked = {"verification": {"trust_framework": None, "evidence": alternatives}, "claims": {"given_name": None}}
    found = verified_claims(verification, CLAIMS, (asked,), LADDER, NOW)
    pieces = expected(elements(verification, LADDER)["evidence"], alternatives)
    assert found == (
        {"verification": {"trust_framework": "gold", "evidence": pieces}, "claims": {"given_name": "Mair"}}
        if pieces
        else None
    )
