"""Client authentication: the registered method, client secrets, and requests without or with two methods."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.service import ClientAuthentication, Service
from broker.oidc.client_authentication import (
    ASSERTION_TYPE,
    AuthenticatedClient,
    Credentials,
    authenticate_client,
    parse_credentials,
)
from broker.oidc.errors import EndpointError
from tests.unit.oidc.credentials import APP, AUDIENCE, BASIC, DIGEST, KEYS, OIDC, POST, SECRET, assertion, basic
from tests.unit.oidc.examples import NOW, service


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
    assert "client_id" in error.value.description
    assert "client_id" in error.value.detail


def test_a_secret_in_the_form_is_enough_where_it_is_registered() -> None:
    credentials = parse_credentials({"client_id": "tax", "client_secret": SECRET}, None)
    assert authenticate_client(credentials, POST, KEYS, AUDIENCE, NOW) == AuthenticatedClient(POST)


@pytest.mark.parametrize("secret", ["", "s3cret", SECRET + " ", SECRET.upper(), DIGEST])
def test_a_wrong_secret_is_refused(secret: str) -> None:
    credentials = Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, secret)
    with pytest.raises(EndpointError, match="secret"):
        authenticate_client(credentials, POST, KEYS, AUDIENCE, NOW)


def test_no_secret_authenticates_a_service_without_one() -> None:
    of = service(authentication=ClientAuthentication.CLIENT_SECRET_POST)
    with pytest.raises(EndpointError, match="secret"):
        authenticate_client(Credentials("tax", of.credentials.method, ""), of, KEYS, AUDIENCE, NOW)


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
def test_incomplete_or_contradictory_credentials_are_refused(
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
        if method is registered.credentials.method:
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


def test_a_public_client_sends_only_its_client_id() -> None:
    credentials = parse_credentials({"client_id": "tax"}, None)
    assert credentials == Credentials("tax", ClientAuthentication.NONE, "")
    assert authenticate_client(credentials, APP, KEYS, AUDIENCE, NOW) == AuthenticatedClient(APP)


def test_credentials_do_not_show_their_secret_in_a_log() -> None:
    assert SECRET not in repr(Credentials("tax", ClientAuthentication.CLIENT_SECRET_POST, SECRET))
