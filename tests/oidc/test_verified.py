"""What is told about a verification: what was asked, nothing empty, nothing that does not fit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import Check, Evidence, EvidenceType, Level, Verification
from broker.oidc.verified import verified_claims
from tests.oidc.examples import LADDER, NOW

CLAIMS = {"given_name": "Mair", "family_name": "Huws", "birthdate": "1990-01-01", "email": "mair@mail.example"}
CHECKED = int(NOW) - 3600
WRITTEN = "2027-01-15T07:00:00Z"
FULL = Verification(
    trust_framework="eidas",
    level=Level.SUBSTANTIAL,
    time=CHECKED,
    claims=("given_name", "family_name", "birthdate"),
    policy="gpg45",
    procedure="m1a",
    process="case-7",
    evidence=(
        Evidence(
            EvidenceType.DOCUMENT,
            (Check("vri", "Help desk", "c-1", CHECKED), Check("vdig")),
            {"type": "passport", "document_number": "123456789"},
        ),
        Evidence(EvidenceType.VOUCH, (), {"type": "written_attestation"}),
    ),
)


def told(verification: Any, claims: Any = None, of: Verification | None = FULL) -> Any:
    request = {"verification": verification, "claims": {"given_name": None} if claims is None else claims}
    return verified_claims(of, CLAIMS, (request,), LADDER, NOW)


def about(verification: Any) -> Any:
    found = told(verification)
    return None if found is None else found["verification"]


def test_nothing_is_told_without_a_verification_or_a_request() -> None:
    assert told({"trust_framework": None}, of=None) is None
    assert verified_claims(FULL, CLAIMS, (), LADDER, NOW) is None


def test_only_verified_claims_that_were_asked_for_are_told() -> None:
    assert told({"trust_framework": None}, {"given_name": None, "email": None, "salary": None}) == {
        "verification": {"trust_framework": "eidas"},
        "claims": {"given_name": "Mair"},
    }


def test_an_empty_claims_object_is_never_told() -> None:
    assert told({"trust_framework": None}, {"email": None}) is None
    assert told({"trust_framework": None}, {"given_name": {"value": "Alys"}}) is None


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, {}),
        ({"assurance_level": None}, {"assurance_level": "substantial"}),
        ({"time": None}, {"time": WRITTEN}),
        ({"time": {"max_age": 3600}}, {"time": WRITTEN}),
        ({"verification_process": None}, {"verification_process": "case-7"}),
        ({"assurance_process": None}, {}),
        ({"assurance_process": {"policy": None}}, {"assurance_process": {"policy": "gpg45"}}),
        ({"assurance_process": {"details": None}}, {}),
        ({"unknown": None}, {}),
        ({"trust_framework": {"value": "eidas"}}, {}),
        ({"trust_framework": {"values": ["de_aml", "eidas"]}}, {}),
        ({"assurance_level": {"values": ["substantial", "high"]}}, {"assurance_level": "substantial"}),
        ({"evidence": None}, {"evidence": [{"type": "document"}, {"type": "vouch"}]}),
        ({"evidence": [{"type": {"value": "vouch"}}]}, {"evidence": [{"type": "vouch"}]}),
        (
            {"evidence": [{"type": {"value": "document"}, "check_details": [{"check_method": None}]}]},
            {"evidence": [{"type": "document", "check_details": [{"check_method": "vri"}, {"check_method": "vdig"}]}]},
        ),
        (
            {
                "evidence": [
                    {"type": {"value": "document"}, "check_details": [{"check_method": {"value": "vri"}, "time": None}]}
                ]
            },
            {"evidence": [{"type": "document", "check_details": [{"check_method": "vri", "time": WRITTEN}]}]},
        ),
        (
            {"evidence": [{"type": {"value": "document"}, "document_details": {"type": None}}]},
            {"evidence": [{"type": "document", "document_details": {"type": "passport"}}]},
        ),
        (
            {"evidence": [{"type": {"value": "vouch"}}, {"type": {"value": "document"}}]},
            {"evidence": [{"type": "document"}, {"type": "vouch"}]},
        ),
    ],
)
def test_what_was_asked_is_told_and_nothing_more(asked: dict[str, Any], answer: dict[str, Any]) -> None:
    assert about({"trust_framework": None, **asked}) == {"trust_framework": "eidas", **answer}


@pytest.mark.parametrize(
    "asked",
    [
        {"trust_framework": {"value": "de_aml"}},
        {"trust_framework": {"values": ["de_aml"]}},
        {"trust_framework": {"values": "eidas"}},
        {"trust_framework": None, "assurance_level": {"value": "high"}},
        {"trust_framework": None, "time": {"max_age": 3599}},
        {"trust_framework": None, "time": {"max_age": "1"}},
        {"trust_framework": None, "verification_process": {"value": "case-8"}},
        {"trust_framework": None, "assurance_process": {"policy": {"value": "other"}}},
        {"trust_framework": None, "assurance_process": {"value": "other"}},
        {"trust_framework": None, "unknown": {"value": "x"}},
        {"trust_framework": None, "unknown": {"inner": {"value": "x"}}},
        {"trust_framework": None, "evidence": [{"type": {"value": "electronic_record"}}]},
        {
            "trust_framework": None,
            "evidence": [{"type": {"value": "vouch"}, "check_details": [{"check_method": {"value": "vri"}}]}],
        },
        {"trust_framework": {"max_age": 1}},
    ],
)
def test_a_demand_that_is_not_met_leaves_out_the_whole_answer(asked: dict[str, Any]) -> None:
    assert about(asked) is None


def test_details_of_a_document_are_told_only_member_by_member() -> None:
    asked = {"trust_framework": None, "evidence": [{"type": None, "document_details": None}]}
    assert "123456789" not in str(about(asked))


def test_a_verification_of_which_little_is_known_has_no_empty_members() -> None:
    little = Verification("eidas", Level.LOW, CHECKED, ("given_name",))
    asked = {"trust_framework": None, "evidence": None, "assurance_process": None, "verification_process": None}
    assert told(asked, of=little) == {"verification": {"trust_framework": "eidas"}, "claims": {"given_name": "Mair"}}


def test_several_requests_are_answered_by_those_that_are_met() -> None:
    requests = [
        {"verification": {"trust_framework": {"value": name}}, "claims": {claim: None}}
        for name, claim in (("eidas", "given_name"), ("de_aml", "given_name"), ("eidas", "family_name"))
    ]
    found = verified_claims(FULL, CLAIMS, requests, LADDER, NOW)
    assert isinstance(found, list)
    assert [each["claims"] for each in found] == [{"given_name": "Mair"}, {"family_name": "Huws"}]
    assert verified_claims(FULL, CLAIMS, requests[1:2], LADDER, NOW) is None


def leaves(value: Any) -> Any:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)] or [value]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)] or [value]
    return [value]


WORDS = [
    "type",
    "evidence",
    "time",
    "check_details",
    "check_method",
    "document_details",
    "value",
    "values",
    "max_age",
    "x",
]
REQUESTS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 5) | st.sampled_from(["document", "eidas"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(WORDS), REQUESTS, max_size=5))
def test_no_request_makes_it_fail_or_tell_anything_empty(asked: dict[str, Any]) -> None:
    found = told({"trust_framework": None, **asked})
    assert found is None or all(leaf not in (None, "", {}, []) for leaf in leaves(found))
