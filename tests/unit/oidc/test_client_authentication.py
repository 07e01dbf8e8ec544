"""Client authentication by assertion, secret, and certificate."""

import base64
import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.model.grant import AssertionUse
from broker.model.service import CibaDeliveryMode, ClientAuthentication, SecurityProfile, Service
from broker.oidc.client_authentication import (
    ASSERTION_TYPE,
    CLOCK_SKEW,
    LIFETIME,
    AssertionAudience,
    AuthenticatedClient,
    Credentials,
    assertion_used_before,
    authenticate_client,
    parse_credentials,
)
from broker.oidc.credential_hints import BLANK, LINE_END, PLUS, QUOTED, SPACE, TWICE, UNENCODED
from broker.oidc.errors import EndpointError
from tests.unit.oidc.examples import ISSUER, NOW, key, keys, service

TOKEN = f"{ISSUER}/token"
AUDIENCE = AssertionAudience(ISSUER, (TOKEN, f"{ISSUER}/par"))
SECRET = "s3cret: ä+%/"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
OWN = key("ES256", "tax")
KEYS = keys(OWN, key("PS256", "tax"), key("EdDSA", "tax"), key("RS256", "tax"))
OIDC = service()
FAPI2 = service(profile=SecurityProfile.FAPI2)
BASIC = service(authentication=ClientAuthentication.CLIENT_SECRET_BASIC, secret_digest=DIGEST)
POST = service(authentication=ClientAuthentication.CLIENT_SECRET_POST, secret_digest=DIGEST)
APP = service(authentication=ClientAuthentication.NONE)
CLAIMS = {"iss": "tax", "sub": "tax", "aud": ISSUER, "jti": "j-1", "iat": NOW, "exp": NOW + 60}


def assertion(signing: jose.SigningKey = OWN, typ: str | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jose.sign(claims, signing, typ)


def by_assertion(token: str, of: Service = OIDC) -> AuthenticatedClient:
    parameters = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token, "client_id": "tax"}
    return authenticate_client(parse_credentials(parameters, None), of, KEYS, AUDIENCE, NOW)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


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
def test_an_assertion_speaks_for_its_service_and_its_use_is_handed_on(alg: str, of: Service) -> None:
    found = by_assertion(assertion(key(alg, "tax")), of)
    assert found == AuthenticatedClient(of, AssertionUse("tax", "j-1", NOW + 60))


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_an_assertion_may_say_what_it_is(typ: str) -> None:
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
def test_an_assertion_must_be_meant_for_us(aud: Any, in_fapi2: bool, in_oidc: bool) -> None:
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
def test_an_assertion_is_refused_with(changes: dict[str, Any], said: str, of: Service) -> None:
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
def test_an_assertion_does_not_live_for_ever(of: Service) -> None:
    longest = NOW + LIFETIME[of.profile] + CLOCK_SKEW
    assert by_assertion(assertion(exp=longest), of).service is of
    assert "ahead" in refused(assertion(exp=longest + 1), of)


def test_another_key_does_not_help_whatever_it_is_called() -> None:
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
    told = error.value.description.removeprefix("the service could not be authenticated")
    assert told == (f": client assertion: {reason}" if reason else "")


def test_an_assertion_of_another_kind_is_refused() -> None:
    assert "typ" in refused(assertion(typ="dpop+jwt"))
    assert "jwk" in refused(jose.sign(CLAIMS, OWN, headers={"jwk": dict(jose.public_jwk(OWN))}))


def test_the_client_id_may_be_left_to_the_assertion() -> None:
    parameters = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion()}
    assert parse_credentials(parameters, None).client_id == "tax"


# Secrets


def test_a_secret_in_a_basic_header_is_form_decoded() -> None:
    credentials = parse_credentials({}, basic(quote_plus("tax"), quote_plus(SECRET)))
    assert authenticate_client(credentials, BASIC, KEYS, AUDIENCE, NOW) == AuthenticatedClient(BASIC)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), st.text(min_size=1))
