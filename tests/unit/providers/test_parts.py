"""The small parts of the kind `openid`: metadata, errors, levels, credentials, the request."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.jose import load_signing_key, parse_keys, verify
from broker.model.assurance import Level
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.provider import LogoutRedirect, ProviderFailure, ProviderFailureReason, UpstreamRequest
from providers.openid.authorization_request import (
    challenge,
    constants,
    encoded,
    prefix,
    variables,
)
from providers.openid.client_authentication import credentials
from providers.openid.config import OpenIdConfig
from providers.openid.config_checks import check
from providers.openid.config_tables import NewSignIn, UpstreamAssertionAudience, UpstreamAuthentication
from providers.openid.describe import TokenForm, describe_identifier, describe_token, token_form
from providers.openid.documents import Documents
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import TOKEN, UpstreamError
from providers.openid.levels import LevelReader, level_parameters
from providers.openid.logout_request import logout_address
from providers.openid.metadata import Metadata, parse_metadata
from providers.openid.own_keys import OwnKeys
from providers.openid.token_endpoint import CodeGrant
from tests.support.examples import JSON
from tests.unit.providers.serving import Host
from tests.unit.providers.stage import ASK, PEM, config, stage
from tests.unit.providers.wire import ISSUER, answer

DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
}
HERE = HttpClients()


# --- metadata ---


def test_metadata_says_where_the_endpoints_are() -> None:
    metadata = parse_metadata({**DOCUMENT, "more": 1}, ISSUER, HERE.may_call)
    assert metadata.token_endpoint == f"{ISSUER}/token"
    assert not metadata.announces_issuer


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://op.example/"},
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"token_endpoint": "http://op.example/token"},
        {"token_endpoint": "/token"},
        {"token_endpoint": 7},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": f"{ISSUER}/jwks#fragment"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://op.example/userinfo"},
    ],
)
def test_metadata_of_another_issuer_or_with_an_endpoint_that_may_not_be_called_is_refused(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(UpstreamError):
        parse_metadata({**DOCUMENT, **changes}, ISSUER, HERE.may_call)


def test_iss_counts_as_announced_only_where_the_metadata_says_true() -> None:
    for value, announced in ((True, True), ("true", False), (1, False), (None, False)):
        document = {**DOCUMENT, "authorization_response_iss_parameter_supported": value}
        assert parse_metadata(document, ISSUER, HERE.may_call).announces_issuer is announced


@given(st.dictionaries(st.sampled_from([*DOCUMENT, "other"]), JSON))
def test_no_metadata_of_any_shape_is_a_fault(changes: dict[str, Any]) -> None:
    try:
        metadata = parse_metadata({**DOCUMENT, **changes}, ISSUER, HERE.may_call)
    except UpstreamError:
        return
    assert metadata.token_endpoint.startswith("https://")


# --- errors ---


def test_the_configured_error_map_overrides_the_standard_one() -> None:
    own = known(errors={"access_denied": ProviderFailureReason.DECLINED})
    for errors, reason in ((known(), ProviderFailureReason.CANCELLED), (own, ProviderFailureReason.DECLINED)):
        assert ErrorMap(errors).of_callback("access_denied", None).failure.reason is reason


@given(st.text())
def test_no_error_code_gets_into_the_log_unless_it_looks_like_one(error: str) -> None:
    failure = ErrorMap(known()).of_callback(error, error).failure
    assert failure.detail.isascii()
    assert failure.detail.isprintable()
    assert len(failure.detail) < 120
    assert not failure.outage


@pytest.mark.parametrize(
    ("error", "status", "reason", "outage"),
    [
        ("invalid_grant", 400, ProviderFailureReason.UNSAFE, False),
        ("invalid_client", 401, ProviderFailureReason.UNAVAILABLE, True),
        ("invalid_request", 400, ProviderFailureReason.UNAVAILABLE, False),
        ("own_error", 400, ProviderFailureReason.BUSY, False),
        (None, 400, ProviderFailureReason.UNSAFE, False),
        (None, 401, ProviderFailureReason.UNAVAILABLE, True),
        (None, 404, ProviderFailureReason.UNAVAILABLE, True),
        (["invalid_grant"], 403, ProviderFailureReason.UNSAFE, False),
    ],
)
def test_an_error_of_the_token_endpoint_has_its_reason(
    error: object, status: int, reason: ProviderFailureReason, *, outage: bool
) -> None:
    errors = ErrorMap(known(errors={"own_error": ProviderFailureReason.BUSY}))
    failure = errors.of_endpoint(TOKEN, answer({"error": error}, status)).failure
    assert (failure.reason, failure.outage) == (reason, outage)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://op.example/a_b~c", "'https://op.example/a_b~c'"),
        ("urn:mace:incommon:iap:silver", "'urn:mace:incommon:iap:silver'"),
        (None, "that is missing"),
        ("Amina Hughes", "that cannot be shown"),
        ("a" * 201, "that cannot be shown"),
        ({"a": 1}, "that cannot be shown"),
    ],
)
def test_an_identifier_is_shown_in_the_log_only_if_it_looks_like_one(value: object, expected: str) -> None:
    assert describe_identifier(value) == expected


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,9}){0,6}", fullmatch=True))
def test_describing_a_token_never_fails_and_shows_algorithms_alone(text: str) -> None:
    assert token_form(text) in (None, TokenForm.SIGNED, TokenForm.ENCRYPTED)
    assert len(describe_token(text)) < 80


# --- levels ---

LEVELS = {"a": Level.LOW, "b": Level.SUBSTANTIAL, "c": Level.HIGH}


def known(**changes: Any) -> OpenIdConfig:
    return replace(OpenIdConfig(ISSUER, "portico", LEVELS), **changes)


def level_reached(acr: Any, config: OpenIdConfig, highest: Level) -> Level:
    return LevelReader(config, highest).reached(Documents({"acr": acr}), 0)


def test_a_level_is_what_the_map_says_and_never_above_the_card() -> None:
    assert level_reached("b", known(), Level.HIGH) is Level.SUBSTANTIAL
    assert level_reached("c", known(), Level.SUBSTANTIAL) is Level.SUBSTANTIAL
    assert level_reached(None, known(acr_missing=Level.SUBSTANTIAL), Level.LOW) is Level.LOW


@given(JSON.filter(lambda value: value is not None and (not isinstance(value, str) or value not in LEVELS)))
def test_an_acr_that_is_not_in_the_map_is_worth_nothing(acr: Any) -> None:
    with pytest.raises(UpstreamError) as refused:
        level_reached(acr, known(acr_missing=Level.HIGH), Level.HIGH)
    assert refused.value.failure.reason is ProviderFailureReason.TOO_WEAK


def test_a_level_is_asked_for_by_the_lowest_name_that_is_enough() -> None:
    asks = known(acr_values={Level.SUBSTANTIAL: "b", Level.HIGH: "c"})
    asked = [level_parameters(asks, level) for level in Level]
    assert asked == [{"acr_values": "b"}, {"acr_values": "b"}, {"acr_values": "c"}]
    assert level_parameters(known(acr_values={Level.LOW: "a"}), Level.HIGH) is None
    assert level_parameters(known(), Level.HIGH) == {}


async def test_a_level_that_cannot_be_asked_for_ends_before_the_departure(system: System, host: Host) -> None:
    async with stage(system, host, acr_values={Level.SUBSTANTIAL: "eid:substantial"}) as here:
        failure = await here.provider.begin(replace(ASK, level=Level.HIGH))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.TOO_WEAK


# --- the request ---


def request(ask: UpstreamRequest, *, development: bool = True, **changes: Any) -> dict[str, list[str]]:
    configured = known(**changes)
    before = prefix(constants(configured)[ask.level], f"{ISSUER}/authorize?tenant=1")
    url = before + urlencode(variables(configured, ask, "n-1", "v" * 43, development=development))
    assert url.startswith(f"{ISSUER}/authorize?tenant=1&")
    return parse_qs(urlsplit(url).query, strict_parsing=True)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=4))
def test_a_query_is_encoded_as_the_standard_library_does(parameters: dict[str, str]) -> None:
    try:
        expected = urlencode(parameters, quote_via=quote)
    except UnicodeEncodeError:  # a lone surrogate, which is no text
        return
    assert encoded(parameters) == expected


def test_a_request_has_everything_once() -> None:
    ask = UpstreamRequest(Level.LOW, "s 1&", "https://broker.example/callback/x?y=1", "cy")
    assert request(ask, scopes=("openid", "email"), parameters={"display": "page"}) == {
        "tenant": ["1"],
        "response_type": ["code"],
        "client_id": ["portico"],
        "scope": ["openid email"],
        "display": ["page"],
        "code_challenge_method": ["S256"],
        "redirect_uri": ["https://broker.example/callback/x?y=1"],
        "state": ["s 1&"],
        "nonce": ["n-1"],
        "code_challenge": [challenge("v" * 43)],
        "ui_locales": ["cy"],
    }


def test_the_code_challenge_is_that_of_the_standards_example() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_fresh_sign_in_is_asked_for_twice_over() -> None:
    asked = request(UpstreamRequest(Level.LOW, "s", "c", "en", fresh=True, max_age=300))
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert request(UpstreamRequest(Level.LOW, "s", "c", "en", max_age=300))["max_age"] == ["300"]


def test_a_provider_without_max_age_is_asked_for_a_new_sign_in_instead() -> None:
    ask = UpstreamRequest(Level.LOW, "s", "c", "en", max_age=300)
    asked = request(ask, reauthentication=(NewSignIn.PROMPT_LOGIN,))
    assert asked["prompt"] == ["login"]
    assert "max_age" not in asked
    assert "max_age" not in request(ask, reauthentication=(NewSignIn.ID_TOKEN_HINT,))


def test_a_provider_that_refuses_pkce_gets_no_challenge() -> None:
    asked = request(UpstreamRequest(Level.LOW, "s", "c", "en"), pkce=False)
    assert not {"code_challenge", "code_challenge_method"} & asked.keys()
    assert "code_verifier" not in CodeGrant("c", None, "https://broker.example/callback/x").form()


def test_a_login_hint_travels_in_development_only() -> None:
    ask = UpstreamRequest(Level.LOW, "s", "c", "en", hint="outcome:ok")
    assert request(ask)["login_hint"] == ["outcome:ok"]
    assert "login_hint" not in request(ask, development=False)


def test_a_login_hint_of_the_settings_is_sent_once_and_outside_development_too() -> None:
    ask = UpstreamRequest(Level.LOW, "s", "c", "en", hint="outcome:ok")
    for development in (True, False):
        asked = request(ask, development=development, parameters={"login_hint": "minregistrationlevel:extended"})
        assert asked["login_hint"] == ["minregistrationlevel:extended"]


def test_a_language_travels_under_the_providers_own_name() -> None:
    assert request(UpstreamRequest(Level.LOW, "s", "c", "cy"), languages={"cy": "cy-GB"})["ui_locales"] == ["cy-GB"]
    for tag in ("CY", "cy-GB", "cy_gb"):  # BCP 47 2.1.1, RFC 4647 3.4
        assert request(UpstreamRequest(Level.LOW, "s", "c", tag), languages={"cy": "x-own"})["ui_locales"] == ["x-own"]
        parting = LogoutRedirect("s", "c", tag, "u", None)
        known_at = Metadata("a", "b", "c", end_session_endpoint="https://p.test/out?a=b")
        left = logout_address(config(ISSUER, languages={"cy": "x-own"}), known_at, parting)
        assert left is not None
        assert parse_qs(urlsplit(left).query)["ui_locales"] == ["x-own"]


# --- who we are ---


def test_a_client_assertion_names_us_and_the_provider_for_a_minute(system: System) -> None:
    key = load_signing_key(PEM, "ES256", "kid-1")
    public = parse_keys({"keys": [dict(key.jwk)]})
    seen = set()
    for audience, expected in (
        (UpstreamAssertionAudience.ISSUER, ISSUER),
        (UpstreamAssertionAudience.TOKEN_ENDPOINT, f"{ISSUER}/token"),
        (UpstreamAssertionAudience.CALLED_ENDPOINT, f"{ISSUER}/par"),
    ):
        proof = credentials(known(assertion_audience=audience), OwnKeys(key), system)
        form, headers = proof(f"{ISSUER}/par", f"{ISSUER}/token")
        verified = verify(form["client_assertion"], public, ["ES256"])
        assert headers == {}
        assert form["client_assertion_type"].endswith("jwt-bearer")
        assert verified.header["kid"] == "kid-1"
        assert verified.claims["iss"] == verified.claims["sub"] == "portico"
        assert verified.claims["aud"] == expected
        assert verified.claims["exp"] == system.now() + 60
        seen.add(verified.claims["jti"])
    assert len(seen) == 3


def test_a_secret_is_encoded_as_a_form_before_it_goes_into_the_header(system: System) -> None:
    config = known(client_id="a:b", authentication=UpstreamAuthentication.CLIENT_SECRET_BASIC)
    _, headers = credentials(config, OwnKeys(secret="s +%é"), system)("x", "x")
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"a%3Ab:s+%2B%25%C3%A9"


# --- authentication by certificate, or none ---


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth", "none"])
def test_a_certificate_or_nothing_authenticates_by_the_client_id_alone(system: System, method: str) -> None:
    proof = credentials(known(authentication=UpstreamAuthentication(method)), OwnKeys(), system)
    assert proof(f"{ISSUER}/token", f"{ISSUER}/token") == ({"client_id": "portico"}, {})


def test_with_a_certificate_other_addresses_are_called() -> None:
    document = {
        "issuer": ISSUER,
        **{name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")},
        "mtls_endpoint_aliases": {
            "token_endpoint": "https://mtls.op.example/token",
            "authorization_endpoint": "https://mtls.op.example/authorize",
        },
    }
    plain = parse_metadata(document, ISSUER, HERE.may_call)
    mutual = parse_metadata(document, ISSUER, HERE.may_call, mutual_tls=True)
    assert plain.token_endpoint == f"{ISSUER}/token_endpoint"
    assert mutual.token_endpoint == "https://mtls.op.example/token"
    assert mutual.authorization_endpoint == f"{ISSUER}/authorization_endpoint"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"authentication": UpstreamAuthentication.TLS_CLIENT_AUTH}, "certificate_file"),
        ({"certificate_key_file": Path("x.pem")}, "certificate_key_file"),
        ({"tls_roots": ("AB" * 32,)}, "tls_roots[0]"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"authorization": "x"}}, "headers.authorization"),
        ({"headers": {"X y": "x"}}, "headers.X y"),
        ({"headers": {"X-A": "a\r\nb"}}, "headers.X-A"),
    ],
)
def test_terms_of_a_connection_that_cannot_work_are_reported(changes: dict[str, Any], path: str) -> None:
    assert path in {problem.path for problem in check(known(**changes), development=False)}
