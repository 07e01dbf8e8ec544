"""`verified_claims`: only requested elements, nothing empty, nothing that does not meet the request."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import tzset
from typing import Any

import pytest

from broker.model.assurance import (
    AssuranceDetail,
    EvidenceType,
    Level,
    Verification,
    VerificationCheck,
    VerificationEvidence,
)
from broker.oidc.claims_parameter import read_claims
from broker.oidc.verified_claims import verified_claims
from tests.unit.oidc import assurance_schema
from tests.unit.oidc.examples import LADDER, NOW

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
        VerificationEvidence(
            EvidenceType.DOCUMENT,
            (VerificationCheck("vri", "Help desk", "c-1", CHECKED), VerificationCheck("vdig")),
            {"type": "passport", "document_number": "123456789"},
        ),
        VerificationEvidence(EvidenceType.VOUCH, (), {"type": "written_attestation"}),
    ),
)


def released(verification: Any, claims: Any = None, of: Verification | None = FULL, known: Any = CLAIMS) -> Any:
    request = {"verification": verification, "claims": {"given_name": None} if claims is None else claims}
    found = verified_claims(of, known, (request,), LADDER, NOW)
    if found is not None:
        assurance_schema.check(found)
    return found


def about(verification: Any) -> Any:
    found = released(verification)
    return None if found is None else found["verification"]


def test_verified_claims_are_omitted_without_a_verification_or_a_request() -> None:
    assert released({"trust_framework": None}, of=None) is None
    assert verified_claims(FULL, CLAIMS, (), LADDER, NOW) is None


def test_only_requested_verified_claims_are_included() -> None:
    assert released({"trust_framework": None}, {"given_name": None, "email": None, "salary": None}) == {
        "verification": {"trust_framework": "eidas"},
        "claims": {"given_name": "Mair"},
    }


def test_an_empty_claims_object_is_never_included() -> None:
    assert released({"trust_framework": None}, {"email": None}) is None
    assert released({"trust_framework": None}, {"given_name": {"value": "Alys"}}) is None


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
def test_only_requested_elements_are_included(asked: dict[str, Any], answer: dict[str, Any]) -> None:
    assert about({"trust_framework": None, **asked}) == {"trust_framework": "eidas", **answer}


@pytest.mark.parametrize(
    "asked",
    [
        {"trust_framework": {"value": "de_aml"}},
        {"trust_framework": {"values": ["de_aml"]}},
        {"trust_framework": None, "assurance_level": {"value": "high"}},
        {"trust_framework": None, "time": {"max_age": 3599}},
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


def test_document_details_are_included_only_member_by_member() -> None:
    asked = {"trust_framework": None, "evidence": [{"type": None, "document_details": None}]}
    assert "123456789" not in str(about(asked))


def test_a_verification_of_which_little_is_known_has_no_empty_members() -> None:
    little = Verification("eidas", Level.LOW, CHECKED, ("given_name",))
    asked = {"trust_framework": None, "evidence": None, "assurance_process": None, "verification_process": None}
    assert released(asked, of=little) == {
        "verification": {"trust_framework": "eidas"},
        "claims": {"given_name": "Mair"},
    }


def test_several_requests_are_answered_by_those_that_are_met() -> None:
    requests = [
        {"verification": {"trust_framework": {"value": name}}, "claims": {claim: None}}
        for name, claim in (("eidas", "given_name"), ("de_aml", "given_name"), ("eidas", "family_name"))
    ]
    found = verified_claims(FULL, CLAIMS, requests, LADDER, NOW)
    assert isinstance(found, list)
    assert [each["claims"] for each in found] == [{"given_name": "Mair"}, {"family_name": "Huws"}]
    assert verified_claims(FULL, CLAIMS, requests[1:2], LADDER, NOW) is None


def document(**details: Any) -> Verification:
    evidence = VerificationEvidence(EvidenceType.DOCUMENT, (VerificationCheck("vri"),), {"type": "passport", **details})
    return replace(FULL, evidence=(evidence,))


def details_of(verification: Verification, **asked: Any) -> Any:
    wanted = {"type": {"value": "document"}, "document_details": {"type": None, **asked}}
    found = released({"trust_framework": None, "evidence": [wanted]}, of=verification)
    return None if found is None else found["verification"]["evidence"][0]["document_details"]


DAY = 86_400
ISSUED = "2027-01-14"
"""The last second of this day is 28,801 seconds before NOW."""


@pytest.fixture
def far_away() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(("max_age", "fits"), [(28_801, True), (28_800, False), (28_800.5, False), (DAY, True)])
def test_a_date_is_as_old_as_its_last_second_in_utc(max_age: float, *, fits: bool) -> None:
    found = details_of(document(date_of_issuance=ISSUED), date_of_issuance={"max_age": max_age})
    assert found == ({"type": "passport", "date_of_issuance": ISSUED} if fits else None)


def test_a_date_to_come_is_not_old() -> None:
    assert details_of(document(date_of_expiry="2031-05-01"), date_of_expiry={"max_age": 0}) is not None


def test_an_invalid_date_from_staff_is_omitted_and_meets_no_request() -> None:
    written = document(date_of_expiry="May 2031", date_of_issuance="2027-02-30")
    assert details_of(written, date_of_expiry=None, date_of_issuance=None) == {"type": "passport"}
    assert details_of(written, date_of_expiry={"max_age": DAY}) is None


def test_details_without_their_type_are_omitted() -> None:
    untyped = replace(FULL, evidence=(VerificationEvidence(EvidenceType.DOCUMENT, (), {"document_number": "1"}),))
    asked = {
        "trust_framework": None,
        "evidence": [{"type": {"value": "document"}, "document_details": {"document_number": None}}],
    }
    assert released(asked, of=untyped)["verification"]["evidence"] == [{"type": "document"}]


@pytest.mark.parametrize("born", ["1977", "1977-04", "0000-04-12", "1977-04-12"])
def test_a_partial_birthdate_is_included_as_verified(born: str) -> None:
    known = {"name": "Suharto", "birthdate": born}
    answer = released({"trust_framework": None}, dict.fromkeys(known), replace(FULL, claims=tuple(known)), known)
    assert answer["claims"] == known
    assurance_schema.check(answer)


def test_a_claim_of_another_shape_or_age_is_left_out_alone() -> None:
    known = {"given_name": "Mair", "birthdate": "01/04/1990", "updated_at": int(NOW) - 10}
    verification = replace(FULL, claims=tuple(known))
    assert released({"trust_framework": None}, dict.fromkeys(known), verification, known)["claims"] == {
        "given_name": "Mair",
        "updated_at": int(NOW) - 10,
    }
    for age, kept in ((9, {"given_name": "Mair"}), (10, {"given_name": "Mair", "updated_at": int(NOW) - 10})):
        asked = {"given_name": None, "updated_at": {"max_age": age}}
        assert released({"trust_framework": None}, asked, verification, known)["claims"] == kept


def test_a_claim_without_a_time_in_it_meets_no_age() -> None:
    assert released({"trust_framework": None}, {"given_name": {"max_age": 10**12}}) is None


def test_essential_changes_nothing_in_the_answer() -> None:
    essential = {"essential": True}
    asked = {"trust_framework": essential, "assurance_level": essential, "unknown": essential}
    assert released(asked, {"given_name": essential, "family_name": {"value": "Rees", **essential}}) == {
        "verification": {"trust_framework": "eidas", "assurance_level": "substantial"},
        "claims": {"given_name": "Mair"},
    }
    assert released({"trust_framework": {"value": "de_aml", **essential}}) is None


def test_the_first_matching_alternative_selects_the_elements() -> None:
    def evidence(*alternatives: Any) -> Any:
        return about({"trust_framework": None, "evidence": list(alternatives)})["evidence"]

    plain = {"type": {"value": "document"}}
    checked = {**plain, "check_details": [{"check_method": {"value": "vri"}, "check_id": None}]}
    unmet = {**plain, "check_details": [{"check_method": {"value": "pvp"}}]}
    expected_checked = [{"type": "document", "check_details": [{"check_method": "vri", "check_id": "c-1"}]}]
    assert evidence(checked, plain) == expected_checked
    assert evidence(plain, checked) == [{"type": "document"}]
    assert evidence(unmet, checked) == expected_checked


SCORED = replace(
    FULL,
    assurance=(
        AssuranceDetail("evidence_validation", "score_3", (("c-1", "score_4_strength"), ("c-2", "score_4_strength"))),
        AssuranceDetail("counter_fraud", "score_1", (("p-1", ""),)),
    ),
)
DETAIL = {
    "assurance_classification": None,
    "evidence_ref": [{"check_id": None, "evidence_metadata": {"evidence_classification": None}}],
}
WITH_CHECKS = {"evidence": [{"type": None, "check_details": [{"check_method": None, "check_id": None}]}]}


@pytest.mark.parametrize(
    ("asked", "evidence", "details"),
    [
        (None, {}, [{"assurance_type": "evidence_validation"}, {"assurance_type": "counter_fraud"}]),
        (
            [{"assurance_type": {"value": "counter_fraud"}, **DETAIL}],
            WITH_CHECKS,
            [{"assurance_type": "counter_fraud", "assurance_classification": "score_1"}],
        ),
        (
            [DETAIL],
            {},
            [
                {"assurance_type": "evidence_validation", "assurance_classification": "score_3"},
                {"assurance_type": "counter_fraud", "assurance_classification": "score_1"},
            ],
        ),
        (
            [DETAIL],
            WITH_CHECKS,
            [
                {
                    "assurance_type": "evidence_validation",
                    "assurance_classification": "score_3",
                    "evidence_ref": [
                        {"check_id": "c-1", "evidence_metadata": {"evidence_classification": "score_4_strength"}}
                    ],
                },
                {"assurance_type": "counter_fraud", "assurance_classification": "score_1"},
            ],
        ),
    ],
)
def test_the_assurance_process_names_only_checks_that_are_sent_with_it(
    asked: Any, evidence: dict[str, Any], details: list[dict[str, Any]]
) -> None:
    request = {"trust_framework": None, "assurance_process": {"assurance_details": asked}, **evidence}
    found = released(request, of=SCORED)["verification"]
    assert found["assurance_process"] == {"assurance_details": details}


def test_a_demanded_part_of_the_assurance_process_that_is_missing_leaves_out_the_answer() -> None:
    asked = [{"assurance_type": {"value": "activity"}}]
    assert released({"trust_framework": None, "assurance_process": {"assurance_details": asked}}, of=SCORED) is None


def test_verified_claims_are_omitted_without_a_trust_framework() -> None:
    assert released({"trust_framework": None}, of=replace(FULL, trust_framework="")) is None


def test_the_example_for_services_is_answered_as_it_says() -> None:
    page = Path(__file__).parents[3] / "docs/for-services/assurance.md"
    asked, answer = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    record = VerificationEvidence(
        EvidenceType.ELECTRONIC_RECORD,
        (VerificationCheck("auth", "Northbank", time=CHECKED),),
        {"type": "identity_provider", "source": {"name": "Northbank"}},
    )
    known = replace(FULL, trust_framework="portico_demonstration", evidence=(record,))
    requests = read_claims(asked, frozenset(CLAIMS))["userinfo"]["verified_claims"]
    assert verified_claims(known, CLAIMS, requests, LADDER, NOW) == json.loads(answer)
