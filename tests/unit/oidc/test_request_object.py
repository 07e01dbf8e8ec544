"""Request objects: verification, and their merge with the parameters."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.model.request import AuthorizationRequest
from broker.model.service import SecurityProfile, Service
from broker.oidc.authorization_checks import RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.errors import DisplayedError, EndpointError, ProtocolError, RedirectedError
from broker.oidc.request_object import RequestVerification, merge_request_object
from tests.support.outcome import outcome
from tests.unit.oidc.examples import CALLBACK, ISSUER, NOW, SENDER, SERVER, key, parameters, service, without

FAPI2 = service(profile=SecurityProfile.FAPI2)
OIDC = service()


def claims(**changes: Any) -> dict[str, Any]:
    """A valid request object of the `fapi2` profile with the given changes; None removes a member."""
    members = {**parameters(), "iss": "tax", "aud": ISSUER, "nbf": int(NOW) - 5, "exp": int(NOW) + 300} | changes
    return {name: value for name, value in members.items() if value is not None}


def signed(alg: str = "ES256", typ: str | None = "oauth-authz-req+jwt", **changes: Any) -> str:
    return jose.sign(claims(**changes), key(alg, "tax"), typ)


def pushed(of: Service, request: str, **outside: str) -> AuthorizationRequest:
    sent = {"client_id": "tax", "request": request, **outside}
    return authorization_request(sent, of, RequestSource.PUSHED, SERVER, SENDER)


def refused(of: Service, request: str) -> None:
    with pytest.raises(EndpointError) as error:
        pushed(of, request)
    assert error.value.code == "invalid_request_object"


@pytest.mark.parametrize("of", [FAPI2, OIDC], ids=["fapi2", "oidc"])
def test_a_signed_request_says_the_same_as_a_plain_one(of: Service) -> None:
    outside = {} if of is FAPI2 else {"response_type": "code"}
    plain = authorization_request(parameters(), of, RequestSource.PUSHED, SERVER, SENDER)
    assert pushed(of, signed(), **outside) == plain
    assert pushed(of, signed(typ="JWT"), **outside) == pushed(of, signed(typ=None), **outside) == plain


def test_numbers_and_objects_inside_are_read_as_parameters() -> None:
    asked = {"userinfo": {"given_name": None}}
    request = pushed(FAPI2, signed(max_age=30, claims=asked))
    assert request == pushed(FAPI2, signed(max_age="30", claims=json.dumps(asked)))
    assert (request.max_age, request.claims) == (30, asked)


@pytest.mark.parametrize("value", ["a\0b", ["https://a.test", "https://b.test"], {"a": [1, None]}, 1.5, True, "é", ""])
def test_a_member_that_no_check_reads_may_hold_anything(value: Any) -> None:
    assert pushed(FAPI2, signed(resource=value, foo=value, display=value)) == pushed(FAPI2, signed())


def test_in_fapi2_parameters_outside_the_request_object_are_ignored() -> None:
    request = pushed(FAPI2, signed(state=None, nonce=None), state="outside", nonce="outside")
    assert (request.state, request.nonce) == (None, None)
    with pytest.raises(EndpointError, match="redirect_uri"):
        pushed(FAPI2, signed(redirect_uri=None), redirect_uri=CALLBACK)


def test_in_oidc_the_request_object_overrides_outer_parameters() -> None:
    request = pushed(OIDC, signed(state="inside", nonce=None), state="outside", nonce="outside", response_type="code")
    assert (request.state, request.nonce) == ("inside", "outside")
    minimal = jose.sign({"redirect_uri": CALLBACK, "scope": "openid"}, key("RS256", "tax"))
    outside = without(parameters(), "redirect_uri", "client_id")
    assert pushed(OIDC, minimal, **outside).redirect_uri == CALLBACK


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("another issuer", {"iss": "other"}),
    ("another audience", {"aud": "https://other.example"}),
    ("an audience that is a number", {"aud": 1}),
    ("the past", {"exp": int(NOW) - 1}),
    ("this very moment", {"exp": int(NOW)}),
    ("a start a minute ahead", {"nbf": int(NOW) + 60}),
    ("an issue a minute ahead", {"iat": int(NOW) + 60}),
    ("a time that is a text", {"exp": "soon"}),
    ("a time that is true", {"nbf": True}),
    ("a negative time", {"nbf": -1}),
    ("another client", {"client_id": "other"}),
    ("a request within", {"request": "e30.e30.e30"}),
    ("a reference within", {"request_uri": "urn:x"}),
    ("the character NUL", {"state": "a\0b"}),
    ("a subject, as in an assertion", {"sub": "tax"}),
]
WRONG_IN_FAPI2: list[tuple[str, dict[str, Any]]] = [
    ("no issuer", {"iss": None}),
    ("no audience", {"aud": None}),
    ("no end", {"exp": None}),
    ("no start", {"nbf": None}),
    ("a start more than an hour ago", {"nbf": int(NOW) - 3601}),
    ("more than an hour", {"exp": int(NOW) + 3600}),
]


@pytest.mark.parametrize("changes", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_an_invalid_request_object_is_refused(changes: dict[str, Any]) -> None:
    refused(FAPI2, signed(**changes))
    refused(OIDC, signed(**changes))


@pytest.mark.parametrize("changes", [row[1] for row in WRONG_IN_FAPI2], ids=[row[0] for row in WRONG_IN_FAPI2])
def test_an_invalid_request_object_of_the_fapi2_profile_is_refused(changes: dict[str, Any]) -> None:
    refused(FAPI2, signed(**changes))
    pushed(OIDC, signed(**changes), response_type="code")


def test_small_differences_of_clocks_are_forgiven() -> None:
    assert pushed(FAPI2, signed(nbf=int(NOW) + 10, iat=int(NOW) + 10)) == pushed(FAPI2, signed())
    assert pushed(FAPI2, signed(aud=["https://other.example", ISSUER])) == pushed(FAPI2, signed())


def test_only_the_services_own_keys_and_algorithms_count() -> None:
    refused(FAPI2, signed("RS256"))
    refused(FAPI2, jose.sign(claims(), key("ES256", "other")))
    refused(FAPI2, jose.sign(claims(), key()))
    refused(FAPI2, signed(typ="client-authentication+jwt"))
    refused(FAPI2, "e30.e30.")
    assert pushed(OIDC, signed("RS256"), response_type="code")
    unknown = RequestVerification(jose.KeySet(), NOW)
    with pytest.raises(ProtocolError):
        merge_request_object({"client_id": "tax", "request": signed()}, FAPI2, unknown, ISSUER, {})


@pytest.mark.parametrize("of", [FAPI2, OIDC], ids=["fapi2", "oidc"])
@pytest.mark.parametrize("arrival", RequestSource)
@pytest.mark.parametrize(
    "changes",
    [{}, {"client_id": None}, {"max_age": 30}, {"state": None}, {"claims": {"userinfo": {"email": None}}}],
    ids=["all", "client_id outside alone", "a number", "no state", "an object"],
)
def test_nothing_but_client_id_and_request_has_to_stand_outside(
    of: Service, arrival: RequestSource, changes: dict[str, Any]
) -> None:
    """RFC 9101 5. `response_type` outside is a matter of OAuth 2.0 alone (OpenID Connect Core 6.1)."""
    sent = {"client_id": "tax", "request": signed(**changes)}

    def read(sent: dict[str, str]) -> AuthorizationRequest:
        return authorization_request(sent, of, arrival, SERVER, SENDER)

    if of is FAPI2 and arrival is RequestSource.PLAIN:
        with pytest.raises(RedirectedError) as error:
            read(sent)
        assert error.value.target.redirect_uri == CALLBACK
        assert "push" in error.value.description
    else:
        assert read(sent) == read({**sent, "response_type": "code"})
        assert read(sent).redirect_uri == CALLBACK


def test_a_request_object_that_is_refused_names_the_service_and_the_reason() -> None:
    for request, reason in (
        (signed(exp=int(NOW) - 1), "it has expired"),
        (signed(iss="other"), "iss is not the client_id"),
        (signed(aud="https://other.example"), "expected 'https://id.example'"),
        (signed(nbf=int(NOW) + 60), "lies ahead"),
        (signed(request_uri="https://tax.example/r"), "request_uri stands inside"),
        (signed(client_id="other"), "client_id names another service"),
        (jose.sign(claims(), key("ES256", "other")), "no ES256 key for kid"),
        (signed(typ="at+jwt"), "typ 'at+jwt'"),
        ("x.y.z", "not a JWS"),
    ):
        with pytest.raises(DisplayedError) as error:
            authorization_request({"client_id": "tax", "request": request}, OIDC, RequestSource.PLAIN, SERVER, SENDER)
        assert (error.value.code, error.value.client_id) == ("invalid_request_object", "tax")
        assert reason in error.value.description


def test_the_outer_response_type_must_be_the_inner_one() -> None:
    with pytest.raises(EndpointError):
        pushed(OIDC, signed(response_type="code"), response_type="token")


def test_a_service_can_be_held_to_signing() -> None:
    strict = service(profile=SecurityProfile.FAPI2, request_object_required=True)
    with pytest.raises(EndpointError, match="sign") as error:
        authorization_request(parameters(), strict, RequestSource.PUSHED, SERVER, SENDER)
    assert error.value.code == "invalid_request"
    assert pushed(strict, signed())


def test_an_invalid_request_object_is_redirected_only_if_the_outer_redirect_uri_is_trusted() -> None:
    bad = {"client_id": "tax", "request": signed(exp=1), "response_type": "code", "state": "s"}
    with pytest.raises(RedirectedError) as error:
        authorization_request({**bad, "redirect_uri": CALLBACK}, OIDC, RequestSource.PLAIN, SERVER, SENDER)
    assert (error.value.code, error.value.target.state) == ("invalid_request_object", "s")
    for untrusted in ({}, {"redirect_uri": "https://evil.example"}):
        with pytest.raises(DisplayedError):
            authorization_request({**bad, **untrusted}, OIDC, RequestSource.PLAIN, SERVER, SENDER)
    elsewhere = {**bad, "request": signed(redirect_uri="https://evil.example"), "redirect_uri": CALLBACK}
    with pytest.raises(DisplayedError):
        authorization_request(elsewhere, OIDC, RequestSource.PLAIN, SERVER, SENDER)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ("scope", "state", "nonce", "claims", "max_age", "prompt", "exp", "nbf", "aud", "redirect_uri")
)


@given(st.dictionaries(MEMBERS, JSON, max_size=4))
def test_any_request_object_is_read_or_gets_a_registered_error(changes: dict[str, Any]) -> None:
    known = {"invalid_request", "invalid_request_object", "invalid_scope", "unmet_authentication_requirements"}
    request = outcome(lambda: pushed(FAPI2, signed(**changes)), EndpointError)
    if isinstance(request, EndpointError):
        assert request.code in known
    else:
        assert request.redirect_uri == CALLBACK
