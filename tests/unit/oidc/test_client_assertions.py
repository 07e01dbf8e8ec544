"""Client authentication by `private_key_jwt`."""

from typing import Any

import pytest

from broker.crypto import jose
from broker.model.grant import AssertionUse
from broker.model.service import CibaDeliveryMode, SecurityProfile, Service
from broker.oidc.client_authentication import (
    ASSERTION_TYPE,
    CLOCK_SKEW,
    LIFETIME,
    AuthenticatedClient,
    assertion_used_before,
    authenticate_client,
    parse_credentials,
)
from broker.oidc.errors import EndpointError
from tests.unit.oidc.credentials import AUDIENCE, CLAIMS, FAPI2, KEYS, OIDC, OWN, TOKEN, assertion
from tests.unit.oidc.examples import ISSUER, NOW, key, service


def by_assertion(token: str, of: Service = OIDC) -> AuthenticatedClient:
    parameters = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token, "client_id": "tax"}
    return authenticate_client(parse_credentials(parameters, None), of, KEYS, AUDIENCE, NOW)


def refused(token: str, of: Service = OIDC) -> str:
    with pytest.raises(EndpointError) as error:
        by_assertion(token, of)
    assert (error.value.code, error.value.status) == ("invalid_client", 401)
    plain, _, reason = error.value.description.partition(": ")
    assert plain == "the service could not be authenticated"
    assert reason == "" or reason.startswith("client assertion: ")
    return error.value.detail


# Assertions
@pytest.mark.parametrize("of", [OIDC, FAPI2], ids=["oidc", "fapi2"])
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_a_client_assertion_authenticates_and_its_jti_is_returned(alg: str, of: Service) -> None:
    found = by_assertion(assertion(key(alg, "tax")), of)
    assert found == AuthenticatedClient(of, AssertionUse("tax", "j-1", NOW + 60))


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_a_client_assertion_may_carry_a_typ(typ: str) -> None:
    assert by_assertion(assertion(typ=typ)).service is OIDC


def test_rs256_is_for_the_oidc_profile() -> None:
    token = assertion(key("RS256", "tax"))
    assert by_assertion(token).service is OIDC
    assert "alg" in refused(token, FAPI2)


@pytest.mark.parametrize(
    ("aud", "in_fapi2", "in_oidc"),
    [
        (ISSUER, True, True),
        (TOKEN, False, True),
        (f"{ISSUER}/par", False, True),
        ([ISSUER], False, True),
        ([TOKEN, ISSUER], False, True),
        ([ISSUER, "https://other.example"], False, False),
        ("https://other.example", False, False),
        (f"{ISSUER}/", False, False),
        (f"{ISSUER}/userinfo", False, False),
        ([], False, False),
        ({}, False, False),
        (1, False, False),
        (None, False, False),
    ],
)
def test_a_client_assertion_needs_our_audience(aud: Any, *, in_fapi2: bool, in_oidc: bool) -> None:
    for of, accepted in ((FAPI2, in_fapi2), (OIDC, in_oidc)):
        if accepted:
            assert by_assertion(assertion(aud=aud), of).service is of
        else:
            assert "aud" in refused(assertion(aud=aud), of)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "other"}, "iss"),
        ({"sub": "other"}, "sub"),
        ({"iss": None}, "iss"),
        ({"sub": None}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": NOW}, "exp"),
        ({"exp": NOW - 1}, "exp"),
        ({"exp": str(NOW + 60)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 1e18}, "exp"),
        ({"iat": NOW + 61}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"iat": "now"}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 1}, "jti"),
        ({"jti": "x" * 513}, "jti"),
        ({"jti": "a\0b"}, "jti"),
    ],
)
@pytest.mark.parametrize("of", [OIDC, FAPI2], ids=["oidc", "fapi2"])
def test_an_invalid_client_assertion_is_refused(changes: dict[str, Any], said: str, of: Service) -> None:
    assert said in refused(assertion(**changes), of)


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_clock_that_runs_ten_seconds_ahead_is_forgiven(name: str) -> None:
    for of in (OIDC, FAPI2):
        forgiven: dict[str, Any] = {name: NOW + 10}
        assert by_assertion(assertion(**forgiven), of).service is of
        too_far: dict[str, Any] = {name: NOW + CLOCK_SKEW + 1}
        assert name in refused(assertion(**too_far), of)


def test_an_assertion_without_iat_is_enough() -> None:
    assert by_assertion(assertion(iat=None)).service is OIDC


@pytest.mark.parametrize("of", [OIDC, FAPI2], ids=["oidc", "fapi2"])
def test_a_client_assertion_has_a_maximum_lifetime(of: Service) -> None:
    longest = NOW + LIFETIME[of.profile] + CLOCK_SKEW
    assert by_assertion(assertion(exp=longest), of).service is of
    assert "ahead" in refused(assertion(exp=longest + 1), of)


def test_a_client_assertion_of_another_key_is_refused_under_any_kid() -> None:
    stranger = jose.load_signing_key(jose.new_signing_key_pem("ES256"), "ES256", OWN.kid)
    assert "signature" in refused(assertion(stranger))
    assert "no ES256 key" in refused(assertion(key("ES256", "stranger")))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (assertion(aud=TOKEN), "expected aud 'https://id.example'"),
        (assertion(exp=NOW - 1), "exp is missing or past"),
        (assertion(iat=NOW + 61), "iat lies 61 s ahead"),
        (assertion(jti=None), "jti is missing or too long"),
        (assertion(key("ES256", "stranger"), aud=TOKEN), ""),
        (assertion(typ="dpop+jwt"), ""),
        ("e30.e30.e30", ""),
    ],
)
def test_only_the_holder_of_the_key_gets_the_reason_for_a_rejected_assertion(token: str, reason: str) -> None:
    with pytest.raises(EndpointError) as error:
        by_assertion(token, FAPI2)
    hint = error.value.description.removeprefix("the service could not be authenticated")
    assert hint == (f": client assertion: {reason}" if reason else "")


def test_an_assertion_of_another_kind_is_refused() -> None:
    assert "typ" in refused(assertion(typ="dpop+jwt"))
    assert "jwk" in refused(jose.sign(CLAIMS, OWN, headers={"jwk": dict(jose.public_jwk(OWN))}))


def test_the_client_id_may_be_left_to_the_assertion() -> None:
    parameters = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion()}
    assert parse_credentials(parameters, None).client_id == "tax"


def test_an_assertion_used_before_is_no_authentication() -> None:
    assert (assertion_used_before().code, assertion_used_before().status) == ("invalid_client", 401)


ASKS = service(ciba=CibaDeliveryMode.POLL, profile=SecurityProfile.FAPI2)
ASKS_SIGNED = service(ciba=CibaDeliveryMode.POLL, ciba_request_signed=True)


@pytest.mark.parametrize("of", [ASKS, ASKS_SIGNED], ids=["fapi2", "oidc"])
@pytest.mark.parametrize("aud", [ISSUER, TOKEN, [TOKEN]])
def test_a_ciba_service_may_use_endpoint_audiences(of: Service, aud: object) -> None:
    assert by_assertion(assertion(aud=aud), of).service is of
    assert "aud" in refused(assertion(aud="https://other.example"), of)


@pytest.mark.parametrize("of", [ASKS, ASKS_SIGNED], ids=["fapi2", "oidc"])
def test_a_ciba_service_signs_assertions_with_fapi_algorithms(of: Service) -> None:
    assert "RS256" in refused(assertion(key("RS256", "tax")), of)
    assert by_assertion(assertion(key("PS256", "tax")), of).service is of
