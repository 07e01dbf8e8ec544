"""Dynamic client registration: metadata to settings of a file, and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.service import Service
from broker.oidc.dynamic_registration import FIELDS, client_metadata, invalid_metadata, registrable, to_client_settings
from broker.oidc.errors import EndpointError
from broker.platform.toml_loader import load
from broker.settings.credentials import with_credentials
from tests.support.outcome import outcome

BASE = {"redirect_uris": ["https://shop.example/back"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)
MEMBERS = st.sampled_from(
    [
        *FIELDS,
        *("client_name", "client_name#cy", "client_uri", "scope", "grant_types", "response_types", "contacts"),
        *("dpop_bound_access_tokens", "require_pushed_authorization_requests", "made_up"),
    ]
)


def register(metadata: dict[str, Any]) -> dict[str, Any]:
    """What is in force once this was registered."""
    record, problems = load({"client_id": "self-1", **to_client_settings({**BASE, **metadata}, ["en", "cy"])}, Service)
    assert record is not None, problems
    return client_metadata(with_credentials(record, prepared=True)[0])


@given(st.dictionaries(MEMBERS, JSON))
def test_any_client_metadata_become_settings_or_a_registered_error(metadata: dict[str, Any]) -> None:
    file = outcome(lambda: to_client_settings(metadata, ["en", "cy"]), EndpointError)
    if isinstance(file, EndpointError):
        assert file.code in ("invalid_client_metadata", "invalid_redirect_uri")
        assert file.description.isascii()
        assert '"' not in file.description
        return
    assert not set(file) & {"client_id", "secret_file", "jwks_file", "level", "providers", "introspection", "ciba"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"client_name": "Shop", "client_name#cy": "Siop", "client_uri": "https://shop.example/en"},
        {"initiate_login_uri": "https://shop.example/go", "contacts": ["me@shop.example"]},
        {"post_logout_redirect_uris": ["https://shop.example/"], "id_token_signed_response_alg": "ES256"},
        {"scope": "openid email offline_access", "grant_types": ["authorization_code", "refresh_token"]},
        {"jwks_uri": "https://shop.example/keys", "token_endpoint_auth_method": "private_key_jwt"},
        {"backchannel_logout_uri": "https://shop.example/bye", "frontchannel_logout_uri": "https://shop.example/f"},
        {
            "jwks_uri": "https://shop.example/keys",
            "token_endpoint_auth_method": "private_key_jwt",
            "require_pushed_authorization_requests": True,
            "dpop_bound_access_tokens": True,
        },
    ],
)
def test_known_client_metadata_are_returned(metadata: dict[str, Any]) -> None:
    found = register(metadata)
    assert {name: found.get(name) for name in metadata} == metadata


def test_missing_client_metadata_get_the_defaults_of_the_standard() -> None:
    found = register({})
    assert found["token_endpoint_auth_method"] == "client_secret_basic"
    assert found["id_token_signed_response_alg"] == "RS256"
    assert (found["grant_types"], found["response_types"]) == (["authorization_code"], ["code"])
    assert (found["client_name"], found["client_uri"]) == ("shop.example", "https://shop.example/")


@pytest.mark.parametrize(
    ("method", "profile", "alg"), [("private_key_jwt", "fapi2", "ES256"), ("none", "oidc", "RS256")]
)
def test_metadata_that_meet_all_fapi_requirements_get_the_fapi2_profile(method: str, profile: str, alg: str) -> None:
    strict = {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}
    file = to_client_settings({**BASE, **strict, "token_endpoint_auth_method": method}, ["en"])
    assert (file["profile"], file["id_token_alg"], file["binding"]) == (profile, alg, "dpop")


def test_every_claim_of_a_service_that_says_nothing_has_a_reason_in_every_language() -> None:
    file = to_client_settings(BASE, ["en", "cy", "ar"])
    uses = file["claims"]
    assert isinstance(uses, list)
    assert {frozenset(use["reason"]) for use in uses} == {frozenset({"en", "cy", "ar"})}
    assert {"name", "email"} <= {use["claim"] for use in uses}


@pytest.mark.parametrize(
    ("place", "code"), [("redirect_uris[0]", "invalid_redirect_uri"), ("id_token_alg", "invalid_client_metadata")]
)
def test_an_error_names_the_member_that_the_service_sent(place: str, code: str) -> None:
    error = invalid_metadata(place, 'é "quoted"')
    assert error.code == code
    assert error.description.isascii()
    assert '"' not in error.description
    assert next(name for name, field in FIELDS.items() if place.startswith(field)) in error.description


def test_one_of_each_kind_may_register() -> None:
    assert {str(one.credentials.method) for one in registrable()} == {
        *("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
    }
