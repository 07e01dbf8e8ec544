"""`claims` parameter: parsed unambiguously, and reduced to what the service may have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oidc.claim_request import MalformedClaimRequest, accepts
from broker.oidc.claims_parameter import DESTINATIONS, MAX_BYTES, PROTOCOL_CLAIMS, RESERVED, names, read_claims

ALLOWED = frozenset({"given_name", "birthdate", "email"})
FRAMEWORK = {"trust_framework": None}


def read(claims: Any) -> Any:
    return read_claims(json.dumps(claims), ALLOWED)


@pytest.mark.parametrize(
    ("claims", "kept"),
    [
        ({}, {}),
        ({"id_token": {}}, {}),
        ({"id_token": None, "userinfo": None}, {}),
        ({"id_token": {"email": None}}, {"id_token": {"email": None}}),
        ({"userinfo": {"email": {}}}, {"userinfo": {"email": {}}}),
        ({"userinfo": {"email": {"essential": True, "purpose": "x"}}}, {"userinfo": {"email": {"essential": True}}}),
        ({"userinfo": {"email": {"value": "a"}}}, {"userinfo": {"email": {"value": "a"}}}),
        ({"userinfo": {"salary": {"essential": True}}}, {}),
        ({"other": {"email": None}}, {}),
        ({"id_token": {"acr": {"values": ["x"]}}}, {"id_token": {"acr": {"values": ["x"]}}}),
    ],
)
def test_a_request_is_kept_as_far_as_it_is_allowed(claims: Any, kept: Any) -> None:
    assert read(claims) == kept


def test_members_of_the_token_itself_are_never_requested() -> None:
    everything = ALLOWED | RESERVED
    found = read_claims(json.dumps({"id_token": dict.fromkeys([*RESERVED, "email"])}), everything)
    assert found == {"id_token": {"email": None}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"x"',
        "{",
        '{"id_token":[]}',
        '{"id_token":"email"}',
        '{"id_token":{"email":true}}',
        '{"id_token":{"email":[]}}',
        '{"id_token":{"email":{"essential":"true"}}}',
        '{"id_token":{"email":{"values":"a"}}}',
        '{"id_token":{"email":null,"email":{}}}',
        '{"id_token":{"x":NaN}}',
        '{"id_token":{"email":{"value":"\\ud800"}}}',
        '{"id_token":' + '{"a":' * 14 + "null" + "}" * 15,
        '{"id_token":' + "[" * 3000 + "]" * 3000 + "}",
        json.dumps({"id_token": {"email": {"value": "x" * MAX_BYTES}}}),
        '{"userinfo":{"verified_claims":null}}',
        '{"userinfo":{"verified_claims":{}}}',
        '{"userinfo":{"verified_claims":{"claims":{"email":null}}}}',
        '{"userinfo":{"verified_claims":{"verification":{},"claims":{"email":null}}}}',
        '{"userinfo":{"verified_claims":{"verification":null,"claims":{"email":null}}}}',
        '{"userinfo":{"verified_claims":{"verification":{"trust_framework":null}}}}',
        '{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":{}}}}',
        '{"userinfo":{"verified_claims":{"verification":{"trust_framework":null},"claims":["email"]}}}',
        '{"userinfo":{"verified_claims":[1]}}',
    ],
)
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(MalformedClaimRequest):
        read_claims(text, ALLOWED)


def test_verified_claims_are_cut_down_to_what_is_allowed() -> None:
    verification = {"trust_framework": {"value": "eidas"}, "time": None}
    wanted = {"verification": verification, "claims": {"email": None, "birthdate": {"essential": True}, "salary": None}}
    expected = {"verification": verification, "claims": {"email": None, "birthdate": {"essential": True}}}
    assert read({"userinfo": {"verified_claims": wanted}}) == {"userinfo": {"verified_claims": (expected,)}}
    assert read({"userinfo": {"verified_claims": [wanted, wanted]}}) == {
        "userinfo": {"verified_claims": (expected, expected)}
    }


def test_a_request_for_verified_claims_of_which_none_is_allowed_is_left_out() -> None:
    assert read({"userinfo": {"verified_claims": {"verification": FRAMEWORK, "claims": {"salary": None}}}}) == {}


def test_all_names_are_found_verified_or_not() -> None:
    verified = {"verification": FRAMEWORK, "claims": {"birthdate": None}}
    found = read({"id_token": {"acr": None, "email": None}, "userinfo": {"verified_claims": verified, "sub": None}})
    assert names(found) == {"email", "birthdate"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["email", "eidas", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *DESTINATIONS,
                    *ALLOWED,
                    "salary",
                    "verified_claims",
                    "verification",
                    "claims",
                    "trust_framework",
                    "value",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_claims_parameter_is_refused_or_reduced_to_allowed_claims(claims: Any) -> None:
    try:
        found = read(claims)
    except MalformedClaimRequest:
        return
    assert set(found) <= set(DESTINATIONS)
    assert names(found) <= ALLOWED
    for requests in found.values():
        assert set(requests) <= ALLOWED | PROTOCOL_CLAIMS | {"verified_claims"}
        assert requests


@pytest.mark.parametrize(
    ("request_object", "value", "accepted"),
    [
        (None, "a", True),
        ({}, "a", True),
        ({"essential": True}, "a", True),
        ({"value": "a"}, "a", True),
        ({"value": "a"}, "b", False),
        ({"values": ["a", "b"]}, "b", True),
        ({"values": ["a"]}, "b", False),
        ({"values": []}, "b", False),
        ({"value": True}, 1, False),
        ({"value": 1}, True, False),
        ({"value": True}, True, True),
        ({"value": None}, "a", False),
    ],
)
def test_a_value_is_compared_as_json(request_object: Any, value: Any, *, accepted: bool) -> None:
    assert accepts(request_object, value) is accepted
