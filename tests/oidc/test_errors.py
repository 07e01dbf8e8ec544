"""What is said about an error, and to whom."""

import pytest

from broker.oidc.errors import Scheme, Shown, TokenError, challenge


def test_the_private_detail_never_goes_out() -> None:
    error = TokenError("invalid_grant", "not valid", "the code of somebody else")
    assert error.body() == {"error": "invalid_grant", "error_description": "not valid"}
    assert error.body("https://id.example/errors/x")["error_uri"] == "https://id.example/errors/x"
    assert "somebody else" in str(error)


def test_the_description_serves_as_the_detail_where_there_is_no_other() -> None:
    assert Shown("invalid_request", "what is wrong").detail == "what is wrong"


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
