"""Backchannel authentication (CIBA): checks of the request, and the responses to polls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PollResult
from broker.model.grant import AssertionUse
from broker.model.service import CibaDeliveryMode, SecurityProfile, Service
from broker.oidc.ciba import (
    LONGEST_MESSAGE,
    CibaLifetimes,
    CibaParameters,
    acknowledgement,
    authentication_request,
    binding_message,
    check_polled,
)
from broker.oidc.discovery import ServerCapabilities, discovery, endpoints
from broker.oidc.errors import EndpointError, ProtocolError
from tests.support.outcome import outcome
from tests.unit.oidc.examples import ISSUER, LADDER, NOW, SERVER, key, keys, service

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"
POLLS = service(ciba=CibaDeliveryMode.POLL)
PINGED = service(ciba=CibaDeliveryMode.PING, ciba_notification_uri="https://tax.example/ping")
FAPI = service(ciba=CibaDeliveryMode.POLL, ciba_request_signed=True)
OWN = key("ES256", "tax")
KEYS = keys(OWN, key("PS256", "tax"), key("RS256", "tax"))
PLAIN = {"scope": "openid profile", "login_hint": "pairwise-1", "binding_message": "Order 17"}
CLAIMS = {"iss": "tax", "aud": ISSUER, "exp": NOW + 60, "nbf": NOW, "iat": NOW, "jti": "j-1", **PLAIN}


def asked(of: Service = POLLS, **changes: str | None) -> CibaParameters:
    """What a plain request comes to; None leaves a parameter out."""
    parameters = {name: value for name, value in (PLAIN | changes).items() if value is not None}
    return authentication_request(parameters, of, KEYS, SERVER, CibaLifetimes(), NOW)


def refused(of: Service = POLLS, **changes: str | None) -> str:
    """The error of a plain request."""
    with pytest.raises(EndpointError) as error:
        asked(of, **changes)
    assert error.value.status == 400
    assert error.value.description.isascii()
    assert '"' not in error.value.description
    return error.value.code


def signed(signing: jose.SigningKey = OWN, typ: str | None = None, **changes: Any) -> str:
    """A signed request."""
    return jose.sign({name: value for name, value in (CLAIMS | changes).items() if value is not None}, signing, typ)


def taken(token: str, of: Service = FAPI, **beside: str) -> CibaParameters:
    """What a signed request comes to."""
    return authentication_request({"request": token, **beside}, of, KEYS, SERVER, CibaLifetimes(), NOW)


def test_a_plain_request_is_taken_by_what_it_asks() -> None:
    known = asked(acr_values="substantial high", requested_expiry="30")
    assert (known.subject, known.lifetime, known.use) == ("pairwise-1", 30, None)
    assert known.fields == {
        "scope": ("openid", "profile"),
        "asked": ("given_name", "family_name", "birthdate"),
        "message": "Order 17",
        "minimum": Level.SUBSTANTIAL,
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"login_hint": None}, "invalid_request"),
        ({"login_hint": ""}, "invalid_request"),
        ({"login_hint": "x" * 20_000}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
        ({"login_hint": None, "id_token_hint": "x.y.z"}, "invalid_request"),
        ({"login_hint": None, "login_hint_token": "x.y.z"}, "invalid_request"),
        ({"login_hint_token": "x.y.z"}, "invalid_request"),
        ({"binding_message": ""}, "invalid_binding_message"),
        ({"binding_message": " "}, "invalid_binding_message"),
        ({"binding_message": "x" * (LONGEST_MESSAGE + 1)}, "invalid_binding_message"),
        ({"binding_message": "two\nlines"}, "invalid_binding_message"),
        ({"binding_message": "turned \u202eround"}, "invalid_binding_message"),
        ({"binding_message": "see https://elsewhere.example"}, "invalid_binding_message"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"requested_expiry": "-1"}, "invalid_request"),
        ({"requested_expiry": "1.5"}, "invalid_request"),
        ({"requested_expiry": "soon"}, "invalid_request"),
    ],
)
def test_an_invalid_ciba_request_gets_its_registered_error_code(changes: dict[str, str | None], code: str) -> None:
    assert refused(**changes) == code


def test_a_service_without_ciba_gets_unauthorized_client() -> None:
    assert refused(service()) == "unauthorized_client"


@pytest.mark.parametrize("profile", SecurityProfile)
def test_a_binding_message_is_required_only_for_signed_requests(profile: SecurityProfile) -> None:
    assert "message" not in asked(binding_message=None).fields
    with pytest.raises(EndpointError, match="binding_message is missing"):
        taken(
            signed(binding_message=None), service(ciba=CibaDeliveryMode.POLL, profile=profile, ciba_request_signed=True)
        )


@given(st.text(max_size=300))
def test_a_message_that_is_taken_is_one_line_that_can_be_shown(text: str) -> None:
    taken = outcome(lambda: binding_message(text), ProtocolError)
    if isinstance(taken, ProtocolError):
        assert taken.code == "invalid_binding_message"
        return
    assert text.isprintable()
    assert 0 < len(text) <= LONGEST_MESSAGE
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("token", "good"),
    [
        *((TOKEN, True), ("A" * 22, True), ("a" * 1024, True), ("abcdefghijklmnopqrstu/+==", True)),
        *((None, False), ("A" * 21, False), ("a" * 1025, False), ("has a space in it, always", False)),
    ],
)
def test_ping_mode_requires_a_client_notification_token(token: str | None, *, good: bool) -> None:
    if good:
        assert asked(PINGED, client_notification_token=token).fields["token"] == token
    else:
        assert refused(PINGED, client_notification_token=token) == "invalid_request"
    assert "token" not in asked(POLLS, client_notification_token=token).fields


def test_an_id_token_of_ours_names_the_citizen_however_old_it_is() -> None:
    claims = {"iss": ISSUER, "aud": "tax", "sub": "pairwise-9", "exp": NOW - 90 * 86_400}
    assert asked(login_hint=None, id_token_hint=jose.sign(claims, key())).subject == "pairwise-9"
    for wrong in ({"aud": "another"}, {"iss": "https://other.example"}):
        assert refused(login_hint=None, id_token_hint=jose.sign(claims | wrong, key())) == "invalid_request"
    assert refused(login_hint=None, id_token_hint=jose.sign(claims, OWN)) == "invalid_request"
    answer = {"iss": claims["iss"], "aud": claims["aud"], "code": "c"}
    assert refused(login_hint=None, id_token_hint=jose.sign(answer, key())) == "invalid_request"


@pytest.mark.parametrize(("wanted", "given"), [(None, 600), ("10", 10), ("3600", 3600), ("999999999", 3600)])
def test_a_service_says_how_long_it_waits_within_limits(wanted: str | None, given: int) -> None:
    assert asked(requested_expiry=wanted).lifetime == given


# --- signed requests ---


@pytest.mark.parametrize("typ", [None, "JWT", "oauth-authz-req+jwt"])
@pytest.mark.parametrize("alg", ["ES256", "PS256"])
@pytest.mark.parametrize("expiry", [30, "30"])
def test_a_signed_request_is_taken_once(typ: str | None, alg: str, expiry: object) -> None:
    token = signed(key(alg, "tax"), typ, requested_expiry=expiry, aud=["https://x.example", ISSUER])
    known = taken(token, client_id="tax", client_assertion="a.b.c")
    assert known.subject == "pairwise-1"
    assert known.lifetime == 30
    assert known.use == AssertionUse("/requests/tax", "j-1", NOW + 60)


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "nbf", "iat", "jti"])
def test_no_claim_of_a_signed_request_may_be_missing(name: str) -> None:
    with pytest.raises(EndpointError, match=name) as error:
        taken(signed(**{name: None}))
    assert error.value.code == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"aud": f"{ISSUER}/ciba"},
        {"aud": []},
        {"exp": NOW},
        {"exp": NOW + 4200},
        {"exp": True},
        {"nbf": NOW + 600},
        {"nbf": NOW - 4200, "exp": NOW + 60},
        {"iat": NOW + 600},
        {"iat": "now"},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 513},
        {"scope": ["openid"]},
        {"requested_expiry": True},
        {"requested_expiry": 1.5},
    ],
)
def test_a_signed_request_that_does_not_hold_is_an_invalid_request(changes: dict[str, Any]) -> None:
    with pytest.raises(EndpointError) as error:
        taken(signed(**changes))
    assert error.value.code == "invalid_request"


@pytest.mark.parametrize("of", [FAPI, service(ciba=CibaDeliveryMode.POLL, profile=SecurityProfile.FAPI2)])
def test_a_service_with_signed_requests_may_not_send_plain_ones(of: Service) -> None:
    assert refused(of) == "invalid_request"
    for token in (signed(key("RS256", "tax")), signed(key("ES256", "another")), f"{signed()[:-4]}AAAA", "no.token"):
        with pytest.raises(EndpointError) as error:
            taken(token, of)
        assert error.value.code == "invalid_request"
    assert taken(signed(), of).subject == "pairwise-1"


@pytest.mark.parametrize("name", ["scope", "login_hint", "binding_message", "requested_expiry"])
def test_a_signed_ciba_request_allows_no_other_parameter(name: str) -> None:
    with pytest.raises(EndpointError) as error:
        taken(signed(), **{name: "openid"})
    assert error.value.code == "invalid_request"


def test_the_oidc_profile_accepts_rs256_for_signed_ciba_requests() -> None:
    assert taken(signed(key("RS256", "tax")), POLLS).subject == "pairwise-1"


# --- answers ---


def polled(state: BackchannelState, expires: float = NOW + 60, *, early: bool = False) -> str | None:
    """The error that a poll gets, if any."""
    found = outcome(lambda: check_polled(PollResult(state, expires, early), NOW), EndpointError)
    if not isinstance(found, EndpointError):
        return None
    assert found.status == 400
    return found.code


@pytest.mark.parametrize("early", [True, False])
def test_a_poll_gets_the_state_of_the_backchannel_request(*, early: bool) -> None:
    assert polled(BackchannelState.CONFIRMED, early=early) is None
    assert polled(BackchannelState.CONFIRMED, NOW - 1, early=early) is None
    assert polled(BackchannelState.DECLINED, early=early) == "access_denied"
    assert polled(BackchannelState.OTHER_PERSON, early=early) == "access_denied"
    assert polled(BackchannelState.WAITING, early=early) == ("slow_down" if early else "authorization_pending")
    assert polled(BackchannelState.WAITING, NOW, early=early) == "expired_token"
    with pytest.raises(EndpointError) as error:
        check_polled(None, NOW)
    assert error.value.code == "invalid_grant"


def test_the_response_contains_the_user_code_only_if_no_notification_was_sent() -> None:
    question = BackchannelRequest("q", "tax", NOW, NOW + 30, "BCDF-GHJK", Level.LOW, handle="ciba_1")
    body = acknowledgement(question, CibaLifetimes(), None)
    assert body == {"auth_req_id": "ciba_1", "expires_in": 30, "interval": 5}
    page = f"{ISSUER}/confirm"
    assert acknowledgement(question, CibaLifetimes(), page) == {
        **body,
        "user_code": "BCDF-GHJK",
        "verification_uri": page,
        "verification_uri_complete": f"{page}?code=BCDF-GHJK",
    }


def metadata(*services: Service) -> dict[str, Any]:
    """What is announced for these services."""
    return discovery(ISSUER, endpoints(ISSUER), LADDER, services, ServerCapabilities(["ES256"], ["en"]))


def test_only_what_some_service_may_use_is_announced() -> None:
    assert not any("backchannel" in name for name in metadata(service()))
    both = metadata(POLLS, PINGED)
    assert both["backchannel_authentication_endpoint"] == f"{ISSUER}/ciba"
    assert both["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert both["backchannel_user_code_parameter_supported"] is False
    assert both["grant_types_supported"][-1] == "urn:openid:params:grant-type:ciba"
    fapi = metadata(FAPI)
    assert fapi["backchannel_token_delivery_modes_supported"] == ["poll"]
    assert fapi["backchannel_authentication_request_signing_alg_values_supported"] == [
        *("ES256", "Ed25519", "EdDSA", "PS256")
    ]
