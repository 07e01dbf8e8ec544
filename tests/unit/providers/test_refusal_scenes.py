"""Every fault of an OpenID provider: scenes that cause it, and the failure that each sign-in becomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.jose import SigningKey, sign
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import HttpResponse, ResponseTooLarge, TimedOut, Unreachable
from broker.platform.system import System
from broker.provider import OUTAGES, ProviderFailure, ProviderFailureReason
from providers.circuit_breaker import LEAST
from providers.monitored_provider import MonitoredProvider
from providers.openid.config_tables import (
    AcceptedForm,
    ActingConfig,
    DpopConfig,
    IdTokenConfig,
    LevelAnswer,
    ResponseMode,
    UserinfoConfig,
    UserinfoForm,
)
from providers.openid.errors import RULES, UpstreamFault
from tests.unit.providers.wire import (
    AMINA,
    DID,
    DID_DOCUMENT,
    DID_METHOD,
    IDENTITY_KEY,
    IDENTITY_TABLE,
    JWE,
    KEY,
    METADATA,
    OTHER,
    Wire,
    answer,
    compact,
    encrypted,
)

JWS = compact({"alg": "RS256", "kid": "k"}, AMINA, b"signature")
Scene = Mapping[str, Any]


def scene(**settings: Any) -> Scene:
    """What a sign-in meets: settings of the wire, of the sign-in (`at_`), and of the provider's configuration."""
    return settings


def pushed(**settings: Any) -> Scene:
    """A scene at a provider to which the request is pushed."""
    return scene(pushed=True, **settings)


def nested(**settings: Any) -> Scene:
    """A scene at a provider that has to encrypt its ID tokens."""
    form = IdTokenConfig(AcceptedForm.NESTED)
    return scene(id_token=form, encryption_key_files=(Path("key.pem"),), **settings)


SIGNED = UserinfoConfig(UserinfoForm.SIGNED)


def jwt(claims: dict[str, Any], key: SigningKey = KEY) -> HttpResponse:
    """A signed userinfo response."""
    return answer(sign(claims, key), media_type="application/jwt")


def hidden(form: UserinfoForm, **settings: Any) -> Scene:
    """A scene at a provider that has to encrypt its userinfo responses."""
    response = UserinfoConfig(form)
    return scene(userinfo_response=response, encryption_key_files=(Path("key.pem"),), **settings)


def proven(**settings: Any) -> Scene:
    """A scene at a provider that proves identities by a second token."""
    return scene(proves=True, identity_token=IDENTITY_TABLE, **settings)


def jarm(said: dict[str, Any], key: SigningKey = KEY) -> Scene:
    """A scene with a response in a token."""
    claims = {"iss": "https://op.example", "aud": "portico", "exp": 4_000_000_000, "code": "a-code", **said}
    token = sign({name: value for name, value in claims.items() if value is not None}, key)
    return scene(response_mode=ResponseMode.JWT, at_parameters={"response": token})


async def play(wire: Wire, scene: Scene) -> Identity | ProviderFailure:
    """What becomes of a sign-in in a scene."""
    asked = {name.removeprefix("at_"): value for name, value in scene.items() if name.startswith("at_")}
    here = {name: value for name, value in scene.items() if hasattr(wire, name)}
    for name, value in here.items():
        setattr(wire, name, value)
    changes = {name: value for name, value in scene.items() if name not in here and not name.startswith("at_")}
    return await wire.sign_in(wire.provider(**changes), asked.pop("parameters", None), **asked)


RECHECKED = {UpstreamFault.GRANT_GONE}
"""Faults that no sign-in has, but the recheck of a session (`test_session_recheck`)."""

