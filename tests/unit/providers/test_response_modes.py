"""Responses in a signed token, and the parameter that asks for each mode."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.crypto.jose import SigningKey, sign
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, ProviderFailureReason, UpstreamRedirect
from providers.openid import OpenIdProvider, check
from providers.openid.config_tables import AcceptedForm, ResponseMode, ResponseTokenConfig
from tests.unit.providers.stage import ASK, CALLBACK, config
from tests.unit.providers.wire import ISSUER, JWE, KEY, OTHER, Wire, encrypted, key_set


def response(system: System, key: SigningKey = KEY, **said: object) -> dict[str, str]:
    """A response in a token."""
    claims = {"iss": ISSUER, "aud": "portico", "exp": int(system.now()) + 60, "state": ASK.state, **said}
    return {"response": sign(claims, key), "state": ASK.state}


@pytest.mark.parametrize("mode", ResponseMode)
async def test_the_mode_is_requested_unless_it_is_the_usual_one(system: System, mode: ResponseMode) -> None:
    away = await Wire(system).provider(response_mode=mode).begin(ASK)
    assert isinstance(away, UpstreamRedirect)
    expected = None if mode is ResponseMode.QUERY else [mode.value]
    assert parse_qs(urlsplit(away.url).query).get("response_mode") == expected


async def test_a_code_in_a_signed_token_is_redeemed(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(response_mode=ResponseMode.JWT)
    assert isinstance(await wire.sign_in(provider, response(system, code="a-code")), Identity)
    wire.keys, wire.key = key_set(OTHER), OTHER
    assert isinstance(await wire.sign_in(provider, response(system, OTHER, code="a-code")), Identity)


async def test_an_error_in_a_signed_token_is_that_of_the_provider(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(response_mode=ResponseMode.JWT)
    failure = await wire.sign_in(provider, response(system, error="access_denied"))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.CANCELLED


async def test_a_response_outside_of_a_token_belongs_to_no_attempt(system: System) -> None:
    provider = Wire(system).provider(response_mode=ResponseMode.JWT)
    away = await provider.begin(ASK)
    assert isinstance(away, UpstreamRedirect)
    for parameters in (
        {"code": "a", "iss": ISSUER},
        {"response": "no token"},
        response(system, iss="https://x.example"),
    ):
        assert not provider.matches_callback(away.provider_state, CallbackParameters(parameters, CALLBACK))
    good = response(system, code="a")
    assert provider.matches_callback(away.provider_state, CallbackParameters(good, CALLBACK))
    assert not provider.matches_callback(away.provider_state, CallbackParameters(good, f"{CALLBACK}x"))


def nested(wire: Wire) -> OpenIdProvider:
    """A provider that has to encrypt its responses."""
    form = ResponseTokenConfig(AcceptedForm.NESTED)
    return wire.provider(response_mode=ResponseMode.JWT, response_token=form, encryption_key_files=(Path("key.pem"),))


async def test_a_response_in_an_encrypted_token_is_opened_for_its_state_and_redeemed(system: System) -> None:
    wire = Wire(system)
    provider, sent = nested(wire), response(system, code="a-code")["response"]
    opened = provider.open_response({"response": encrypted(sent), "code": "of a thief", "state": "other"})
    assert opened == {"response": sent, "state": ASK.state}
    assert isinstance(await wire.sign_in(provider, opened), Identity)


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW"])
async def test_a_response_that_is_not_encrypted_as_configured_has_no_state(system: System, alg: str) -> None:
    provider, sent = nested(Wire(system)), response(system, code="a-code")["response"]
    for other in (sent, "no token", JWE, encrypted("no token"), encrypted(encrypted(sent)), encrypted(sent, alg=alg)):
        assert provider.open_response({"response": other}) == {}


async def test_an_encrypted_response_with_a_false_signature_is_rejected(system: System) -> None:
    wire = Wire(system)
    provider = nested(wire)
    opened = provider.open_response({"response": encrypted(response(system, OTHER, code="a-code")["response"])})
    failure = await wire.sign_in(provider, opened)
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == "answer_token"


async def test_other_responses_are_left_as_they_are(system: System) -> None:
    for provider in (Wire(system).provider(), Wire(system).provider(response_mode=ResponseMode.JWT)):
        assert provider.open_response({"response": JWE}) == {"response": JWE}


def test_an_encrypted_response_needs_its_mode_and_a_key() -> None:
    wrong = config(ISSUER, response_token=ResponseTokenConfig(AcceptedForm.NESTED, ("none",)))
    found = [problem.path for problem in check(wrong, development=False)]
    assert found == [
        "response_token.form",
        "encryption_key_files",
        "response_token.encryption_algorithms[0]",
    ]
