"""Modules of the OpenID Foundation's client plans, each played to the broker without a network.

Names and expectations are those of the conformance suite of 20 August 2026. `docs/conformance.md` lists every module.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.jose import SigningKey, load_signing_key, new_signing_key_pem, sign
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, UpstreamRedirect
from providers.openid import OpenIdProvider
from providers.openid.config_tables import DpopConfig, RefreshConfig, ResponseMode, UpstreamAuthentication
from tests.unit.providers.stage import ASK, CALLBACK
from tests.unit.providers.wire import AMINA, ISSUER, KEY, METADATA, OTHER, Wire, answer, compact, key_set

RSA = load_signing_key(new_signing_key_pem("RS256"), "RS256", "r-1")
RSA_OTHER = load_signing_key(new_signing_key_pem("RS256"), "RS256", "r-1")
ANNOUNCED = {**METADATA, "authorization_response_iss_parameter_supported": True}
BASIC: Mapping[str, Any] = {
    "authentication": UpstreamAuthentication.CLIENT_SECRET_BASIC,
    "secret_file": Path("secret.txt"),
    "key_file": None,
    "algorithms": ("RS256",),
}
DPOP: Mapping[str, Any] = {"pushed": True, "dpop": DpopConfig(), "algorithms": ("ES256",)}
TLS: Mapping[str, Any] = {
    "pushed": True,
    "authentication": UpstreamAuthentication.TLS_CLIENT_AUTH,
    "certificate_file": Path("certificate.pem"),
    "key_file": None,
    "algorithms": ("ES256",),
}
Module = Mapping[str, Any]
"""What the suite's provider does otherwise: fields of the wire."""


def without_kid(*keys: SigningKey) -> Any:
    """A key set whose keys have no `kid`."""
    return answer({"keys": [{name: value for name, value in key.jwk.items() if name != "kid"} for key in keys]})


GOOD: Mapping[str, Module] = {
    "oidcc-client-test": {},
    "oidcc-client-test-kid-absent-single-jwks": {"keys": without_kid(RSA), "header": {"kid": None}},
    "oidcc-client-test-kid-absent-multiple-jwks": {"keys": without_kid(RSA_OTHER, RSA), "header": {"kid": None}},
    "oidcc-client-test-idtoken-sig-rs256": {"header": {"typ": "JWT"}},
    "oidcc-client-test-scope-userinfo-claims": {"userinfo": answer({**AMINA, "email": "amina@example.org"})},
    "oidcc-client-test-client-secret-basic": {},
    "oidcc-client-test-discovery-openid-config": {},
    "oidcc-client-test-discovery-jwks-uri-keys": {"keys": key_set(KEY, RSA)},
}
BAD: Mapping[str, Module] = {
    "oidcc-client-test-invalid-iss": {"claims": {"iss": f"{ISSUER}/other"}},
    "oidcc-client-test-missing-sub": {"claims": {"sub": None}},
    "oidcc-client-test-invalid-aud": {"claims": {"aud": "other"}},
    "oidcc-client-test-missing-iat": {"claims": {"iat": None}},
    "oidcc-client-test-idtoken-sig-none": {"header": {"alg": "none", "kid": None}},
    "oidcc-client-test-invalid-sig-rs256": {"key": RSA_OTHER},
    "oidcc-client-test-nonce-invalid": {"claims": {"nonce": "another"}},
}


def basic(system: System, module: Module) -> Wire:
    """The suite's provider of the basic plan, which signs with RS256."""
    return Wire(system, **{"keys": key_set(RSA), "key": RSA, **module})


@pytest.mark.parametrize("mode", [ResponseMode.QUERY, ResponseMode.FORM_POST])
@pytest.mark.parametrize("module", GOOD.values(), ids=GOOD.keys())
async def test_the_broker_completes_what_the_basic_plans_expect(
    system: System, module: Module, mode: ResponseMode
) -> None:
    wire = basic(system, module)
    identity = await wire.sign_in(wire.provider(**BASIC, response_mode=mode))
    assert isinstance(identity, Identity), identity
    assert wire.asked[-1] == "/userinfo"
    assert wire.headers[0]["Authorization"].startswith("Basic ")
    assert wire.headers[-1]["Authorization"].startswith("Bearer ")
    assert "client_secret" not in wire.forms[0]


@pytest.mark.parametrize("mode", [ResponseMode.QUERY, ResponseMode.FORM_POST])
@pytest.mark.parametrize("module", BAD.values(), ids=BAD.keys())
async def test_the_broker_stops_before_userinfo_where_the_basic_plans_expect_that(
    system: System, module: Module, mode: ResponseMode
) -> None:
    wire = basic(system, module)
    assert isinstance(await wire.sign_in(wire.provider(**BASIC, response_mode=mode)), ProviderFailure)
    assert "/userinfo" not in wire.asked


