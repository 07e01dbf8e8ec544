"""Requests for `verified_claims`: parsed according to the standard, or rejected."""

import json
from typing import Any

import pytest

from broker.oidc.claim_request import MalformedClaimRequest
from broker.oidc.claims_parameter import read_claims

ALLOWED = frozenset({"given_name", "birthdate"})
DOCUMENT = {"type": {"value": "document"}}


def read(request: Any) -> Any:
    found = read_claims(json.dumps({"userinfo": {"verified_claims": request}}), ALLOWED)
    return found.get("userinfo", {}).get("verified_claims")


def wanting(claims: Any = None, **verification: Any) -> dict[str, Any]:
    return {
        "verification": {"trust_framework": None, **verification},
        "claims": {"given_name": None} if claims is None else claims,
    }


@pytest.mark.parametrize(
    "verification",
    [
        {"trust_framework": "eidas"},
        {"trust_framework": []},
        {"trust_framework": {"values": "eidas"}},
        {"trust_framework": {"values": []}},
        {"assurance_level": {"essential": 1}},
        {"time": True},
        {"time": {"max_age": "86400"}},
        {"time": {"max_age": True}},
        {"time": {"max_age": -1}},
        {"assurance_process": [{"policy": None}]},
        {"assurance_process": {"policy": "gpg45"}},
        {"assurance_process": {"assurance_details": {}}},
        {"evidence": []},
        {"evidence": DOCUMENT},
        {"evidence": "document"},
        {"evidence": [None]},
        {"evidence": [DOCUMENT, "vouch"]},
        {"evidence": [{"check_details": [{"check_method": None}]}]},
        {"evidence": [{"type": None}]},
        {"evidence": [{"type": {"value": 1}}]},
        {"evidence": [{"type": {"value": "document", "values": ["document"]}}]},
        {"evidence": [{**DOCUMENT, "check_details": []}]},
        {"evidence": [{**DOCUMENT, "check_details": {"check_method": None}}]},
        {"evidence": [{**DOCUMENT, "document_details": ["type"]}]},
        {"evidence": [{**DOCUMENT, "document_details": {"issuer": {"country": {"values": "GBR"}, "name": None}}}]},
        {"evidence": [{**DOCUMENT, "document_details": {"date_of_expiry": {"max_age": []}}}]},
    ],
)
def test_an_element_that_is_asked_for_in_another_shape_is_an_error(verification: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaimRequest):
        read(wanting(**verification))


@pytest.mark.parametrize(
    "claims", [{}, [], "given_name", {"given_name": 1}, {"given_name": {"values": 1}}, {"birthdate": {"max_age": "1"}}]
)
def test_claims_that_are_asked_for_in_another_shape_are_an_error(claims: Any) -> None:
    with pytest.raises(MalformedClaimRequest):
        read(wanting(claims))


@pytest.mark.parametrize(
    "verification",
    [
        {"time": {"max_age": 63113852}, "verification_process": {"essential": True}},
        {"assurance_level": {"values": ["high", "substantial"]}},
        {"evidence": None, "assurance_process": None},
        {"evidence": [{**DOCUMENT, "document_details": None, "check_details": None, "attachments": None}]},
        {"evidence": [DOCUMENT, {"type": {"value": "electronic_signature"}, "issuer": None, "created_at": None}]},
        {"evidence": [{**DOCUMENT, "derived_claims": {"given_name": None}}]},
        {
            "assurance_process": {
                "assurance_details": [
                    {"evidence_ref": [{"evidence_metadata": {"evidence_classification": {"values": ["one"]}}}]}
                ]
            }
        },
        {"of_an_extension": {"inner": {"value": "x"}}, "list_of_one": [{"inner": None}]},
    ],
)
def test_a_request_that_the_standard_allows_is_kept_as_it_is(verification: dict[str, Any]) -> None:
    assert read([wanting(**verification), wanting()]) == (wanting(**verification), wanting())


def test_undefined_members_are_dropped_without_an_error() -> None:
    asked = wanting(
        {"given_name": {"essential": True, "purpose": "to greet you"}},
        time={"essential": False, "purpose": "to know", "strange": 1},
        strange="text",
        strangers=["text"],
    )
    assert read(asked) == (wanting({"given_name": {"essential": True}}, time={"essential": False}),)


def test_no_claim_at_all_can_be_asked_for_and_is_answered_by_nothing() -> None:
    assert read({"verification": {"trust_framework": None}, "claims": None}) is None
    assert read([]) is None


def test_a_restriction_is_not_lost_to_the_same_claim_in_another_language() -> None:
    demand = {"value": "Mair"}
    for claims in ({"given_name": demand, "given_name#cy": None}, {"given_name#cy": None, "given_name": demand}):
        assert read(wanting(claims)) == (wanting({"given_name": demand}),)
    assert read(wanting({"given_name#cy": demand, "given_name#en": None})) == (wanting({"given_name": demand}),)
