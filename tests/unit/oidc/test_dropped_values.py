"""What of a request has no effect is found, with what was perhaps meant, and refused if the broker is set so."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.assurance import Level
from broker.oidc.authorization_checks import RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.dropped_values import dropped_values
from broker.oidc.errors import RedirectedError
from tests.unit.oidc.examples import LADDER, SENDER, SERVER, parameters, service


def told(**changes: str) -> list[str]:
    """What is found in a valid request with these changes."""
    request = parameters(**changes)
    return [str(value) for value in dropped_values(request, request, service(level=Level.LOW), LADDER)]


def test_of_a_request_without_a_slip_nothing_is_found() -> None:
    claims = {"id_token": {"email": None, "acr": {"essential": True}}, "userinfo": {"given_name": None}}
    known = LADDER.names[Level.HIGH]
    assert told(scope="openid profile offline_access", acr_values=known, claims=json.dumps(claims)) == []


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"acr_value": "x"}, ("parameter acr_value", "did you mean 'acr_values'?")),
        ({"scope": "openid emial"}, ("scope emial", "did you mean 'email'?")),
        ({"scope": "openid phone"}, ("scope phone", "not registered for it")),
        ({"claims": '{"id_token": {"birthdat": null}}'}, ("id_token.birthdat", "did you mean 'birthdate'?")),
        ({"claims": '{"userinfo": {"phone_number#de": null}}'}, ("userinfo.phone_number#de", "not registered for it")),
        ({"claims": '{"user_info": {}}'}, ("claims user_info", "did you mean 'userinfo'?")),
    ],
)
def test_each_slip_is_found_with_what_was_perhaps_meant(changes: dict[str, str], parts: tuple[str, ...]) -> None:
    (found,) = told(**changes)
    for part in parts:
        assert part in found


def test_an_unknown_acr_value_is_told_with_the_level_that_the_request_then_asks_for() -> None:
    low, high = LADDER.names[Level.LOW], LADDER.names[Level.HIGH]
    (alone,) = told(acr_values=f"{high}x")
    assert f"asks for level {low}; did you mean '{high}'?" in alone
    (beside,) = told(acr_values=f"zzz {high}")
    assert f"asks for level {high}; known are " in beside


def test_offline_access_of_a_service_without_refresh_tokens_is_found() -> None:
    request = parameters(scope="openid offline_access")
    (found,) = dropped_values(request, request, service(refresh=False), LADDER)
    assert found.value == "offline_access"


@pytest.mark.parametrize("code", ["invalid_scope", "invalid_request"])
def test_a_broker_for_development_can_refuse_them(code: str) -> None:
    request = parameters(**({"scope": "openid emial"} if code == "invalid_scope" else {"acr_values": "hihg"}))
    assert authorization_request(request, service(), RequestSource.PLAIN, SERVER, SENDER)
    strict = replace(SERVER, refuses_ignored_values=True)
    with pytest.raises(RedirectedError) as refused:
        authorization_request(request, service(), RequestSource.PLAIN, strict, SENDER)
    assert refused.value.code == code
    assert "a value would be ignored: " in refused.value.description
    assert "did you mean '" in refused.value.description
    assert authorization_request(parameters(), service(), RequestSource.PLAIN, strict, SENDER)


@given(st.dictionaries(st.sampled_from(["scope", "acr_values", "claims", "other"]), st.text()))
def test_no_request_is_a_fault(changes: dict[str, str]) -> None:
    assert isinstance(told(**changes), list)
