"""Claims of the ID token and of the userinfo response."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt as python_jose

from broker.crypto import jose
from broker.model.assurance import Level, Verification
from broker.model.grant import StoredToken
from broker.oidc.id_token import id_token_claims
from broker.oidc.session_management import is_session_id, session_id
from broker.oidc.userinfo import userinfo_claims
from tests.unit.oidc.examples import ISSUER, LADDER, NOW, grant, key, release

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VERIFICATION = Verification("uk_diatf", Level.SUBSTANTIAL, int(NOW) - 90, ("given_name", "family_name"))
VERIFIED = ({"verification": {"trust_framework": None}, "claims": {"given_name": None, "email": None}},)


def id_token(**changes: Any) -> dict[str, Any]:
    return id_token_claims(grant(release=release(**changes), nonce="n-1"), ISSUER, LADDER, NOW, 300)


TOKEN = StoredToken("d", "access", NOW - 10, NOW + 10)


def userinfo(*scope: str, **changes: Any) -> dict[str, Any]:
    return userinfo_claims(TOKEN, grant(scope=("openid", *scope), release=release(**changes)), LADDER, NOW)


def test_a_token_with_a_narrower_scope_opens_less_at_userinfo() -> None:
    """RFC 6749 6. The `claims` parameter does not depend on the scope."""
    whole = grant(scope=("openid", "profile", "email"), release=release())
    narrow = replace(TOKEN, scope="openid email")
    assert {"given_name", "email"} <= userinfo_claims(TOKEN, whole, LADDER, NOW).keys()
    claims = userinfo_claims(narrow, whole, LADDER, NOW)
    assert "email" in claims
    assert not {"given_name", "family_name", "birthdate"} & claims.keys()
    asked = grant(scope=whole.scope, release=release(asked_claims={"userinfo": {"given_name": None}}))
    assert userinfo_claims(replace(TOKEN, scope="openid"), asked, LADDER, NOW).keys() == {"sub", "given_name"}


def test_an_id_token_has_sub_aud_acr_and_times() -> None:
    assert id_token() == {
        "iss": ISSUER,
        "sub": "pairwise-1",
        "aud": "tax",
        "exp": int(NOW) + 300,
        "iat": int(NOW),
        "auth_time": int(NOW) - 30,
        "acr": "substantial",
        "amr": ["pwd", "otp"],
        "nonce": "n-1",
        "sid": session_id("session-1", "tax"),
    }


@pytest.mark.parametrize(
    ("asked", "included"),
    [
        ({}, False),
        ({"max_age_asked": True}, True),
        ({"asked_claims": {"id_token": {"auth_time": None}}}, True),
        ({"asked_claims": {"userinfo": {"auth_time": None}}}, False),
    ],
)
def test_auth_time_is_included_if_the_service_requested_it(asked: dict[str, Any], *, included: bool) -> None:
    """OpenID Connect Core 2: required with max_age or as an essential claim, otherwise optional."""
    assert ("auth_time" in id_token(**{"max_age_asked": False} | asked)) is included


@given(st.text(ALPHABET, min_size=20), st.text(min_size=1), st.text(min_size=1))
def test_a_session_has_another_sid_at_each_service_and_always_the_same_at_one(
    session: str, one: str, other: str
) -> None:
    sid = session_id(session, one)
    assert sid == session_id(session, one)
    assert len(sid) == 22
    assert session not in sid
    assert (sid == session_id(session, other)) is (one == other)
    assert is_session_id(sid, session, one)
    assert not is_session_id(session, session, one)


def test_claims_without_a_value_are_omitted_from_the_id_token() -> None:
    bare = id_token_claims(grant(release=release(session=None, amr=())), ISSUER, LADDER, NOW, 300)
    assert not {"sid", "amr", "nonce", "at_hash", "azp", "verified_claims"} & set(bare)


@pytest.mark.parametrize(
    ("acr", "reached", "expected"),
    [
        (None, Level.HIGH, "high"),
        ({"essential": True}, Level.HIGH, "high"),
        ({"values": ["low"]}, Level.HIGH, "high"),
        ({"essential": False, "value": "low"}, Level.HIGH, "high"),
        ({"essential": True, "value": "high"}, Level.HIGH, "high"),
        ({"essential": True, "value": "substantial"}, Level.HIGH, "substantial"),
        ({"essential": True, "values": ["high", "low"]}, Level.SUBSTANTIAL, "low"),
        ({"essential": True, "values": ["low", "substantial", "high"]}, Level.SUBSTANTIAL, "substantial"),
        ({"essential": True, "values": ["unknown", "low"]}, Level.SUBSTANTIAL, "low"),
    ],
)
def test_the_acr_of_an_id_token_is_one_of_the_essential_values_that_were_asked_for(
    acr: dict[str, Any] | None, reached: Level, expected: str
) -> None:
    """OpenID Connect Core 5.5.1.1."""
    assert id_token(level=reached, asked_claims={"id_token": {"acr": acr}})["acr"] == expected


def test_python_jose_accepts_the_id_token() -> None:
    claims = id_token_claims(grant(), ISSUER, LADDER, 4e9, 300)
    token = jose.sign({**claims, "iat": 1}, key())
    public = dict(jose.public_jwk(key()))
    read = python_jose.decode(token, public, ["ES256"], audience="tax", issuer=ISSUER)
    assert read["sub"] == "pairwise-1"


def test_data_goes_into_the_id_token_only_where_it_was_asked_for_there() -> None:
    asked = {"id_token": {"given_name": {"essential": True}, "birthdate": None}, "userinfo": {"email": None}}
    assert id_token(asked_claims=asked)["given_name"] == "Mair"
    assert not {"email", "birthdate", "family_name"} & set(id_token(asked_claims=asked))


def test_no_claim_takes_the_place_of_a_member_of_the_token() -> None:
    everything = {"iss": "evil", "sub": "evil", "acr": "evil", "aud": "evil", "exp": 1, "sid": "evil"}
    token = id_token(claims=everything, asked_claims={"id_token": dict.fromkeys(everything)})
    assert token == id_token()
    assert userinfo(claims=everything, asked_claims={"userinfo": dict.fromkeys(["sub", "acr"])})["sub"] == "pairwise-1"


def test_userinfo_returns_the_released_claims_of_the_scope() -> None:
    assert userinfo() == {"sub": "pairwise-1"}
    assert userinfo("profile") == {"sub": "pairwise-1", "given_name": "Mair", "family_name": "Huws"}
    assert userinfo("email") == {"sub": "pairwise-1", "email": "mair@mail.example"}
    assert userinfo("phone", "address") == {"sub": "pairwise-1"}


def test_userinfo_returns_the_claims_requested_by_the_claims_parameter() -> None:
    asked = {"userinfo": {"given_name": None, "acr": None, "auth_time": None}, "id_token": {"email": None}}
    assert userinfo(asked_claims=asked) == {
        "sub": "pairwise-1",
        "given_name": "Mair",
        "acr": "substantial",
        "auth_time": int(NOW) - 30,
    }


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_value_is_no_value(value: Any) -> None:
    claims = userinfo("profile", claims={"given_name": value, "family_name": "Huws"})
    assert claims == {"sub": "pairwise-1", "family_name": "Huws"}


def test_a_claim_with_another_value_than_demanded_is_left_out() -> None:
    asked = {"userinfo": {"given_name": {"value": "Alys"}, "family_name": {"values": ["Huws", "Rees"]}}}
    assert userinfo(asked_claims=asked) == {"sub": "pairwise-1", "family_name": "Huws"}


def test_verified_claims_are_included_only_where_they_were_requested() -> None:
    wanted = {"verification": VERIFICATION, "asked_claims": {"id_token": {"verified_claims": VERIFIED}}}
    expected = {"verification": {"trust_framework": "uk_diatf"}, "claims": {"given_name": "Mair"}}
    assert id_token(**wanted)["verified_claims"] == expected
    assert "verified_claims" not in userinfo("profile", **wanted)
    assert "verified_claims" not in id_token(verification=VERIFICATION)
    assert "verified_claims" not in id_token(asked_claims={"id_token": {"verified_claims": VERIFIED}})


def test_a_claim_may_be_asked_for_both_as_verified_and_as_it_is() -> None:
    found = id_token(
        verification=VERIFICATION, asked_claims={"id_token": {"given_name": None, "verified_claims": VERIFIED}}
    )
    assert found["given_name"] == "Mair"
    assert found["verified_claims"]["claims"] == {"given_name": "Mair"}
    met = {"given_name": {"value": "Alys"}, "verified_claims": VERIFIED}
    assert "given_name" not in id_token(verification=VERIFICATION, asked_claims={"id_token": met})