async def test_userinfo_of_another_subject_is_rejected(system: System) -> None:
    """oidcc-client-test-userinfo-invalid-sub."""
    wire = basic(system, {"userinfo": answer({**AMINA, "sub": "another"})})
    assert isinstance(await wire.sign_in(wire.provider(**BASIC)), ProviderFailure)


async def test_metadata_of_another_issuer_ends_the_sign_in_before_it_begins(system: System) -> None:
    """oidcc-client-test-discovery-issuer-mismatch, fapi2-...-discovery-issuer-mismatch."""
    for settings in (BASIC, DPOP):
        wire = Wire(system, metadata=answer({**METADATA, "issuer": f"{ISSUER}/other"}))
        assert isinstance(await wire.provider(**settings).begin(ASK), ProviderFailure)
        assert wire.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("rotated", ["oidcc-client-test-signing-key-rotation", "just-before-signing"])
async def test_a_rotated_key_is_fetched(system: System, rotated: str) -> None:
    wire = basic(system, {})
    provider = wire.provider(**BASIC)
    if rotated.startswith("oidcc"):
        assert isinstance(await wire.sign_in(provider), Identity)
    new = load_signing_key(new_signing_key_pem("RS256"), "RS256", "r-2")
    wire.key, wire.keys = new, key_set(RSA, new)
    assert isinstance(await wire.sign_in(provider), Identity)


# --- refresh tokens ---

REFRESHED: Mapping[str, tuple[Module, list[str]]] = {
    "oidcc-client-test-refresh-token": ({}, ["/token", "/userinfo"]),
    "oidcc-client-test-refresh-token-invalid-issuer": ({"iss": f"{ISSUER}/other"}, ["/token"]),
    "oidcc-client-test-refresh-token-invalid-sub": ({"sub": "another"}, ["/token"]),
}


@pytest.mark.parametrize(("claims", "asked"), REFRESHED.values(), ids=REFRESHED.keys())
async def test_a_refreshed_access_token_opens_userinfo_unless_the_id_token_is_another_ones(
    system: System, claims: Module, asked: list[str]
) -> None:
    wire = basic(system, {"tokens": {"refresh_token": "r-1"}})
    provider = wire.provider(**BASIC, refresh=RefreshConfig())
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity)
    wire.asked.clear()
    wire.claims = {"nonce": None, **claims}
    outcome = await provider.recheck(identity)
    assert (outcome.failure is None) is not bool(claims)
    assert wire.asked == asked
    assert wire.forms[-1] == {"grant_type": "refresh_token", "refresh_token": "r-1"}


# --- FAPI 2.0 ---

AUD_ARRAY = {"claims": {"aud": ["portico"]}}
FAPI_GOOD: Mapping[str, Module] = {
    "happy-path": {"nonces": ("n-1",)},
    "happy-path-no-dpop-nonce": {},
    "valid-aud-as-array": AUD_ARRAY,
    "token-endpoint-response-without-expires_in": {"tokens": {"expires_in": None}},
}
FAPI_BAD: Mapping[str, Module] = {
    "invalid-iss": {"claims": {"iss": f"{ISSUER}/other"}},
    "invalid-aud": {"claims": {"aud": "other"}},
    "invalid-secondary-aud": {"claims": {"aud": ["portico", "other"]}},
    "invalid-null-alg": {"header": {"alg": "none", "kid": None}},
    "invalid-alternate-alg": {"key": RSA, "keys": key_set(KEY, RSA)},
    "invalid-expired-exp": {"claims": {"exp": 1}},
    "invalid-missing-exp": {"claims": {"exp": None}},
    "invalid-missing-aud": {"claims": {"aud": None}},
    "invalid-missing-iss": {"claims": {"iss": None}},
    "invalid-nonce": {"claims": {"nonce": "another"}},
    "invalid-missing-nonce": {"claims": {"nonce": None}},
}


def fapi(system: System, module: Module, **more: Any) -> Wire:
    """The suite's provider of the FAPI plans."""
    return Wire(system, **{"metadata": answer(ANNOUNCED), **module, **more})


async def answered(wire: Wire, provider: OpenIdProvider) -> Identity | ProviderFailure:
    """A sign-in whose response names the issuer."""
    return await wire.sign_in(provider, {"code": "a-code", "iss": ISSUER})


@pytest.mark.parametrize("settings", [DPOP, TLS], ids=["dpop", "mtls"])
@pytest.mark.parametrize("module", FAPI_GOOD.values(), ids=FAPI_GOOD.keys())
async def test_the_broker_completes_what_the_fapi_plans_expect(
    system: System, module: Module, settings: Mapping[str, Any]
) -> None:
    wire = fapi(system, module, nonces=list(module.get("nonces", ())) if settings is DPOP else [])
    identity = await answered(wire, wire.provider(**settings))
    assert isinstance(identity, Identity), identity
    assert wire.asked[-1] == "/userinfo"


