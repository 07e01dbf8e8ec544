"""Pushed requests by name."""

from dataclasses import replace

import pytest

from broker.model.assurance import Level
from broker.model.request import AuthorizationRequest
from broker.oidc.dpop import Proof
from broker.oidc.errors import Shown, TokenError
from broker.oidc.pushed import (
    Reference,
    bound,
    client_of,
    pushed_response,
    reference,
    request_uri,
    unknown_reference,
)
from tests.oidc.examples import CALLBACK

REQUEST = AuthorizationRequest("tax", CALLBACK, ("openid",), Level.LOW)
PROOF = Proof("jkt-1", "j", 0)


def test_a_pushed_request_is_found_by_the_name_it_was_given() -> None:
    given = pushed_response("h-1", 90)
    assert given == {"request_uri": request_uri("h-1"), "expires_in": 90}
    assert reference({"client_id": "tax", "request_uri": given["request_uri"], "scope": "x"}) == Reference("tax", "h-1")


@pytest.mark.parametrize(
    "name",
    [
        None,
        "https://tax.example/r",
        "urn:ietf:params:oauth:request_uri",
        "URN:ietf:params:oauth:request_uri:h",
        request_uri("h" * 128),
    ],
)
def test_another_name_is_none_of_ours(name: str | None) -> None:
    assert reference({"client_id": "tax", **({} if name is None else {"request_uri": name})}) is None


def test_a_visit_must_say_for_which_service() -> None:
    assert client_of({"client_id": "tax"}) == "tax"
    with pytest.raises(Shown, match="client_id"):
        reference({"request_uri": request_uri("h")})


def test_an_unknown_pushed_request_is_told_to_the_person() -> None:
    assert unknown_reference("of another service").code == "invalid_request_uri"


def test_the_proof_that_came_with_a_pushed_request_binds_its_code() -> None:
    assert bound(REQUEST, None) is REQUEST
    assert bound(REQUEST, PROOF).dpop_jkt == "jkt-1"
    assert bound(replace(REQUEST, dpop_jkt="jkt-1"), PROOF).dpop_jkt == "jkt-1"
    with pytest.raises(TokenError, match="different keys"):
        bound(replace(REQUEST, dpop_jkt="jkt-2"), PROOF)
