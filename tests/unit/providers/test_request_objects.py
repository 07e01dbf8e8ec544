"""Signed requests, by value and pushed; and the ways to sign out at a provider."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from broker.crypto.jose import load_signing_key, new_signing_key_pem, parse_keys, verify
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import TimedOut
from broker.platform.system import System
from broker.provider import LogoutRedirect, ProviderFailure, UpstreamRedirect
from providers.openid import OpenIdProvider, check
from providers.openid.config_tables import (
    DpopConfig,
    LevelPlace,
    LevelRequest,
    LogoutConfig,
    LogoutKind,
    RequestObjectAudience,
    RequestObjectConfig,
    UpstreamAuthentication,
)
from providers.openid.own_keys import load_own_keys
from tests.unit.providers.stage import ASK, CALLBACK, PEM, SECRET_FILE, config
from tests.unit.providers.wire import ACCESS, ISSUER, KEY, METADATA, Wire, answer

OBJECT = RequestObjectConfig()
PARTING = LogoutRedirect("s-1", "https://broker.example/signed-out", "cy", "amina", "an.id.token", "an-access-token")


async def departed(provider: OpenIdProvider, **ask: Any) -> UpstreamRedirect:
    """A departure."""
    away = await provider.begin(replace(ASK, hint=None, **ask))
    assert isinstance(away, UpstreamRedirect), away
    return away


def signed(provider: OpenIdProvider, sent: Mapping[str, str]) -> dict[str, Any]:
    """The claims of the request object that was sent."""
    return dict(verify(sent["request"], parse_keys(provider.jwks), ("ES256",), "oauth-authz-req+jwt").claims)


async def test_a_request_by_value_is_signed_whole_and_names_the_broker_beside_it(system: System) -> None:
    provider = Wire(system).provider(request_object=OBJECT)
    away = await departed(provider, max_age=300)
    assert away.url.startswith(f"{ISSUER}/authorize?")
    sent = dict(parse_qsl(urlsplit(away.url).query, strict_parsing=True))
    assert set(sent) == {"client_id", "response_type", "scope", "request"}
    claims = signed(provider, sent)
    assert (claims["iss"], claims["aud"], claims["client_id"]) == ("portico", ISSUER, "portico")
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] == claims["iat"] == int(system.now())
    assert (claims["redirect_uri"], claims["state"], claims["max_age"]) == (CALLBACK, ASK.state, 300)
    assert claims["nonce"] == away.provider_state["nonce"]
    assert claims["scope"] == sent["scope"]
    assert len(claims["jti"]) == 32
    assert away.expires is None


async def test_a_pushed_request_object_stands_alone(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(request_object=OBJECT, pushed=True, dpop=DpopConfig())
    await departed(provider)
    (form,) = wire.forms
    assert set(form) == {"client_id", "request", "client_assertion", "client_assertion_type"}
    assert len(signed(provider, form)["dpop_jkt"]) == 43


async def test_values_that_are_json_are_json_in_the_token(system: System) -> None:
    provider = Wire(system).provider(
        request_object=replace(
            OBJECT, audience=RequestObjectAudience.AUTHORIZATION_ENDPOINT, beside=("response_type",)
        ),
        acr_values={},
        level_request=LevelRequest(LevelPlace.VTR, values={Level.SUBSTANTIAL: '["Cl.Cm.P2"]'}),
        claims_request='{"userinfo": {"name": null}}',
    )
    sent = dict(parse_qsl(urlsplit((await departed(provider)).url).query))
    assert set(sent) == {"client_id", "response_type", "request"}
    claims = signed(provider, sent)
    assert claims["vtr"] == ["Cl.Cm.P2"]
    assert claims["claims"] == {"userinfo": {"name": None}}
    assert claims["aud"] == f"{ISSUER}/authorize"


async def test_a_broker_with_a_secret_may_sign_requests_too(system: System) -> None:
    provider = Wire(system).provider(
        request_object=OBJECT, authentication=UpstreamAuthentication.CLIENT_SECRET_POST, secret_file=SECRET_FILE
    )
    sent = dict(parse_qsl(urlsplit((await departed(provider)).url).query))
    assert signed(provider, sent)["iss"] == "portico"
    assert len(provider.jwks["keys"]) == 1


def test_the_next_and_the_previous_key_are_published_and_sign_nothing() -> None:
    next_pem = new_signing_key_pem("ES256")
    files = {Path("key.pem"): PEM, Path("next.pem"): next_pem}
    own = load_own_keys(config(ISSUER, published_key_files=(Path("next.pem"),)), files.__getitem__)
    assert own.assertion is not None
    published = own.jwks["keys"]
    assert isinstance(published, list)
    kids = [key["kid"] for key in published]
    assert kids == [own.assertion.kid, load_signing_key(next_pem, "ES256").kid]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"key_file": None}, "key_file"),
        ({"request_object": RequestObjectConfig("HS256")}, "request_object.algorithm"),
    ],
)
def test_settings_that_cannot_work_are_reported(changes: dict[str, Any], path: str) -> None:
    settings = config(ISSUER, **{"request_object": OBJECT, **changes})
    assert path in {problem.path for problem in check(settings, development=False)}


END = {**METADATA, "end_session_endpoint": f"{ISSUER}/logout", "revocation_endpoint": f"{ISSUER}/revoke"}
BACK = {"post_logout_redirect_uri": "https://broker.example/signed-out"}


@pytest.mark.parametrize(
    ("logout", "path", "query"),
    [
        (
            LogoutConfig(),
            "/logout",
            {"client_id": "portico", **BACK, "state": "s-1", "ui_locales": "cy", "id_token_hint": "an.id.token"},
        ),
        (LogoutConfig(LogoutKind.CLIENT_ID), "/logout", {"client_id": "portico", **BACK, "state": "s-1"}),
        (LogoutConfig(LogoutKind.FRONT_END, f"{ISSUER}/sair"), "/sair", BACK),
    ],
)
async def test_a_citizen_signs_out_as_the_provider_wants_it(
    system: System, logout: LogoutConfig, path: str, query: dict[str, str]
) -> None:
    wire = Wire(system, metadata=answer(END))
    target = await wire.provider(logout=logout).end_session(PARTING)
    assert target is not None
    assert target.url.partition("?")[0] == ISSUER + path
    assert dict(parse_qsl(urlsplit(target.url).query)) == query
    assert (target.must_call, target.may_not_return) == (False, False)


async def test_a_provider_may_demand_the_visit_or_keep_the_citizen(system: System) -> None:
    wire = Wire(system, metadata=answer(END))
    for logout in (LogoutConfig(must_call=True), LogoutConfig(may_not_return=True)):
        target = await wire.provider(logout=logout).end_session(PARTING)
        assert target is not None
        assert (target.must_call, target.may_not_return) == (logout.must_call, logout.may_not_return)


async def test_only_the_token_that_ends_the_session_is_kept(system: System) -> None:
    for kind, kept in (
        (LogoutKind.END_SESSION, (True, False)),
        (LogoutKind.CLIENT_ID, (False, False)),
        (LogoutKind.FRONT_END, (False, False)),
        (LogoutKind.REVOKE, (False, True)),
    ):
        wire = Wire(system, metadata=answer(END))
        identity = await wire.sign_in(wire.provider(logout=LogoutConfig(kind)))
        assert isinstance(identity, Identity)
        assert (identity.id_token is not None, identity.access_token is not None) == kept
        assert identity.access_token in (None, ACCESS)


@pytest.mark.parametrize("dpop", [None, DpopConfig()])
async def test_a_token_is_revoked_in_place_of_a_visit(system: System, dpop: DpopConfig | None) -> None:
    wire = Wire(system, metadata=answer(END), token=answer("", 200))
    provider = wire.provider(logout=LogoutConfig(LogoutKind.REVOKE), dpop=dpop)
    assert await provider.end_session(PARTING) is None
    assert wire.asked[-1] == "/revoke"
    assert wire.forms[-1]["token"] == "an-access-token"
    assert wire.forms[-1]["client_assertion"].count(".") == 2
    wire.token = TimedOut("no")
    assert await provider.end_session(PARTING) is None
    assert await provider.end_session(replace(PARTING, access_token=None)) is None
    assert wire.asked.count("/revoke") == 2


ENCRYPTED = replace(OBJECT, encryption_algorithm="ECDH-ES+A256KW")
SEALING_KEY = ECKey.generate_key("P-256")


def with_encryption_key(wire: Wire, **members: str) -> Wire:
    """A provider that publishes a key for encryption beside its signing key."""
    jwk = {**SEALING_KEY.as_dict(private=False), "use": "enc", "alg": "ECDH-ES+A256KW", "kid": "e-1", **members}
    wire.keys = answer({"keys": [dict(KEY.jwk), jwk]})
    return wire


@pytest.mark.parametrize("pushed", [False, True])
async def test_a_request_is_signed_and_then_encrypted_to_the_provider(system: System, pushed: bool) -> None:  # noqa: FBT001
    wire = with_encryption_key(Wire(system))
    provider = wire.provider(request_object=ENCRYPTED, pushed=pushed)
    away = await departed(provider)
    sent = wire.forms[-1] if pushed else dict(parse_qsl(urlsplit(away.url).query))
    opened = jwe.decrypt_compact(sent["request"], SEALING_KEY, ["ECDH-ES+A256KW", "A256GCM"])
    assert (opened.headers()["cty"], opened.headers()["kid"]) == ("JWT", "e-1")
    assert opened.plaintext is not None
    inner = signed(provider, {"request": opened.plaintext.decode()})
    assert (inner["aud"], inner["state"], inner["client_id"]) == (ISSUER, ASK.state, "portico")
    assert ASK.state not in str(sent)


async def test_without_a_key_of_the_provider_no_request_leaves(system: System) -> None:
    for members in ({"use": "sig"}, {"alg": "RSA-OAEP-256"}):
        found = await with_encryption_key(Wire(system), **members).provider(request_object=ENCRYPTED).begin(ASK)
        assert isinstance(found, ProviderFailure)
        assert found.fault == "keys_unusable"


def test_an_unknown_algorithm_of_encryption_is_named() -> None:
    table = replace(OBJECT, encryption_algorithm="dir", content_encryption="none")
    found = [problem.path for problem in check(config(ISSUER, request_object=table), development=False)]
    assert found == ["request_object.encryption_algorithm", "request_object.content_encryption"]