def test_any_name_and_secret_survive_the_basic_header(user: str, secret: str) -> None:
    credentials = parse_credentials({}, basic(quote_plus(user), quote_plus(secret.encode("utf-8", "replace"))))
    assert (credentials.client_id, credentials.proof) == (user, secret.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("authorization", ["Basic dGF4OnM=!", "Basic  dGF4OnM= x", "Basic dGF4\x00"])
def test_a_basic_header_that_is_not_base64_is_refused(authorization: str) -> None:
    with pytest.raises(EndpointError, match="not base64"):
        parse_credentials({}, authorization)


def test_a_basic_header_is_split_at_its_first_space_and_its_first_colon() -> None:
    encoded = base64.b64encode(b"tax:s:t").decode()
    found = parse_credentials({}, f"Basic  {encoded}")
    assert (found.client_id, found.proof, found.raw) == ("tax", "s:t", "s:t")


def test_a_client_id_with_a_null_character_is_refused() -> None:
    with pytest.raises(EndpointError) as error:
        parse_credentials({}, basic("ta%00x", "s"))
    assert error.value.code == "invalid_client"


def test_a_secret_in_the_form_without_a_client_id_is_refused() -> None:
    with pytest.raises(EndpointError) as error:
        parse_credentials({"client_secret": SECRET}, None)
    assert (error.value.code, error.value.status) == ("invalid_client", 401)
    assert "client_id" in error.value.description and "client_id" in error.value.detail


def test_a_secret_in_the_form_is_enough_where_it_is_registered() -> None:
    credentials = parse_credentials({"client_id": "tax", "client_secret": SECRET}, None)
    assert authenticate_client(credentials, POST, KEYS, AUDIENCE, NOW) == AuthenticatedClient(POST)


SPOILED = [
    (basic("tax", "ab+cd"), PLUS),
    (basic("tax", "ab/cd=="), UNENCODED),
    (basic("tax", "pa ss"), UNENCODED),
    (basic("tax", "100%"), UNENCODED),
    (basic("tax", "a:b"), UNENCODED),
    (basic("https://tax.example", "x"), UNENCODED),
    (basic("tax", "w\u00f6rd"), UNENCODED),
    (basic("tax", "ab%252Bcd"), TWICE),
    (basic("tax", "abcd\n"), LINE_END),
    (basic("tax", " abcd"), BLANK),
    (basic("tax", "'abcd'"), QUOTED),
    (basic("tax", "abcd"), ""),
    (basic("tax", "ab%2Bcd"), ""),
    (basic("tax", "!'()*~-._"), ""),
]
FORMS = [
    ("ab cd", SPACE),
    ("ab%2Bcd", TWICE),
    ("abcd\r\n", LINE_END),
    ("abcd ", BLANK),
    ('"abcd"', QUOTED),
    ("ab+cd", ""),
]


def told(credentials: Credentials, of: Service | None) -> str:
    """Hint in the error description of a failed client authentication."""
    with pytest.raises(EndpointError) as error:
        authenticate_client(credentials, of, KEYS, AUDIENCE, NOW)
    assert error.value.code == "invalid_client"
    return error.value.description.removeprefix("the service could not be authenticated").removeprefix(": ")


@pytest.mark.parametrize(
    ("credentials", "hint"),
    [(parse_credentials({}, header), hint) for header, hint in SPOILED]
    + [(parse_credentials({"client_id": "tax", "client_secret": text}, None), hint) for text, hint in FORMS],
)
def test_hints_about_credentials_are_the_same_for_every_caller(credentials: Credentials, hint: str) -> None:
    """RFC 6749 2.3.1. It is no oracle: whether the service exists, and how it authenticates, changes nothing."""
    for of in (None, BASIC, POST, APP, OIDC, FAPI2):
        assert told(credentials, of and replace(of, client_id=credentials.client_id)) == hint


@given(st.text(min_size=1, max_size=60))
def test_only_the_holder_of_the_secret_gets_the_hint_that_it_is_not_form_encoded(text: str) -> None:
    of = service(
        authentication=ClientAuthentication.CLIENT_SECRET_BASIC, secret_digest=hashlib.sha256(text.encode()).hexdigest()
    )
    encoded = parse_credentials({}, basic("tax", quote_plus(text)))
    assert authenticate_client(encoded, of, KEYS, AUDIENCE, NOW).service is of
    plain = parse_credentials({}, basic("tax", text))
    if plain.proof == text:
        assert authenticate_client(plain, of, KEYS, AUDIENCE, NOW).service is of
    else:
        assert told(plain, of) == UNENCODED


@given(st.binary(min_size=16, max_size=48))
def test_a_secret_in_hexadecimal_survives_every_way_of_writing_it(random: bytes) -> None:
    text = random.hex()
    for header in (basic("tax", text), basic("tax", quote_plus(text)), basic("tax", quote(quote(text)))):
        assert parse_credentials({}, header).proof == text
        assert parse_credentials({}, header).hint == ""


def test_only_the_holder_of_the_secret_gets_the_hint_about_the_wrong_method() -> None:
    by_form = Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, SECRET)
    by_header = Credentials("tax", ClientAuthentication.CLIENT_SECRET_BASIC, SECRET)
    assert "instead of the registered client_secret_basic" in told(by_form, BASIC)
    assert "instead of the registered client_secret_post" in told(by_header, POST)
    for of in (BASIC, POST, OIDC):
        assert told(replace(by_form, proof="wrong"), of) == told(replace(by_header, proof="wrong"), of) == ""


@pytest.mark.parametrize("secret", ["", "s3cret", SECRET + " ", SECRET.upper(), DIGEST])
def test_a_wrong_secret_is_refused(secret: str) -> None:
    credentials = Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, secret)
    with pytest.raises(EndpointError, match="secret"):
        authenticate_client(credentials, POST, KEYS, AUDIENCE, NOW)