SCENES: dict[UpstreamFault, list[Scene]] = {
    UpstreamFault.METADATA_UNREACHABLE: [scene(metadata=Unreachable("no")), scene(metadata=TimedOut("no"))],
    UpstreamFault.METADATA_STATUS: [scene(metadata=answer("", status)) for status in (302, 401, 404, 500)],
    UpstreamFault.METADATA_UNREADABLE: [scene(metadata=answer("<p>")), scene(metadata=ResponseTooLarge("no"))],
    UpstreamFault.METADATA_ISSUER: [scene(metadata=answer({**METADATA, "issuer": "https://other.example"}))],
    UpstreamFault.METADATA_ENDPOINT: [scene(metadata=answer({**METADATA, "jwks_uri": "http://op.example/jwks"}))],
    UpstreamFault.KEYS_UNREACHABLE: [scene(keys=Unreachable("no")), scene(keys=TimedOut("no"))],
    UpstreamFault.KEYS_STATUS: [scene(keys=answer("", status)) for status in (302, 403, 404, 503)],
    UpstreamFault.KEYS_UNREADABLE: [scene(keys=answer("<p>")), scene(keys=ResponseTooLarge("no"))],
    UpstreamFault.KEYS_UNUSABLE: [
        scene(keys=answer({"keys": 1})),
        scene(keys=answer({"keys": [{"kty": "oct", "k": "AA"}]})),
    ],
    UpstreamFault.LEVEL_NOT_OFFERED: [scene(acr_values={Level.LOW: "eid:substantial"}, at_level=Level.HIGH)],
    UpstreamFault.PAR_UNREACHABLE: [pushed(par=Unreachable("no")), pushed(par=TimedOut("no"))],
    UpstreamFault.PAR_STATUS: [pushed(par=answer("", status)) for status in (302, 401, 404, 405, 410, 429, 500, 503)],
    UpstreamFault.PAR_CLIENT: [pushed(par=answer({"error": "invalid_client"}, 401))],
    UpstreamFault.PAR_REFUSED: [
        pushed(par=answer({"error": "invalid_request"}, 400)),
        pushed(par=answer("<h1>Blocked</h1>", 403, "text/html")),
    ],
    UpstreamFault.PAR_UNREADABLE: [
        pushed(par=answer("<p>", 201)),
        pushed(par=ResponseTooLarge("no")),
        *(
            pushed(par=answer({"request_uri": reference, "expires_in": life}, 201))
            for reference, life in (
                *((None, 60), (7, 60), ("", 60), ("a b", 60), ("x" * 600, 60)),
                *(("urn:a", None), ("urn:a", 0), ("urn:a", -1), ("urn:a", "60"), ("urn:a", True)),
            )
        ),
    ],
    UpstreamFault.ANSWER_ELSEWHERE: [
        scene(at_parameters={"code": "a", "iss": "https://other.example"}),
        scene(response_mode=ResponseMode.JWT),
        jarm({"iss": "https://other.example"}),
    ],
    UpstreamFault.ANSWER_ERROR: [scene(at_parameters={"error": "server_error"}), scene(at_parameters={"error": "é"})],
    UpstreamFault.ANSWER_CODE: [scene(at_parameters={"code": ""}), scene(at_parameters={"code": "é"})],
    UpstreamFault.ANSWER_TOKEN: [
        jarm({}, OTHER),
        jarm({"aud": "other"}),
        jarm({"aud": None}),
        jarm({"exp": 1}),
        jarm({"exp": None}),
        jarm({"state": "of another"}),
        scene(
            response_mode=ResponseMode.JWT,
            at_parameters={"response": compact({"alg": "none"}, {"iss": "https://op.example"}, b"x")},
        ),
    ],
    UpstreamFault.TOKEN_UNREACHABLE: [scene(token=Unreachable("no")), scene(token=TimedOut("no"))],
    UpstreamFault.TOKEN_STATUS: [
        scene(token=answer("", status)) for status in (302, 401, 404, 405, 410, 429, 500, 503)
    ],
    UpstreamFault.TOKEN_CLIENT: [scene(token=answer({"error": "invalid_client"}, 401))],
    UpstreamFault.TOKEN_CODE: [scene(token=answer({"error": "invalid_grant"}, 400))],
    UpstreamFault.TOKEN_ERROR: [scene(token=answer({"error": "account_locked"}, 400))],
    UpstreamFault.TOKEN_REFUSED: [
        scene(token=answer("<h1>Blocked</h1>", 403, "text/html")),
        scene(token=answer("", 400)),
        scene(token=answer({"error": 7}, 422)),
        scene(token=answer("", 204)),
    ],
    UpstreamFault.TOKEN_UNREADABLE: [
        scene(token=answer("<p>", media_type="text/html")),
        scene(token=answer('{"name": "\\ud83d"}')),
        scene(token=answer('{"id_token": "a", "id_token": "b"}')),
        scene(token=ResponseTooLarge("no")),
    ],
    UpstreamFault.TOKEN_MISSING: [scene(tokens={"id_token": None}), scene(tokens={"access_token": 7})],
    UpstreamFault.TOKEN_TYPE: [scene(tokens={"token_type": "DPoP"}), scene(tokens={"token_type": None})],
    UpstreamFault.TOKEN_UNSENDABLE: [scene(tokens={"access_token": "a\r\nb"}), scene(tokens={"access_token": "é"})],
    UpstreamFault.TOKEN_BINDING: [],  # needs a certificate: test_mutual_tls.py has them
    UpstreamFault.CLAIM_SOURCE_UNKNOWN: [],  # test_claim_sources.py has them
    UpstreamFault.CLAIM_SOURCE_UNPROVEN: [],  # test_claim_sources.py has them
    UpstreamFault.DPOP_NONCE: [
        scene(dpop=DpopConfig(), token=answer({"error": "use_dpop_nonce"}, 400)),
        pushed(dpop=DpopConfig(), par=answer({"error": "use_dpop_nonce"}, 400)),
    ],
    UpstreamFault.BUDGET_SPENT: [],  # needs time: test_pushed_and_dpop.py has it
    UpstreamFault.ID_TOKEN_NOT_ENCRYPTED: [nested()],
    UpstreamFault.ID_TOKEN_UNDECRYPTABLE: [
        nested(tokens={"id_token": JWE}),
        nested(tokens={"id_token": encrypted("a.b.c", alg="ECDH-ES")}),
        nested(tokens={"id_token": encrypted("a.b.c", enc="A128GCM")}),
    ],
    UpstreamFault.ID_TOKEN_ENCRYPTED: [scene(tokens={"id_token": JWE})],
    UpstreamFault.ID_TOKEN_FORM: [
        scene(tokens={"id_token": "no token"}),
        nested(tokens={"id_token": encrypted("{}")}),
        nested(tokens={"id_token": encrypted("é")}),
        nested(tokens={"id_token": encrypted(encrypted("a.b.c"))}),
        scene(header={"alg": "none"}),
        scene(header={"crit": ["exp"]}),
        scene(header={"b64": False}),
        scene(header={"kid": 7}),
        scene(payload=b'{"name": "\\ud83d"}'),
        scene(payload=b'{"sub": "a", "sub": "b"}'),
        scene(payload=b"[]"),
        scene(payload=b"\xff"),
    ],
    UpstreamFault.ID_TOKEN_KEYS: [scene(key=OTHER), scene(header={"kid": "k-2"}), scene(keys=answer({"keys": []}))],
    UpstreamFault.ID_TOKEN_UNPROVEN: [],  # needs two sign-ins: test_provider_keys.py has them
    UpstreamFault.ID_TOKEN_ISSUER: [scene(claims={"iss": value}) for value in ("https://other.example", 7, None)],
    UpstreamFault.ID_TOKEN_AUDIENCE: [scene(claims={"aud": value}) for value in ("other", 7, [], ["portico", "other"])],
    UpstreamFault.ID_TOKEN_TIME: [
        scene(claims={name: value}) for name in ("exp", "iat") for value in ("1", 1, True, 1e300)
    ],
    UpstreamFault.ID_TOKEN_NONCE: [scene(claims={"nonce": value}) for value in ("other", 7, None)],
    UpstreamFault.ID_TOKEN_SUBJECT: [scene(claims={"sub": value}) for value in (7, "", "é", "x" * 257, "a\x00b", None)],
    UpstreamFault.ID_TOKEN_ACCESS_TOKEN: [scene(claims={"at_hash": value}) for value in ("other", 7)],
    UpstreamFault.SIGN_IN_TIME_MISSING: [scene(claims={"auth_time": None}, at_fresh=True)],
    UpstreamFault.SIGN_IN_TIME_WRONG: [
        scene(claims={"auth_time": value}) for value in ("1800000000", -1, 9e11, [], True)
    ],
    UpstreamFault.SIGN_IN_TOO_OLD: [scene(claims={"auth_time": 7}, at_fresh=True)],
    UpstreamFault.USERINFO_UNREACHABLE: [scene(userinfo=Unreachable("no")), scene(userinfo=TimedOut("no"))],
    UpstreamFault.USERINFO_STATUS: [scene(userinfo=answer("", status)) for status in (302, 405, 429, 500, 502)],
    UpstreamFault.USERINFO_REFUSED: [
        scene(userinfo=answer("", status)) for status in (204, 400, 401, 403, 404, 410, 422)
    ],
    UpstreamFault.USERINFO_SIGNED: [
        scene(userinfo=answer(JWS, media_type="application/jwt")),
        scene(userinfo=answer(JWS, media_type="Application/JWT; charset=utf-8")),
        scene(userinfo=answer(JWS + "\n", media_type="text/plain")),
        scene(userinfo=answer(f'"{JWS}"')),
    ],
    UpstreamFault.USERINFO_ENCRYPTED: [
        scene(userinfo=answer(JWE, media_type="application/jwt")),
        scene(userinfo=answer(JWE)),
    ],
    UpstreamFault.USERINFO_UNREADABLE: [
        scene(userinfo=answer('{"sub": "amina", "name": "\\ud83d"}')),
        scene(userinfo=answer('{"sub": "amina", "name": "a", "name": "b"}')),
        scene(userinfo=answer('{"sub": "amina", "n": NaN}')),
        scene(userinfo=answer('{"sub": "amina", "n": ' + "[" * 100_000)),
        scene(userinfo=answer('{"sub": "amina", "n": ' + "9" * 5000 + "}")),
        scene(userinfo=answer(b'{"sub": "amina", "name": "\xff"}')),
        scene(userinfo=answer([AMINA])),
        scene(userinfo=answer(b"")),
        scene(userinfo=answer(AMINA, media_type="text/html")),
        scene(userinfo=ResponseTooLarge("no")),
    ],
    UpstreamFault.USERINFO_SUBJECT: [
        scene(userinfo=answer({**AMINA, "sub": value})) for value in (7, "other", None, ["amina"])
    ],
    UpstreamFault.USERINFO_NOT_SIGNED: [
        scene(userinfo_response=SIGNED),
        scene(userinfo_response=SIGNED, userinfo=answer("", media_type="application/jwt")),
        scene(userinfo_response=SIGNED, userinfo=answer("rubbish", media_type="application/jwt")),
    ],
    UpstreamFault.USERINFO_NOT_ENCRYPTED: [
        hidden(UserinfoForm.NESTED, userinfo=jwt({**AMINA})),
        hidden(UserinfoForm.ENCRYPTED, userinfo=jwt({**AMINA})),
    ],
    UpstreamFault.USERINFO_UNDECRYPTABLE: [
        hidden(UserinfoForm.NESTED, userinfo=answer(JWE)),
        hidden(UserinfoForm.ENCRYPTED, userinfo=answer(JWE)),
    ],
    UpstreamFault.USERINFO_FORM: [
        scene(userinfo_response=SIGNED, userinfo=answer(compact({"alg": "none"}, AMINA, b"x"))),
        hidden(UserinfoForm.NESTED, userinfo=answer(encrypted("{}"))),
        hidden(UserinfoForm.ENCRYPTED, userinfo=answer(encrypted("[]"))),
        hidden(UserinfoForm.ENCRYPTED, userinfo=answer(encrypted('{"sub": "amina", "sub": "b"}'))),
    ],
    UpstreamFault.USERINFO_KEYS: [scene(userinfo_response=SIGNED, userinfo=jwt({**AMINA}, OTHER))],
    UpstreamFault.USERINFO_UNPROVEN: [],  # as ID_TOKEN_UNPROVEN: the same function
    UpstreamFault.USERINFO_CLAIMS: [
        scene(userinfo_response=SIGNED, userinfo=jwt({**AMINA, name: value}))
        for name, value in (
            *(("iss", "https://other.example"), ("aud", "other"), ("aud", [])),
            *(("exp", 1), ("exp", "1"), ("iat", 9e9), ("nbf", 9e9)),
        )
    ],
    UpstreamFault.DID_UNREACHABLE: [proven(did=Unreachable("no"))],
    UpstreamFault.DID_STATUS: [proven(did=answer("", 404))],
    UpstreamFault.DID_UNREADABLE: [proven(did=answer("<p>"))],
    UpstreamFault.DID_UNUSABLE: [
        proven(did=answer({**DID_DOCUMENT, name: value}))
        for name, value in (
            *(("id", "did:web:other.example"), ("assertionMethod", None), ("assertionMethod", [])),
            *(("assertionMethod", ["#k-2"]), ("assertionMethod", ["#k"] * 70)),
            ("verificationMethod", [{**DID_METHOD, "controller": "did:web:other.example"}]),
            ("verificationMethod", [{**DID_METHOD, "publicKeyJwk": 7}]),
            ("verificationMethod", [{**DID_METHOD, "publicKeyJwk": {**IDENTITY_KEY.jwk, "d": "AA"}}]),
            ("verificationMethod", [{**DID_METHOD, "publicKeyJwk": {"kty": "EC", "crv": "P-256"}}]),
        )
    ],
    UpstreamFault.IDENTITY_MISSING: [proven(identity=None)],
    UpstreamFault.IDENTITY_FORM: [
        proven(identity={}),
        proven(identity="no token"),
        proven(identity=compact({"alg": "none"}, {}, b"x")),
        proven(identity_kid=None),
    ],
    UpstreamFault.IDENTITY_ENCRYPTED: [proven(identity=JWE)],
    UpstreamFault.IDENTITY_KEYS: [proven(identity_key=KEY), proven(identity_kid=f"{DID}#other")],
    UpstreamFault.IDENTITY_UNPROVEN: [],  # as ID_TOKEN_UNPROVEN: the same function
    UpstreamFault.IDENTITY_CLAIMS: [
        proven(said={name: value})
        for name, value in (
            *(("iss", "https://op.example"), ("iss", None), ("aud", "other"), ("aud", None)),
            *(("exp", 1), ("exp", None), ("nbf", 9e9), ("sub", None)),
        )
    ],
    UpstreamFault.IDENTITY_SUBJECT: [proven(said={"sub": "other"})],
    UpstreamFault.LEVEL_MISSING: [
        scene(claims={"acr": None}),
        scene(credential_answer=LevelAnswer(claim="vot"), credential_levels={"Cl": Level.HIGH}),
    ],
    UpstreamFault.LEVEL_UNKNOWN: [
        *(scene(claims={"acr": value}) for value in ("other", 7, ["eid:high"])),
        scene(level_answer=LevelAnswer(vtm="https://op.example/trustmark")),
    ],
    UpstreamFault.LOGOUT_TOKEN: [],  # no sign-in: test_logout_tokens.py has them
    UpstreamFault.ACTING_UNMAPPED: [
        scene(claims={"act": {"sub": "helper"}}),
        scene(userinfo=answer({**AMINA, "mandates": ["a"]})),
        scene(claims={"act": {"sub": "helper"}}, acting=ActingConfig(id="company.id")),
        scene(claims={"cnpj": "12.345.678/0001-00"}, acting=ActingConfig(signs=("cnpj",))),
    ],
    UpstreamFault.CLAIM_NOT_ALLOWED: [
        scene(claims={"sub_type": value}, claim_checks={"sub_type": ("user",)}) for value in ("client", 7, None, [])
    ],
    UpstreamFault.CLAIMS_MISSING: [scene(userinfo=answer({"sub": "amina"}))],
}

