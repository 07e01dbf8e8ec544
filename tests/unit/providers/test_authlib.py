"""Authlib compared with our own checks: where both agree, and the inputs that only ours handle (decision 0056)."""

import base64
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc7636.challenge import CODE_VERIFIER_PATTERN
from authlib.oidc.discovery import OpenIDProviderMetadata
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.crypto.jose import claimed, load_signing_key
from broker.oidc.errors import EndpointError
from broker.oidc.form_parser import UnreadableForm, read_query
from broker.oidc.token_request import CodeRequest, check_code
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from providers.openid import deviations as fetched_deviations
from providers.openid.authorization_request import challenge, constants, prefix
from providers.openid.client_authentication import credentials
from providers.openid.config_tables import UpstreamAuthentication
from providers.openid.errors import UpstreamError
from providers.openid.metadata import parse_metadata
from providers.openid.own_keys import OwnKeys
from providers.openid.standard_metadata import deviations
from tests.unit.oidc.examples import CALLBACK, NOW, code, service
from tests.unit.providers.stage import PEM, Stage, config

ISSUER = "https://op.example"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "response_types_supported": ["code"],
    "subject_types_supported": ["pairwise"],
    "id_token_signing_alg_values_supported": ["RS256"],
}

MEMBERS = sorted({*DOCUMENT, *OpenIDProviderMetadata.REGISTRY_KEYS, "end_session_endpoint"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The document with these members; one that is None is left out."""
    return {name: value for name, value in {**DOCUMENT, **changes}.items() if value is not None}


def authlib_accepts(document: dict[str, Any]) -> bool:
    """Whether Authlib finds nothing, or ends in an error of Python's own."""
    try:
        OpenIDProviderMetadata(document).validate()
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def ours_accepts(document: dict[str, Any]) -> bool:
    """Whether sign-ins go on with this document."""
    try:
        parse_metadata(document, ISSUER, HttpClients().may_call)
    except UpstreamError:
        return False
    return True


@pytest.mark.parametrize(
    ("changes", "ours", "authlib"),
    [
        ({}, True, True),
        ({"scopes_supported": ["openid"], "claims_parameter_supported": True}, True, True),
        # both refuse
        ({"issuer": None}, False, False),
        ({"token_endpoint": None}, False, False),
        ({"token_endpoint": "http://op.example/token"}, False, False),
        ({"token_endpoint": 7}, False, False),
        ({"authorization_endpoint": "javascript:alert(1)"}, False, False),
        ({"jwks_uri": "file:///etc/passwd"}, False, False),
        # Authlib accepts what no sign-in may go on with
        ({"issuer": "https://elsewhere.example"}, False, True),
        ({"token_endpoint": f"{ISSUER}/token#fragment"}, False, True),
        ({"token_endpoint": "https://user:password@op.example/token"}, False, True),
        ({"token_endpoint": "http://localhost/token"}, False, True),
        ({"userinfo_endpoint": "http://op.example/userinfo"}, False, True),
        ({"userinfo_endpoint": 7}, False, True),
        # Authlib refuses what sign-ins work with today
        ({"id_token_signing_alg_values_supported": ["ES256"]}, True, False),
        ({"subject_types_supported": None}, True, False),
        ({"response_types_supported": None}, True, False),
        ({"ui_locales_supported": ["en_GB"]}, True, False),
        ({"grant_types_supported": 7}, True, False),
    ],
)
def test_authlib_and_our_metadata_check_differ_on_known_inputs_only(
    changes: dict[str, Any], *, ours: bool, authlib: bool
) -> None:
    document = changed(changes)
    assert (ours_accepts(document), authlib_accepts(document)) == (ours, authlib)


def test_an_environment_variable_turns_the_https_check_of_authlib_off(monkeypatch: pytest.MonkeyPatch) -> None:
    document = changed({"token_endpoint": "http://op.example/token"})
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    assert authlib_accepts(document)
    assert not ours_accepts(document)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"id_token_signing_alg_values_supported": ["ES256"]}, []),
        ({"subject_types_supported": None}, ["subject_types_supported"]),
        (
            {"subject_types_supported": None, "response_types_supported": "code"},
            ["subject_types_supported", "response_types_supported"],
        ),
        ({"end_session_endpoint": "http://op.example/end"}, ["end_session_endpoint"]),
        ({"authorization_response_iss_parameter_supported": "yes"}, ["authorization_response_iss_parameter_supported"]),
        ({"token_endpoint": 7, "grant_types_supported": 7}, ["token_endpoint", "grant_types_supported"]),
        ({"claims_supported": {"name": True}}, ["claims_supported"]),
        ({"revocation_endpoint": "http://op.example/revoke"}, ["revocation_endpoint"]),
        ({"introspection_endpoint": "ftp://op.example"}, ["introspection_endpoint"]),
        ({"require_signed_request_object": "yes"}, ["require_signed_request_object"]),
    ],
)
def test_departures_from_the_standards_are_named_by_member_and_repeat_no_value(
    changes: dict[str, Any], named: list[str]
) -> None:
    found = deviations(changed(changes))
    assert set(named) <= set(re.findall(r'"(\w+)"', " ".join(found)))
    assert bool(found) is bool(named)
    assert not any(str(value) in " ".join(found) for value in ("http://op.example/end", "yes", "{'name'"))


@given(st.sampled_from(MEMBERS), JSON)
def test_departures_of_any_document_are_sentences_and_no_exception(member: str, value: Any) -> None:
    assert all(isinstance(sentence, str) for sentence in deviations({**DOCUMENT, member: value}))


