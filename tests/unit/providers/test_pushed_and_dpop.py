"""Pushed requests and proofs of possession: what is sent where, nonces, and what is accepted."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.crypto.jose import parse_keys, thumbprint, verify, verify_embedded
from broker.model.identity import Identity
from broker.platform import base64url
from broker.platform.http_client import HttpFailure, HttpResponse
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, UpstreamRedirect
from providers.openid import OpenIdProvider
from providers.openid import provider as module
from providers.openid.config_tables import AcceptedForm, DpopConfig, IdTokenConfig
from tests.unit.providers.stage import ASK, CALLBACK
from tests.unit.providers.wire import ACCESS, ISSUER, Wire, answer

NESTED = IdTokenConfig(AcceptedForm.NESTED)
OWN = (Path("key.pem"),)


def proof(headers: Any) -> dict[str, Any]:
    """The claims of the proof in a call's headers, which its own key has signed."""
    return dict(verify_embedded(headers["DPoP"], ("ES256",), "dpop+jwt").claims)


async def gone(provider: OpenIdProvider, **ask: Any) -> UpstreamRedirect:
    """A departure."""
    away = await provider.begin(replace(ASK, **ask))
    assert isinstance(away, UpstreamRedirect), away
    return away


async def test_a_pushed_request_leaves_its_reference_alone_in_the_browser(system: System) -> None:
    wire = Wire(system)
    away = await gone(wire.provider(pushed=True, nonce_bytes=32), hint=None)
    assert away.url == f"{ISSUER}/authorize?client_id=portico&request_uri=urn%3Aexample%3Ar-1"
    assert away.expires == pytest.approx(system.now() + 55)
    (form,) = wire.forms
    assert form["state"] == ASK.state
    assert form["redirect_uri"] == CALLBACK
    assert (form["response_type"], form["code_challenge_method"]) == ("code", "S256")
    assert len(form["nonce"]) == 64
    assert form["client_assertion"].count(".") == 2


@pytest.mark.parametrize("life", [1, 5, 30.5, 1e9])
async def test_a_reference_is_used_until_shortly_before_its_end(system: System, life: float) -> None:
    wire = Wire(system, par=answer({"request_uri": "urn:a", "expires_in": life}, 201))
    away = await gone(wire.provider(pushed=True))
    assert away.expires is not None
    assert 0 < away.expires - system.now() <= min(life, 600)


async def test_every_call_of_a_sign_in_proves_possession_of_one_key(system: System) -> None:
    wire = Wire(system, hidden=True)
    provider = wire.provider(pushed=True, dpop=DpopConfig(), id_token=NESTED, encryption_key_files=OWN)
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity), identity
    assert wire.asked == ["/.well-known/openid-configuration", "/par", "/token", "/jwks", "/userinfo"]
    par, token, userinfo = wire.headers
    assert {proof(one)["htm"] for one in (par, token)} == {"POST"}
    assert [proof(one)["htu"] for one in wire.headers] == [
        f"{ISSUER}{path}" for path in ("/par", "/token", "/userinfo")
    ]
    assert proof(userinfo)["ath"] == base64url.encode(hashlib.sha256(ACCESS.encode()).digest())
    assert userinfo["Authorization"] == f"DPoP {ACCESS}"
    keys = [verify_embedded(one["DPoP"], ("ES256",), "dpop+jwt").header["jwk"] for one in wire.headers]
    assert keys[0] == keys[1] == keys[2]
    assert set(keys[0]) == {"kty", "crv", "x", "y"}
    assert wire.forms[0]["dpop_jkt"] == thumbprint(keys[0])
    assert len({proof(one)["jti"] for one in wire.headers}) == 3
    again = Wire(system)
    await again.sign_in(again.provider(dpop=DpopConfig()))
    assert verify_embedded(again.headers[0]["DPoP"], ("ES256",), "dpop+jwt").header["jwk"] != keys[0]


