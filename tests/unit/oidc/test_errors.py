"""Protocol errors: code, public description and log detail."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oidc.errors import DisplayedError, EndpointError, Scheme, challenge, public


def test_the_private_detail_never_goes_out() -> None:
    error = EndpointError("invalid_grant", "not valid", "the code of another service")
    assert error.body() == {"error": "invalid_grant", "error_description": "not valid"}
    assert "another service" in str(error)


def test_the_description_serves_as_the_detail_where_there_is_no_other() -> None:
    assert DisplayedError("invalid_request", "what is wrong").detail == "what is wrong"


@pytest.mark.parametrize(
    ("schemes", "code", "value"),
    [
        ([Scheme.BEARER], None, "Bearer"),
        ([Scheme.BEARER], "invalid_token", 'Bearer error="invalid_token", error_description="gone"'),
        ([Scheme.DPOP], None, 'DPoP algs="ES256 EdDSA Ed25519 PS256"'),
    ],
)
def test_a_challenge_names_its_scheme_and_its_error(schemes: list[Scheme], code: str | None, value: str) -> None:
    assert challenge(schemes, code, "gone") == value


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("it has expired", "it has expired"),
        ("alg 'none': expected one of ['ES256']", "alg 'none': expected one of ['ES256']"),
        ("alg 'x\\y'", "alg 'x.y'"),
        ("kid \"it's free: ring 0900\" and 'b'", "kid (left out) and 'b'"),
        ("kid 'ring 0900 123 456 and tell us your password'", "kid (left out)"),
        ("kid 'no end", "kid (left out)"),
        ("na\u00efve\nline", "na.ve.line"),
    ],
)
def test_a_public_reason_contains_no_long_value_from_the_client(reason: str, expected: str) -> None:
    assert public(reason) == expected


@given(st.text())
def test_a_public_reason_contains_only_the_characters_of_rfc_6749(reason: str) -> None:
    """RFC 6749 5.2."""
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{0,200}", public(reason))