def test_no_secret_is_right_where_none_is_registered() -> None:
    of = service(authentication=ClientAuthentication.CLIENT_SECRET_POST)
    with pytest.raises(EndpointError, match="secret"):
        authenticate_client(Credentials("tax", of.authentication, ""), of, KEYS, AUDIENCE, NOW)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic dGF4",
        "Bearer abc",
        "DPoP abc",
        "Basic /w==",
        basic("", "x"),
        "dGF4Og==",
    ],
)
def test_a_header_that_cannot_be_read_is_refused_with_a_challenge(authorization: str) -> None:
    with pytest.raises(EndpointError) as error:
        parse_credentials({}, authorization)
    assert (error.value.code, error.value.status) == ("invalid_client", 401)
    assert (error.value.challenge or "").startswith("Basic realm=")


# One method, the registered one


@pytest.mark.parametrize(
    ("parameters", "authorization"),
    [
        ({"client_id": "tax", "client_secret": "x"}, basic("tax", "x")),
        ({"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion()}, basic("tax", "x")),
        ({"client_id": "tax", "client_secret": "x", "client_assertion": assertion()}, None),
    ],
)
def test_two_methods_at_once_are_refused(parameters: dict[str, str], authorization: str | None) -> None:
    with pytest.raises(EndpointError) as error:
        parse_credentials(parameters, authorization)
    assert error.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("parameters", "authorization"),
    [
        ({}, None),
        ({"client_secret": "x"}, None),
        ({"client_assertion": assertion(), "client_id": "tax"}, None),
        ({"client_assertion": assertion(), "client_assertion_type": "urn:x", "client_id": "tax"}, None),
        ({"client_assertion": "abc", "client_assertion_type": ASSERTION_TYPE}, None),
        (
            {"client_assertion": assertion(iss="a"), "client_assertion_type": ASSERTION_TYPE, "client_id": ""},
            basic("", ""),
        ),
        ({"client_id": "other"}, basic("tax", "x")),
    ],
)
def test_who_does_not_say_who_he_is_or_says_it_twice_is_refused(
    parameters: dict[str, str], authorization: str | None
) -> None:
    with pytest.raises(EndpointError):
        parse_credentials(parameters, authorization)


@pytest.mark.parametrize("registered", [OIDC, BASIC, POST, APP], ids=["assertion", "basic", "post", "app"])
def test_only_the_registered_method_counts(registered: Service) -> None:
    every = {
        ClientAuthentication.PRIVATE_KEY_JWT: assertion(),
        ClientAuthentication.CLIENT_SECRET_BASIC: SECRET,
        ClientAuthentication.CLIENT_SECRET_POST: SECRET,
        ClientAuthentication.NONE: "",
    }
    for method, proof in every.items():
        credentials = Credentials("tax", method, proof)
        if method is registered.authentication:
            assert authenticate_client(credentials, registered, KEYS, AUDIENCE, NOW).service is registered
        else:
            with pytest.raises(EndpointError, match="instead of the registered"):
                authenticate_client(credentials, registered, KEYS, AUDIENCE, NOW)


@pytest.mark.parametrize("found", [None, service(client_id="other")])
def test_an_unknown_service_is_refused_like_any_other(found: Service | None) -> None:
    for method in ClientAuthentication:
        with pytest.raises(EndpointError, match="not registered") as error:
            authenticate_client(Credentials("tax", method, "x"), found, KEYS, AUDIENCE, NOW)
        assert (error.value.challenge is not None) is (method is ClientAuthentication.CLIENT_SECRET_BASIC)


def test_an_app_says_who_it_is_and_nothing_more() -> None:
    credentials = parse_credentials({"client_id": "tax"}, None)
    assert credentials == Credentials("tax", ClientAuthentication.NONE, "")
    assert authenticate_client(credentials, APP, KEYS, AUDIENCE, NOW) == AuthenticatedClient(APP)


def test_an_assertion_used_before_is_no_authentication() -> None:
    assert (assertion_used_before().code, assertion_used_before().status) == ("invalid_client", 401)


def test_credentials_do_not_show_their_secret_in_a_log() -> None:
    assert SECRET not in repr(Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, SECRET))


# --- services that ask citizens on their own device ---

ASKS = service(ciba=CibaDeliveryMode.POLL, profile=SecurityProfile.FAPI2)
ASKS_SIGNED = service(ciba=CibaDeliveryMode.POLL, ciba_request_signed=True)


@pytest.mark.parametrize("of", [ASKS, ASKS_SIGNED], ids=["fapi2", "oidc"])
@pytest.mark.parametrize("aud", [ISSUER, TOKEN, [TOKEN]])
def test_a_service_that_asks_on_other_devices_may_name_our_endpoints(of: Service, aud: object) -> None:
    assert by_assertion(assertion(aud=aud), of).service is of
    assert "aud" in refused(assertion(aud="https://other.example"), of)


@pytest.mark.parametrize("of", [ASKS, ASKS_SIGNED], ids=["fapi2", "oidc"])
def test_its_assertions_are_signed_as_fapi_wants_it(of: Service) -> None:
    assert "RS256" in refused(assertion(key("RS256", "tax")), of)
    assert by_assertion(assertion(key("PS256", "tax")), of).service is of