async def test_the_metadata_of_a_running_provider_are_held_against_the_standards(here: Stage) -> None:
    assert await fetched_deviations(config(f"{here.base}/eid"), here.outgoing) == ()
    [sentence] = await fetched_deviations(config(f"{here.base}/nowhere"), here.outgoing)
    assert sentence.startswith("metadata: ")


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", min_size=43, max_size=128))
def test_authlib_makes_the_same_code_challenge(verifier: str) -> None:
    assert create_s256_code_challenge(verifier) == challenge(verifier)


def test_authlib_takes_a_code_verifier_with_a_line_end_that_the_token_endpoint_rejects() -> None:
    verifier = "a" * 43 + "\n"
    assert CODE_VERIFIER_PATTERN.match(verifier)
    bound = code(code_challenge=create_s256_code_challenge(verifier))
    with pytest.raises(EndpointError, match="code_verifier is malformed"):
        check_code(CodeRequest("code", CALLBACK, verifier), bound, service(), None, NOW)


def test_authlib_changes_the_query_that_a_provider_gave_its_authorization_endpoint() -> None:
    endpoint = "https://op.example/authorize?tenant=a%20b&mark=%ff"
    theirs = prepare_grant_uri(endpoint, "portico", "code", scope="openid profile")
    assert theirs.startswith("https://op.example/authorize?tenant=a+b&mark=%EF%BF%BD&")
    ours = prefix(next(iter(constants(config("https://op.example")).values())), endpoint)
    assert ours.startswith(f"{endpoint}&")
    assert dict(parse_qsl(urlsplit(ours).query))["response_type"] == "code"


def test_authlib_takes_the_last_of_two_codes_in_a_callback_that_our_reader_rejects() -> None:
    query = "code=first&code=second&state=s"
    assert parse_authorization_code_response(f"https://broker.example/callback?{query}", "s")["code"] == "second"
    with pytest.raises(UnreadableForm):
        read_query(query.encode())


# --- client authentication (decision 0068) ---


def authlib_sends(method: str, client_id: str, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """Form fields and headers of a call that Authlib authenticates."""
    _, headers, body = ClientAuth(client_id, secret, method).prepare("POST", f"{ISSUER}/token", {}, "")
    return dict(parse_qsl(body, keep_blank_values=True)), headers


def ours_sends(method: str, client_id: str, secret: str, system: System) -> tuple[dict[str, str], dict[str, str]]:
    """The same of the broker."""
    settings = config(ISSUER, client_id=client_id, authentication=UpstreamAuthentication(method))
    form, headers = credentials(settings, OwnKeys(secret=secret), system)(f"{ISSUER}/token", f"{ISSUER}/token")
    return dict(form), dict(headers)


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic", "none"])
def test_authlib_authenticates_a_client_of_letters_and_digits_alike(system: System, method: str) -> None:
    assert authlib_sends(method, "portico", "s3cret") == ours_sends(method, "portico", "s3cret", system)


@given(st.text(min_size=1), st.text(min_size=1))
def test_authlib_sends_a_secret_in_a_form_as_we_do(client_id: str, secret: str) -> None:
    try:
        client_id.encode(), secret.encode()
    except UnicodeEncodeError:
        return
    fixed = System(lambda: NOW, lambda size: bytes(size), lambda: 0.0)
    ours = ours_sends("client_secret_post", client_id, secret, fixed)
    assert ours[0] == {"client_id": client_id, "client_secret": secret}
    assert authlib_sends("client_secret_post", client_id, secret) == ours


@pytest.mark.parametrize("secret", ["s +%", "a:b", "é"])
def test_authlib_does_not_encode_the_parts_of_http_basic_as_the_standard_demands(system: System, secret: str) -> None:
    """RFC 6749 2.3.1: TARA and others decode them, and refuse what was not encoded."""
    theirs, ours = (
        base64.b64decode(sent[1]["Authorization"].removeprefix("Basic ")).decode("latin-1")
        for sent in (
            authlib_sends("client_secret_basic", "client:one", secret),
            ours_sends("client_secret_basic", "client:one", secret, system),
        )
    )
    assert [unquote_plus(part) for part in ours.split(":")] == ["client:one", secret]
    assert theirs != ours
    assert [unquote_plus(part) for part in theirs.split(":", 1)] != ["client:one", secret]


def test_authlib_cannot_send_a_secret_beyond_latin_1() -> None:
    with pytest.raises(UnicodeEncodeError):
        authlib_sends("client_secret_basic", "portico", "пароль")


def test_authlib_repeats_the_jti_of_assertions_with_configured_claims(system: System) -> None:
    """A provider that accepts each `jti` once refuses the second call, such as the token request after PAR."""
    key = ECKey.generate_key("P-256")
    method = PrivateKeyJWT(f"{ISSUER}/token", claims={"nbf": int(NOW)}, alg="ES256")
    calls = [method(SimpleNamespace(client_id="portico", client_secret=key), "POST", "", {}, "")[2] for _ in range(2)]
    theirs = {jwt.decode(dict(parse_qsl(body))["client_assertion"], key).claims["jti"] for body in calls}
    assert len(theirs) == 1
    own = OwnKeys(load_signing_key(PEM, "ES256"))
    made = credentials(config(ISSUER, assertion_nbf=True), own, system)
    ours = {claimed(made("x", "x")[0]["client_assertion"], "jti") for _ in range(2)}
    assert len(ours) == 2
