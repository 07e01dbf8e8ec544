"""Settings of native and browser apps (public clients): redirect URIs, PKCE, DPoP, CORS origins."""

from typing import Any

import pytest

from tests.support.configuration import Configuration

APP: dict[str, Any] = {"profile": "oidc", "authentication": "none", "sector": "tax.example", "jwks": None}


def app(production: Configuration, **changes: Any) -> Configuration:
    """The service made into an app on citizens' devices."""
    for name, value in (APP | changes).items():
        production.change("broker.toml", f"services.0.{name}", value)
    return production


@pytest.mark.parametrize(
    ("uri", "fine"),
    [
        ("https://tax.example/app", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:8123/callback", True),
        ("http://[::1]/callback", True),
        ("example.tax.app:/callback", True),
        ("http://localhost/callback", False),
        ("http://127.0.0.2/callback", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://user@127.0.0.1/callback", False),
        ("http://tax.example/callback", False),
        ("https://localhost/callback", False),
        ("taxapp:/callback", False),
        ("example.tax.app://callback", True),
        ("msauth.example.tax.app://auth", True),
        ("example.tax.app://callback/back", True),
        ("example.tax.app:///callback", False),
        ("example.tax.app://someone@callback", False),
        ("msauth://example.tax.app/c2lnbmF0dXJl", False),
        ("example.tax.app:callback", False),
        ("example.tax.app:/callback#top", False),
        ("example.tax.app:/*", False),
        ("javascript:/alert(1)", False),
        ("/callback", False),
    ],
)
def test_an_app_redirect_uri_must_be_private_to_the_app(production: Configuration, uri: str, *, fine: bool) -> None:
    app(production, redirect_uris=[uri])
    if fine:
        assert production.settings().services["tax"].redirect_uris == (uri,)
    else:
        assert {problem.path for problem in production.problems()} == {"broker.toml: services[0].redirect_uris[0]"}


def test_a_web_service_may_not_have_an_app_redirect_uri(production: Configuration) -> None:
    for uri in ("http://127.0.0.1/callback", "example.tax.app:/callback"):
        production.change("broker.toml", "services.0.sector", "tax.example")
        production.change("broker.toml", "services.0.redirect_uris", [uri])
        assert {problem.path for problem in production.problems()} == {"broker.toml: services[0].redirect_uris[0]"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pkce_required", False),
        ("binding", "mtls"),
        ("introspection", True),
        ("ciba", "poll"),
        ("profile", "fapi2"),
        ("sector", None),
    ],
)
def test_settings_that_an_app_may_not_have_are_problems(production: Configuration, name: str, value: Any) -> None:
    app(production, redirect_uris=["http://127.0.0.1/callback"], **({} if name == "sector" else {name: value}))
    if name == "sector":
        production.change("broker.toml", "services.0.sector", None)
    place = "authentication" if name == "profile" else name
    assert f"broker.toml: services[0].{place}" in {problem.path for problem in production.problems()}


def test_an_app_may_be_registered_without_a_key_and_with_the_origins_of_its_pages(production: Configuration) -> None:
    page = ["https://app.example", "https://app.example:8443", "https://xn--bcher-kva.example"]
    app(production, redirect_uris=["https://app.example/"], sender_constrained=False, cors_origins=page)
    service = production.settings().services["tax"]
    assert (service.token_binding, service.tokens.sender_constrained, list(service.cors_origins)) == (None, False, page)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("binding", "dpop", "sender_constrained"),
        ("profile", "fapi2", "sender_constrained"),
        ("pkce_required", False, "pkce_required"),
        ("cors_origins", ["http://app.example"], "cors_origins[0]"),
        ("cors_origins", ["https://localhost"], "cors_origins[0]"),
        ("cors_origins", ["https://app.example/", "https://b.example"], "cors_origins[0]"),
    ],
)
def test_settings_that_a_bearer_app_may_not_have_are_problems(
    production: Configuration, name: str, value: Any, place: str
) -> None:
    app(production, redirect_uris=["https://app.example/"], sender_constrained=False, **{name: value})
    assert f"broker.toml: services[0].{place}" in {problem.path for problem in production.problems()}
