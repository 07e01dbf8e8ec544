"""Keys of a provider: replaced under their old `kid`, shared kids, missing kids, and headers full of other things."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.crypto.jose import SigningKey, load_signing_key, new_signing_key_pem
from broker.model.identity import Identity
from broker.platform.http_client import Unreachable
from broker.platform.system import System
from broker.provider import FailureCause, ProviderFailure
from providers.circuit_breaker import LEAST
from providers.monitored_provider import MonitoredProvider
from providers.openid.errors import UpstreamFault
from providers.openid.metadata import COOL_DOWN
from tests.support.system import FakeClock
from tests.unit.providers.wire import KEY, OTHER, Wire, answer, compact, key_set

RSA_KEY = load_signing_key(new_signing_key_pem("RS256"), "RS256", "r-1")
STRANGER = load_signing_key(new_signing_key_pem("ES256"), "ES256", "k-1")
CERTIFICATE = "MIIBszCCAVmgAwIBAgIU"


def shown(key: SigningKey, **changes: Any) -> dict[str, Any]:
    """A key as its owner publishes it, with these members changed; None leaves one out."""
    return {name: value for name, value in {**key.jwk, **changes}.items() if value is not None}


# --- a new key under an old kid ---


async def test_a_new_key_under_an_old_kid_is_fetched_at_once(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider()
    assert isinstance(await wire.sign_in(provider), Identity)
    wire.key, wire.keys = OTHER, key_set(OTHER)
    assert isinstance(await wire.sign_in(provider), Identity)
    assert wire.asked.count("/jwks") == 2


async def test_a_signature_that_keeps_failing_asks_for_keys_once_in_a_cool_down(
    system: System, clock: FakeClock
) -> None:
    wire = Wire(system)
    provider = wire.provider()
    await wire.sign_in(provider)
    wire.key = OTHER
    for _ in range(20):
        assert isinstance(await wire.sign_in(provider), ProviderFailure)
    assert wire.asked.count("/jwks") == 2
    clock.advance(COOL_DOWN)
    for _ in range(20):
        assert isinstance(await wire.sign_in(provider), ProviderFailure)
    assert wire.asked.count("/jwks") == 3


async def test_a_refusal_in_the_cool_down_is_no_outage_and_one_by_current_keys_is(
    system: System, clock: FakeClock
) -> None:
    wire = Wire(system)
    provider = wire.provider()
    await wire.sign_in(provider)
    wire.key = OTHER
    first = await wire.sign_in(provider)
    clock.advance(COOL_DOWN / 2)
    second = await wire.sign_in(provider)
    assert isinstance(first, ProviderFailure)
    assert isinstance(second, ProviderFailure)
    assert (first.fault, first.cause) == (UpstreamFault.ID_TOKEN_KEYS, FailureCause.KEYS)
    assert (second.fault, second.outage) == (UpstreamFault.ID_TOKEN_UNPROVEN, False)


async def test_two_rotations_under_one_kid_within_a_cool_down_open_no_breaker(system: System, clock: FakeClock) -> None:
    wire = Wire(system)
    provider = wire.provider()
    watched = MonitoredProvider(provider, system)
    await wire.sign_in(provider)
    for key in (OTHER, STRANGER):
        wire.key, wire.keys = key, key_set(key)
        clock.advance(0.5)
        for _ in range(3 * LEAST):
            outcome = await wire.sign_in(provider)
            if isinstance(outcome, ProviderFailure):
                watched._count(outcome)
    assert watched.current_health.working
    clock.advance(COOL_DOWN)
    assert isinstance(await wire.sign_in(provider), Identity)


async def test_many_at_once_meet_a_new_key_under_an_old_kid_with_one_fetch(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider()
    await wire.sign_in(provider)
    wire.key, wire.keys = OTHER, key_set(OTHER)
    token = wire.made_id_token()
    found = await asyncio.gather(*(provider._redemption._id_tokens.open(token) for _ in range(50)))
    assert len(found) == 50
    assert wire.asked.count("/jwks") == 2


async def test_keys_that_cannot_be_fetched_again_leave_those_that_are_kept(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider()
    await wire.sign_in(provider)
    wire.key, wire.keys = OTHER, Unreachable("no")
    failure = await wire.sign_in(provider)
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == UpstreamFault.KEYS_UNREACHABLE
    wire.key = KEY
    assert isinstance(await wire.sign_in(provider), Identity)


# --- what the header of a token may hold ---

HARMLESS: dict[str, dict[str, Any]] = {
    "certificates": {"x5c": [CERTIFICATE]},
    "an address of keys": {"jku": "https://evil.example/jwks"},
    "an address of certificates": {"x5u": "https://evil.example/x"},
    "a key": {"jwk": shown(STRANGER)},
    "no key": {"jwk": "none"},
    "a thumbprint": {"x5t": "a"},
    "a longer thumbprint": {"x5t#S256": 7},
    "a type": {"typ": "at+jwt"},
    "a type of its own": {"typ": "ID"},
    "a type that is none": {"typ": 7},
    "a content type": {"cty": "json"},
    "an encoded payload": {"b64": True},
    "something nobody knows": {"https://op.example/h": {"a": [1]}},
    "something long": {"x": "x" * 5000},
}


@pytest.mark.parametrize("header", HARMLESS.values(), ids=HARMLESS.keys())
async def test_what_the_header_of_an_id_token_holds_besides_is_ignored(system: System, header: dict[str, Any]) -> None:
    wire = Wire(system, header=header)
    assert isinstance(await wire.sign_in(wire.provider()), Identity)


@pytest.mark.parametrize("header", HARMLESS.values(), ids=HARMLESS.keys())
async def test_no_key_is_ever_taken_from_the_header_of_an_id_token(system: System, header: dict[str, Any]) -> None:
    wire = Wire(system, header={**header, "jwk": shown(STRANGER)}, key=STRANGER)
    failure = await wire.sign_in(wire.provider())
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == UpstreamFault.ID_TOKEN_KEYS
    assert set(wire.asked) == {"/.well-known/openid-configuration", "/jwks", "/token"}


@pytest.mark.parametrize("header", [{"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": ["exp"]}, {"b64": False}])
async def test_what_changes_the_meaning_of_a_token_is_refused(system: System, header: dict[str, Any]) -> None:
    wire = Wire(system, header=header)
    failure = await wire.sign_in(wire.provider())
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.outage) == (UpstreamFault.ID_TOKEN_FORM, False)


# --- which key of the set ---

SETS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "one key, no kid in the token": ([shown(KEY)], {"kid": None}),
    "one key, no kid anywhere": ([shown(KEY, kid=None)], {"kid": None}),
    "a kid in the token alone": ([shown(KEY, kid=None)], {}),
    "several keys, no kid in the token": ([shown(OTHER, kid="k-0"), shown(KEY)], {"kid": None}),
    "several keys, no kid anywhere": ([shown(OTHER, kid=None), shown(KEY, kid=None)], {"kid": None}),
    "one kid twice, the right one first": ([shown(KEY), shown(OTHER)], {}),
    "one kid twice, the right one last": ([shown(OTHER), shown(KEY)], {}),
    "one kid for two kinds": ([shown(RSA_KEY, kid="k-1"), shown(KEY)], {}),
    "a key of an unknown kind": (
        [{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "d": "AA", "p": "AA"}, shown(KEY)],
        {},
    ),
    "a kind that is no text": ([{"kty": 7}, {}, shown(KEY)], {}),
    "an unknown curve": ([{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, shown(KEY)], {}),
    "a key to encrypt with": ([shown(OTHER, use="enc"), shown(KEY)], {}),
    "a key to sign with": ([shown(OTHER, key_ops=["sign"]), shown(KEY)], {}),
    "operations that are none": ([shown(OTHER, key_ops="verify"), shown(KEY)], {}),
    "a key for another algorithm": ([shown(OTHER, alg="ECDH-ES"), shown(KEY)], {}),
    "a key that is broken": ([shown(OTHER, x="!"), shown(KEY)], {}),
    "a key with certificates": ([shown(KEY, x5c=[CERTIFICATE], x5t="a")], {}),
    "a key without use and alg": ([shown(KEY, use=None, alg=None)], {}),
}


@pytest.mark.parametrize(("keys", "header"), SETS.values(), ids=SETS.keys())
async def test_the_key_is_found_in_every_set_that_holds_it(
    system: System, keys: list[dict[str, Any]], header: dict[str, Any]
) -> None:
    wire = Wire(system, keys=answer({"keys": keys}), header={"typ": "JWT", **header})
    assert isinstance(await wire.sign_in(wire.provider()), Identity)


@pytest.mark.parametrize("member", [{"use": "enc"}, {"key_ops": ["sign"]}, {"alg": "ECDH-ES"}, {"kid": "k-0"}])
async def test_a_key_that_is_not_meant_for_it_verifies_no_id_token(system: System, member: dict[str, Any]) -> None:
    wire = Wire(system, keys=answer({"keys": [shown(KEY, **member)]}))
    failure = await wire.sign_in(wire.provider())
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.cause) == (UpstreamFault.ID_TOKEN_KEYS, FailureCause.KEYS)


async def test_an_algorithm_that_the_configuration_does_not_name_is_refused_whatever_the_keys_say(
    system: System,
) -> None:
    wire = Wire(system, keys=key_set(KEY, RSA_KEY), key=RSA_KEY)
    failure = await wire.sign_in(wire.provider(algorithms=("ES256",)))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.outage) == (UpstreamFault.ID_TOKEN_FORM, False)
    wire = replace(wire, key=KEY)
    assert isinstance(await wire.sign_in(wire.provider(algorithms=("ES256",))), Identity)


@pytest.mark.parametrize("private", [{"d": "AA"}, {"kty": "oct", "k": "AA"}])
async def test_a_set_that_shows_a_private_or_shared_key_is_refused_as_a_whole(
    system: System, private: dict[str, Any]
) -> None:
    wire = Wire(system, keys=answer({"keys": [shown(KEY), shown(OTHER, **private)]}))
    failure = await wire.sign_in(wire.provider())
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == UpstreamFault.KEYS_UNUSABLE


async def test_an_id_token_in_five_parts_is_never_tried_against_a_key(system: System) -> None:
    jwe = compact({"alg": "dir", "enc": "A128GCM"}, b"", b"iv", b"text", b"tag")
    wire = Wire(system, tokens={"id_token": jwe})
    failure = await wire.sign_in(wire.provider())
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == UpstreamFault.ID_TOKEN_ENCRYPTED
    assert "/jwks" not in wire.asked
