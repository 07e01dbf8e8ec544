"""Signed and encrypted responses, read by another library (Authlib)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from authlib.jose import JsonWebEncryption
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.jwk import ECKey, import_key

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import RIDES, RIDES_SERVICE, rides
from tests.support.key_server import KeyServer

SEALED = """
introspection = true
response_encryption = { alg = "ECDH-ES+A256KW", enc = "A256GCM" }
id_token_encryption = { alg = "ECDH-ES", enc = "A128CBC-HS256" }
userinfo_alg = "PS256"
userinfo_encryption = { alg = "ECDH-ES+A128KW", enc = "A128GCM" }
introspection_alg = "EdDSA"
introspection_encryption = { alg = "ECDH-ES", enc = "A256CBC-HS512" }
"""
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SIGNATURES = ["ES256", "PS256", "EdDSA"]


def known_keys(folder: Path) -> None:
    """The service's keys, made before the demonstration would make some: one to sign with, one to encrypt to."""
    kept = folder / ".demo" / "secrets"
    kept.mkdir(parents=True)
    own = ec.generate_private_key(ec.SECP256R1())
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (kept / f"{RIDES}.pem").write_bytes(pem)
    signs = {**ECKey.import_key(pem).as_dict(private=False), "kid": "of-rides", "use": "sig"}
    opens = {**ECKey.import_key(PEM).as_dict(private=False), "kid": "to-rides", "use": "enc"}
    (kept / f"{RIDES}.jwks.json").write_text(json.dumps({"keys": [signs, opens]}))


@pytest.fixture(scope="module", params=["jwks_file", "jwks_uri"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The whole product with that service, whose keys come from a file or from its JWKS URL."""
    folder = tmp_path_factory.mktemp("sealed")
    known_keys(folder)
    head, _, data = RIDES_SERVICE.partition("claims = ")
    server = KeyServer()
    server.body = (folder / ".demo" / "secrets" / f"{RIDES}.jwks.json").read_bytes()
    async with server.running():
        if request.param == "jwks_uri":
            head = head.replace('jwks_file = "../../.demo/secrets/rides.jwks.json"', f'jwks_uri = "{server.url}"')
        script = Script(files={"services/rides.toml": f"{head}{SEALED}claims = {data}"})
        async with staged(folder, script) as running:
            yield running


@pytest.fixture
def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser who signs in at the service."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


async def unsealed(raw_citizen: RawCitizen, token: str, alg: str, enc: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of the JWT in a JWE that came with these algorithms to the service's key."""
    opened = JsonWebEncryption().deserialize_compact(token, PEM)
    assert (opened["header"]["alg"], opened["header"]["enc"]) == (alg, enc)
    assert (opened["header"]["kid"], opened["header"]["cty"]) == ("to-rides", "JWT")
    signed = opened["payload"].decode()
    jwks = (await raw_citizen.http_sender.send("GET", f"{raw_citizen.issuer}/jwks")).expect().json
    keys = jwt.PyJWKSet.from_dict({"keys": [key for key in jwks["keys"] if key["use"] == "sig"]})
    header = jwt.get_unverified_header(signed)
    return header, jwt.decode(
        signed, keys[header["kid"]], SIGNATURES, audience=RIDES, issuer=raw_citizen.issuer, leeway=5
    )


async def signed_in(raw_citizen: RawCitizen) -> Reply:
    """The token response after a sign-in."""
    return (await raw_citizen.redeem(await raw_citizen.code())).expect()


async def test_id_tokens_are_signed_and_then_encrypted(raw_citizen: RawCitizen) -> None:
    tokens = (await signed_in(raw_citizen)).json
    header, claims = await unsealed(raw_citizen, tokens["id_token"], "ECDH-ES", "A128CBC-HS256")
    assert header["alg"] == "ES256"
    assert claims["acr"]


async def test_userinfo_comes_as_an_encrypted_jwt(raw_citizen: RawCitizen) -> None:
    reply = (await raw_citizen.userinfo((await signed_in(raw_citizen)).json["access_token"])).expect()
    assert reply.headers["Content-Type"] == "application/jwt"
    header, claims = await unsealed(raw_citizen, reply.body.decode(), "ECDH-ES+A128KW", "A128GCM")
    assert (header["alg"], claims["name"]) == ("PS256", "Amina Hughes")


async def test_introspection_responses_are_encrypted_jwts(raw_citizen: RawCitizen) -> None:
    tokens = (await signed_in(raw_citizen)).json
    for token, active in ((tokens["access_token"], True), ("nobodys", False)):
        reply = (await raw_citizen.introspect(token)).expect()
        assert reply.headers["Content-Type"] == "application/token-introspection+jwt"
        header, claims = await unsealed(raw_citizen, reply.body.decode(), "ECDH-ES", "A256CBC-HS512")
        assert (header["typ"], header["alg"]) == ("token-introspection+jwt", "EdDSA")
        assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
        assert claims["token_introspection"]["active"] is active


async def test_authorization_responses_are_encrypted_jwts(raw_citizen: RawCitizen) -> None:
    await raw_citizen.begin(response_mode="jwt")
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    response = (await raw_citizen.leave()).partition("response=")[2]
    _, claims = await unsealed(raw_citizen, response, "ECDH-ES+A256KW", "A256GCM")
    assert claims["state"] == raw_citizen.state
    (await raw_citizen.redeem(claims["code"])).expect()


@pytest.mark.parametrize("alg", ["ECDH-ES+A256KW", "RSA-OAEP-256"])
async def test_requests_may_be_encrypted_to_the_broker(raw_citizen: RawCitizen, alg: str) -> None:
    metadata = (
        (await raw_citizen.http_sender.send("GET", f"{raw_citizen.issuer}/.well-known/openid-configuration"))
        .expect()
        .json
    )
    assert alg in metadata["request_object_encryption_alg_values_supported"]
    jwks = (await raw_citizen.http_sender.send("GET", f"{raw_citizen.issuer}/jwks")).expect().json
    [key] = [key for key in jwks["keys"] if key["use"] == "enc" and key["alg"] == alg]
    inside = {
        "response_type": "code",
        "client_id": RIDES,
        "redirect_uri": raw_citizen.service.redirect_uri,
        "scope": "openid",
        "state": raw_citizen.state,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    signed = jwt.encode(inside, raw_citizen.service.key, "ES256", headers={"kid": raw_citizen.service.kid})
    token = jwe.encrypt_compact(
        {"alg": alg, "enc": "A256GCM", "kid": key["kid"]}, signed, import_key(key), [alg, "A256GCM"]
    )
    form = {"request": token, "response_type": "code", **raw_citizen.service.assertion()}
    (await raw_citizen.call("/par", form)).expect(201)
    spoiled = {**form, **raw_citizen.service.assertion(), "request": f"{token[:-6]}AAAAAA"}
    refused = (await raw_citizen.call("/par", spoiled)).expect(400)
    assert refused.json["error"] == "invalid_request_object"