@pytest.mark.parametrize("settings", [DPOP, TLS], ids=["dpop", "mtls"])
@pytest.mark.parametrize("module", FAPI_BAD.values(), ids=FAPI_BAD.keys())
async def test_the_broker_stops_before_userinfo_where_the_fapi_plans_expect_that(
    system: System, module: Module, settings: Mapping[str, Any]
) -> None:
    wire = fapi(system, module)
    assert isinstance(await answered(wire, wire.provider(**settings)), ProviderFailure)
    assert "/userinfo" not in wire.asked


@pytest.mark.parametrize(("settings", "kind"), [(DPOP, "dPOP"), (TLS, "bEARER")], ids=["dpop", "mtls"])
async def test_the_case_of_a_token_type_does_not_matter(system: System, settings: Mapping[str, Any], kind: str) -> None:
    wire = fapi(system, {"tokens": {"token_type": kind}})
    assert isinstance(await answered(wire, wire.provider(**settings)), Identity)


@pytest.mark.parametrize("scheme", ["DPoP", "dPOP"])
async def test_the_case_of_the_scheme_that_demands_a_nonce_does_not_matter(system: System, scheme: str) -> None:
    """fapi2-...-rs-dpop-auth-scheme-case-insensitivity."""

    class Demanding(Wire):
        """Userinfo demands a nonce first."""

        async def get(self, url: str, headers: Mapping[str, str] | None = None, **_more: object) -> Any:
            found = await super().get(url, headers)
            if not url.endswith("/userinfo") or len([one for one in self.asked if one == "/userinfo"]) > 1:
                return found
            demand = {"www-authenticate": f'{scheme} error="use_dpop_nonce"', "dpop-nonce": "n-1"}
            return replace(answer("", 401, "text/plain"), headers=demand)

    wire = Demanding(system, metadata=answer(ANNOUNCED))
    assert isinstance(await answered(wire, wire.provider(**DPOP)), Identity)
    assert wire.asked.count("/userinfo") == 2


@pytest.mark.parametrize("parameters", [{"code": "a", "iss": f"{ISSUER}/other"}, {"code": "a"}], ids=["other", "none"])
async def test_a_response_of_another_issuer_or_of_none_calls_no_endpoint(
    system: System, parameters: dict[str, str]
) -> None:
    """fapi2-...-invalid-authorization-response-iss, fapi2-...-remove-authorization-response-iss."""
    wire = fapi(system, {})
    provider = wire.provider(**DPOP)
    away = await provider.begin(ASK)
    assert isinstance(away, UpstreamRedirect)
    came = CallbackParameters(parameters, CALLBACK)
    assert not provider.matches_callback(away.provider_state, came)
    assert isinstance(await provider.complete(away.provider_state, came), ProviderFailure)
    assert "/token" not in wire.asked


JARM: Mapping[str, Mapping[str, object]] = {
    "ensure-jarm-without-iss-fails": {"iss": None},
    "ensure-jarm-with-invalid-iss-fails": {"iss": f"{ISSUER}/other"},
    "ensure-jarm-without-aud-fails": {"aud": None},
    "ensure-jarm-with-invalid-aud-fails": {"aud": "other"},
    "ensure-jarm-without-exp-fails": {"exp": None},
    "ensure-jarm-with-expired-exp-fails": {"exp": 1},
    "ensure-jarm-with-invalid-sig-fails": {"key": OTHER},
    "ensure-jarm-signature-is-not-none": {"key": None},
}


@pytest.mark.parametrize("settings", [DPOP, TLS], ids=["dpop", "mtls"])
@pytest.mark.parametrize("module", [None, *JARM.values()], ids=["happy-path", *JARM])
async def test_a_response_in_a_token_is_redeemed_only_if_the_plans_expect_that(
    system: System, module: Mapping[str, object] | None, settings: Mapping[str, Any]
) -> None:
    said = dict(module or {})
    key: Any = said.pop("key", KEY)
    claims = {"iss": ISSUER, "aud": "portico", "exp": int(system.now()) + 60, "state": ASK.state, "code": "a", **said}
    claims = {name: value for name, value in claims.items() if value is not None}
    token = sign(claims, key) if key is not None else compact({"alg": "none"}, claims, b"")
    wire = fapi(system, {})
    found = await wire.sign_in(
        wire.provider(**settings, response_mode=ResponseMode.JWT), {"response": token, "state": ASK.state}
    )
    assert isinstance(found, Identity if module is None else ProviderFailure), found
    assert ("/token" in wire.asked) is (module is None)