async def test_the_key_of_an_attempt_is_kept_for_another_process(system: System) -> None:
    wire = Wire(system)
    config: dict[str, Any] = {"pushed": True, "dpop": DpopConfig()}
    away = await gone(wire.provider(**config))
    wire.nonce = away.provider_state["nonce"]
    parameters = CallbackParameters({"code": "a-code"}, CALLBACK)
    assert isinstance(await wire.provider(**config).complete(away.provider_state, parameters), Identity)
    first, second = (verify_embedded(one["DPoP"], ("ES256",), "dpop+jwt").header["jwk"] for one in wire.headers[:2])
    assert first == second


async def test_a_nonce_is_used_at_once_and_kept_for_later(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(pushed=True, dpop=DpopConfig())
    wire.nonces = ["n-1"]
    away = await gone(provider)
    assert [proof(one).get("nonce") for one in wire.headers] == [None, "n-1"]
    assertions = {one["client_assertion"] for one in wire.forms}
    assert len(assertions) == 2
    wire.nonce = away.provider_state["nonce"]
    wire.nonces = ["n-2"]
    done = await provider.complete(away.provider_state, CallbackParameters({"code": "a-code"}, CALLBACK))
    assert isinstance(done, Identity)
    assert [proof(one).get("nonce") for one in wire.headers[2:]] == [None, "n-2", None]
    await gone(provider)
    assert proof(wire.headers[-1])["nonce"] == "n-1"


async def test_without_a_demand_a_call_with_a_code_is_made_once(system: System) -> None:
    wire = Wire(system, token=answer({"error": "invalid_grant"}, 400))
    assert isinstance(await wire.sign_in(wire.provider(dpop=DpopConfig())), ProviderFailure)
    assert wire.asked.count("/token") == 1


async def test_a_request_in_the_browser_names_the_key(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(dpop=DpopConfig(expiry=True))
    away = await gone(provider)
    (named,) = parse_qs(urlsplit(away.url).query)["dpop_jkt"]
    wire.nonce = away.provider_state["nonce"]
    assert away.expires is None
    await provider.complete(away.provider_state, CallbackParameters({"code": "a-code"}, CALLBACK))
    sent = verify_embedded(wire.headers[0]["DPoP"], ("ES256",), "dpop+jwt")
    assert thumbprint(sent.header["jwk"]) == named
    assert sent.claims["exp"] == sent.claims["iat"] + 120
    plain = await gone(Wire(system).provider(dpop=DpopConfig(jkt=False)))
    assert "dpop_jkt" not in plain.url


async def test_a_proof_at_the_pushed_request_may_be_left_out(system: System) -> None:
    wire = Wire(system)
    await gone(wire.provider(pushed=True, dpop=DpopConfig(at_par=False)))
    assert "DPoP" not in wire.headers[0]
    assert "dpop_jkt" in wire.forms[0]


async def test_a_bearer_token_is_not_accepted_where_possession_was_to_be_proven(system: System) -> None:
    wire = Wire(system, tokens={"token_type": "Bearer"})
    failure = await wire.sign_in(wire.provider(dpop=DpopConfig()))
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == "token_type"


async def test_the_published_keys_are_those_that_are_used(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(pushed=True, id_token=NESTED, encryption_key_files=OWN)
    signing, encryption = provider.jwks["keys"]
    assert (signing["use"], encryption["use"], encryption["alg"]) == ("sig", "enc", "ECDH-ES+A256KW")
    await gone(provider)
    assert verify(wire.forms[0]["client_assertion"], parse_keys({"keys": [signing]}), ("ES256",))


class Stuck(Wire):
    """A provider whose token endpoint and pushed request never answer."""

    async def post(self, *_given: object, **_options: object) -> HttpResponse | HttpFailure:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("pushed", [True, False])
async def test_the_calls_of_a_sign_in_have_one_limit_of_time(
    system: System, monkeypatch: pytest.MonkeyPatch, *, pushed: bool
) -> None:
    monkeypatch.setattr(module, "BEGIN_WITHIN", 0.01)
    monkeypatch.setattr(module, "COMPLETE_WITHIN", 0.01)
    wire = Stuck(system)
    failure = await wire.sign_in(wire.provider(pushed=pushed))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.outage) == ("budget_spent", True)
