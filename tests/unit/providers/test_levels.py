"""Levels: requested at each place, and read from each; vectors of trust; the level of identity and authentication."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import Level
from broker.provider import ProviderFailureReason
from providers.openid import OpenIdConfig, check
from providers.openid.config_tables import DocumentPlace, LevelAnswer, LevelComparison, LevelPlace, LevelRequest
from providers.openid.documents import Documents
from providers.openid.errors import UpstreamError
from providers.openid.levels import LevelReader, level_parameters

VALUES = {Level.LOW: "low", Level.HIGH: "high"}
VECTORS = {"P1": Level.LOW, "P2": Level.SUBSTANTIAL}
VOT = LevelAnswer(claim="vot", compare=LevelComparison.VECTOR)
LISTED = LevelAnswer(compare=LevelComparison.WORDS)
METHODS = {"otp": Level.LOW, "bio": Level.HIGH}


def config(**changes: Any) -> OpenIdConfig:
    usual = OpenIdConfig("https://op.example", "portico", {"low": Level.LOW, "high": Level.HIGH}, key_file=None)
    return replace(usual, **changes)


def reached(documents: Documents, **changes: Any) -> Level:
    return LevelReader(config(**changes), Level.HIGH).reached(documents, 0)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (LevelRequest(LevelPlace.ACR_VALUES, values=VALUES), {"acr_values": "high"}),
        (LevelRequest(LevelPlace.VTR, values={Level.HIGH: '["Cl.Cm.P2"]'}), {"vtr": '["Cl.Cm.P2"]'}),
        (LevelRequest(LevelPlace.SCOPE, values=VALUES), {"scope": "openid profile high"}),
        (LevelRequest(LevelPlace.PARAMETER, "idp_params", {Level.HIGH: '{"loa": 4}'}), {"idp_params": '{"loa": 4}'}),
    ],
)
def test_a_level_is_requested_at_its_place(request_: LevelRequest, expected: dict[str, str]) -> None:
    assert level_parameters(config(level_request=request_), Level.SUBSTANTIAL) == expected
    assert level_parameters(config(level_request=replace(request_, values={Level.LOW: "x"})), Level.HIGH) is None


def test_an_essential_acr_stands_beside_the_other_requested_claims() -> None:
    asked = LevelRequest(LevelPlace.CLAIMS, values={Level.HIGH: "a b"})
    own = '{"userinfo": {"name": null}, "id_token": {"amr": null}}'
    parameters = level_parameters(config(level_request=asked, claims_request=own), Level.HIGH)
    assert parameters is not None
    assert json.loads(parameters["claims"]) == {
        "userinfo": {"name": None},
        "id_token": {"amr": None, "acr": {"essential": True, "values": ["a", "b"]}},
    }
    assert level_parameters(config(claims_request=own), Level.LOW) == {"claims": own}


@pytest.mark.parametrize(
    ("vector", "level"),
    [
        ("P2", Level.SUBSTANTIAL),
        ("Cl.Cm.P2", Level.SUBSTANTIAL),
        ("P2.Cm.Cl", Level.SUBSTANTIAL),
        ("P3", Level.SUBSTANTIAL),
        ("P1.Cl", Level.LOW),
    ],
)
def test_a_vector_is_compared_by_its_components(vector: str, level: Level) -> None:
    assert reached(Documents({"vot": vector}), levels=VECTORS, level_answer=VOT) is level


@pytest.mark.parametrize(
    ("words", "level"), [("otp", Level.LOW), ("pin otp", Level.LOW), ("otp bio", Level.HIGH), ("bio otp", Level.HIGH)]
)
def test_the_highest_of_several_words_counts(words: str, level: Level) -> None:
    assert reached(Documents({"acr": words}), levels=METHODS, level_answer=LISTED) is level


@pytest.mark.parametrize("words", ["", " ", "pin", "ot", "otp,bio", ["otp"], 3, "otp " * 200])
def test_words_without_a_known_one_are_no_level(words: object) -> None:
    with pytest.raises(UpstreamError) as refused:
        reached(Documents({"acr": words}), levels=METHODS, level_answer=LISTED)
    assert refused.value.failure.reason is ProviderFailureReason.TOO_WEAK


@pytest.mark.parametrize("vector", ["P0", "Cl.Cm", "", "P", "p2", "P2..Cl", "P22", "P2 ", 2, ["P2"], "P2." * 50 + "P2"])
def test_a_vector_that_is_not_contained_is_no_level(vector: object) -> None:
    with pytest.raises(UpstreamError) as refused:
        reached(Documents({"vot": vector}), levels=VECTORS, level_answer=VOT)
    assert refused.value.failure.reason is ProviderFailureReason.TOO_WEAK


def test_the_components_of_an_authentication_are_letters() -> None:
    levels = {"Cp": Level.LOW, "Cp.Cd": Level.SUBSTANTIAL, "Cp.Ck": Level.HIGH}
    for vector, level in (("P9.Cp", Level.LOW), ("P5.Cd.Cp", Level.SUBSTANTIAL), ("Cp.Ck.P5", Level.HIGH)):
        assert reached(Documents({"vot": vector}), levels=levels, level_answer=VOT) is level


def test_a_vector_needs_its_trust_framework() -> None:
    answer = replace(VOT, vtm="https://op.example/trustmark")
    good = {"vot": "P2", "vtm": "https://op.example/trustmark"}
    assert reached(Documents(good), levels=VECTORS, level_answer=answer) is Level.SUBSTANTIAL
    for other in ({**good, "vtm": "https://op.example/trustmark/"}, {"vot": "P2"}):
        with pytest.raises(UpstreamError):
            reached(Documents(other), levels=VECTORS, level_answer=answer)


def test_the_lower_one_of_identity_and_authentication_counts() -> None:
    place = LevelAnswer(place=DocumentPlace.USERINFO, claim="assurance.level")
    both = {
        "level_answer": place,
        "credential_answer": VOT,
        "credential_levels": {"Cl": Level.LOW, "Cl.Cm": Level.HIGH},
    }
    found = Documents({"vot": "Cl.Cm"}, {"assurance": {"level": "high"}})
    assert reached(found, **both) is Level.HIGH
    assert reached(replace(found, id_token={"vot": "Cl"}), **both) is Level.LOW
    for missing in (replace(found, id_token={}), replace(found, userinfo={})):
        with pytest.raises(UpstreamError) as refused:
            reached(missing, **both)
        assert refused.value.failure.fault == "level_missing"


@given(st.text(alphabet="CPlm012.", max_size=12), st.text(alphabet="CPlm012.", min_size=1, max_size=6))
def test_a_longer_vector_never_reaches_less(vector: str, more: str) -> None:
    levels = {"P1": Level.LOW, "Cl.P1": Level.SUBSTANTIAL, "P2.Cl.Cm": Level.HIGH}

    def level(text: str) -> int:
        try:
            return int(reached(Documents({"vot": text}), levels=levels, level_answer=VOT))
        except UpstreamError:
            return 0

    if level(f"{vector}.{more}"):
        assert level(f"{vector}.{more}") >= level(vector)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"acr_values": VALUES, "level_request": LevelRequest(LevelPlace.VTR)}, "level_request"),
        ({"level_request": LevelRequest(LevelPlace.PARAMETER)}, "level_request.parameter"),
        ({"level_request": LevelRequest(parameter="x")}, "level_request.parameter"),
        ({"level_request": LevelRequest(LevelPlace.PARAMETER, "state")}, "level_request.parameter"),
        ({"level_request": LevelRequest(LevelPlace.VTR, values={Level.LOW: "P1"})}, "level_request.values.low"),
        ({"credential_answer": VOT}, "credential_levels"),
        ({"claims_request": "[]"}, "claims_request"),
        ({"claims_request": '{"userinfo": 1}'}, "claims_request"),
        ({"claim_map": {"name": "a..b"}}, "claim_map.name"),
        ({"subject_claim": ""}, "subject_claim"),
        ({"level_answer": LevelAnswer(claim="a[")}, "level_answer.claim"),
    ],
)
def test_settings_that_cannot_work_are_reported(changes: dict[str, Any], path: str) -> None:
    assert path in {problem.path for problem in check(config(**changes), development=False)}