EACH = [(fault, number) for fault, scenes in SCENES.items() for number in range(len(scenes))]


def test_there_is_a_scene_for_every_fault() -> None:
    assert set(SCENES) == set(UpstreamFault) - RECHECKED


@pytest.mark.parametrize(("fault", "number"), EACH, ids=lambda value: str(value))
async def test_a_fault_is_refused_as_its_rule_says(system: System, fault: UpstreamFault, number: int) -> None:
    failure = await play(Wire(system), SCENES[fault][number])
    assert isinstance(failure, ProviderFailure), failure
    assert (failure.fault, failure.cause) == (fault, RULES[fault].cause)
    assert failure.outage is (RULES[fault].cause in OUTAGES)
    for secret in ("Amina", "Hughes", "1980-04-12"):
        assert secret not in failure.detail


async def test_the_test_provider_completes_a_sign_in(system: System) -> None:
    wire = Wire(system)
    assert isinstance(await wire.sign_in(wire.provider()), Identity)


@pytest.mark.parametrize("fault", [fault for fault in SCENES if RULES[fault].cause not in OUTAGES])
async def test_repeated_failures_by_one_citizen_do_not_open_the_circuit_breaker(
    system: System, fault: UpstreamFault
) -> None:
    for scene in SCENES[fault]:
        wire = Wire(system)
        watched = MonitoredProvider(wire.provider(), system)
        for _ in range(LEAST + 1):
            failure = await play(wire, scene)
            assert isinstance(failure, ProviderFailure)
            watched._count(failure)
        assert watched.current_health.working


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"tokens": {"id_token": JWE}}, ["JWE", "alg RSA-OAEP-256", "enc A256GCM", "id_token_encrypted_response_alg"]),
        ({"userinfo": answer(JWS, media_type="application/jwt")}, ["alg RS256", "userinfo_signed_response_alg"]),
        ({"userinfo": answer(JWE, media_type="application/jwt")}, ["alg RSA-OAEP-256", "userinfo_encrypted_response"]),
        ({"userinfo": answer("rubbish", media_type="application/jwt")}, ["no algorithm", "userinfo = false"]),
    ],
)
async def test_an_unreadable_token_is_described_with_the_setting_to_change(
    system: System, settings: dict[str, Any], expected: list[str]
) -> None:
    failure = await play(Wire(system), scene(**settings))
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.outage) == (ProviderFailureReason.UNSAFE, False)
    for word in expected:
        assert word in failure.detail


async def test_without_userinfo_a_provider_that_signs_it_is_not_asked_for_it(system: System) -> None:
    wire = Wire(system, userinfo=answer(JWS, media_type="application/jwt"), claims=AMINA)
    assert isinstance(await wire.sign_in(wire.provider(userinfo=False)), Identity)
    assert "/userinfo" not in wire.asked
