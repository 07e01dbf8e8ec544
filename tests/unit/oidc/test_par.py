"""Pushed authorization requests: `request_uri` and DPoP binding."""

from dataclasses import replace

import pytest

from broker.model.assurance import Level
from broker.model.request import AuthorizationRequest
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import DisplayedError, EndpointError
from broker.oidc.par import (
    PushedReference,
    bind_to_dpop,
    parse_request_uri,
    pushed_response,
    request_uri,
    require_client_id,
    unknown_request_uri,
)
from tests.unit.oidc.examples import CALLBACK

REQUEST = AuthorizationRequest("tax", CALLBACK, ("openid",), Level.LOW)
PROOF = DpopProof("jkt-1", "j", 0)


def test_a_pushed_request_is_found_by_the_name_it_was_given() -> None:
    given = pushed_response("h-1", 90)
    assert given == {"request_uri": request_uri("h-1"), "expires_in": 90}
    assert parse_request_uri(
        {"client_id": "tax", "request_uri": given["request_uri"], "scope": "x"}
    ) == PushedReference("tax", "h-1")


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
def test_an_unknown_request_uri_is_not_a_pushed_request(name: str | None) -> None:
    assert parse_request_uri({"client_id": "tax", **({} if name is None else {"request_uri": name})}) is None


def test_an_authorization_request_with_request_uri_needs_client_id() -> None:
    assert require_client_id({"client_id": "tax"}) == "tax"
    with pytest.raises(DisplayedError, match="client_id"):
        parse_request_uri({"request_uri": request_uri("h")})


def test_an_unknown_pushed_request_is_a_displayed_error() -> None:
    error = unknown_request_uri("of another service")
    assert (error.code, error.client_id) == ("invalid_request_uri", "of another service")
    assert "request_uri" in error.description


def test_the_proof_that_came_with_a_pushed_request_binds_its_code() -> None:
    assert bind_to_dpop(REQUEST, None) is REQUEST
    assert bind_to_dpop(REQUEST, PROOF).dpop_jkt == "jkt-1"
    assert bind_to_dpop(replace(REQUEST, dpop_jkt="jkt-1"), PROOF).dpop_jkt == "jkt-1"
    with pytest.raises(EndpointError, match="different keys"):
        bind_to_dpop(replace(REQUEST, dpop_jkt="jkt-2"), PROOF)
