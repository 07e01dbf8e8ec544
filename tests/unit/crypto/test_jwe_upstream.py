"""Decryption of tokens from providers: every algorithm, several keys, and what is rejected."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from broker.crypto.jose import InvalidToken, UnknownKey
from broker.crypto.jwe_upstream import (
    UPSTREAM_CONTENT,
    UPSTREAM_KEY_ALGORITHMS,
    DecryptionPolicy,
    UpstreamDecryptionKey,
    decrypt_upstream,
    load_upstream_decryption_key,
)
from broker.platform import base64url

ALL = DecryptionPolicy(UPSTREAM_KEY_ALGORITHMS, UPSTREAM_CONTENT)


def made(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, alg: str) -> UpstreamDecryptionKey:
    """A key of the broker."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_upstream_decryption_key(pem, alg)


P256 = made(ec.generate_private_key(ec.SECP256R1()), "ECDH-ES+A256KW")
OLD = made(ec.generate_private_key(ec.SECP256R1()), "ECDH-ES+A256KW")
P384 = made(ec.generate_private_key(ec.SECP384R1()), "ECDH-ES")
P521 = made(ec.generate_private_key(ec.SECP521R1()), "ECDH-ES")
RSA = made(rsa.generate_private_key(65537, 2048), "RSA-OAEP")
OURS = (P256, P384, P521, RSA)


def encrypted(key: UpstreamDecryptionKey, alg: str, enc: str = "A256GCM", **header: object) -> str:
    """A token of a provider that knows only the public half."""
    kind = RSAKey if key.jwk["kty"] == "RSA" else ECKey
    public = kind.import_key(dict(key.jwk))
    registry = jwe.JWERegistry(algorithms=[alg, enc, "DEF"], strict_check_header=False)
    return jwe.encrypt_compact({"alg": alg, "enc": enc, **header}, b"inside", public, registry=registry)


@pytest.mark.parametrize("enc", UPSTREAM_CONTENT)
@pytest.mark.parametrize("alg", UPSTREAM_KEY_ALGORITHMS)
def test_every_algorithm_decrypts_with_and_without_kid(alg: str, enc: str) -> None:
    for key in (RSA,) if alg.startswith("RSA") else (P256, P384, P521):
        for named in ({}, {"kid": key.kid}):
            assert decrypt_upstream(encrypted(key, alg, enc, **named), OURS, ALL).payload == b"inside"


def test_a_kid_selects_the_current_or_the_previous_key() -> None:
    for key in (P256, OLD):
        token = encrypted(key, "ECDH-ES+A256KW", kid=key.kid)
        assert decrypt_upstream(token, (P256, OLD), ALL).header["kid"] == key.kid
    assert decrypt_upstream(encrypted(OLD, "ECDH-ES"), (P256, OLD), ALL).payload == b"inside"


def test_headers_that_are_not_needed_are_ignored() -> None:
    token = encrypted(P256, "ECDH-ES", typ="JWT", cty="JWT", x5t="abc", iss="https://op.example")
    assert decrypt_upstream(token, OURS, ALL).payload == b"inside"


def test_the_public_key_names_its_use_and_algorithm() -> None:
    assert P256.jwk["use"] == "enc"
    assert P256.jwk["alg"] == "ECDH-ES+A256KW"
    assert "d" not in P256.jwk
    assert "d" not in RSA.jwk


@pytest.mark.parametrize(
    ("policy", "token"),
    [
        (DecryptionPolicy(("RSA-OAEP-256",), UPSTREAM_CONTENT), encrypted(P256, "ECDH-ES")),
        (DecryptionPolicy(UPSTREAM_KEY_ALGORITHMS, ("A128GCM",)), encrypted(P256, "ECDH-ES")),
        (ALL, encrypted(P256, "ECDH-ES", zip="DEF")),
        (ALL, encrypted(P256, "ECDH-ES")[:-4] + "AAAA"),
        (ALL, "a.b.c"),
        (ALL, "x" * 70_000),
    ],
)
def test_other_algorithms_compression_and_altered_tokens_are_rejected(policy: DecryptionPolicy, token: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        decrypt_upstream(token, OURS, policy)
    assert not isinstance(caught.value, UnknownKey)


@pytest.mark.parametrize(
    "change", [{"crit": ["exp"]}, {"p2c": 1_000_000}, {"kid": 7}, {"epk": {"kty": "EC", "d": "AA"}}, {"epk": None}]
)
def test_crafted_headers_are_rejected(change: dict[str, object]) -> None:
    head, _, rest = encrypted(P256, "ECDH-ES").partition(".")
    header = {**json.loads(base64url.decode(head)), **change}
    with pytest.raises(InvalidToken):
        decrypt_upstream(f"{base64url.encode(json.dumps(header).encode())}.{rest}", OURS, ALL)


def test_a_token_for_another_key_is_not_decrypted() -> None:
    with pytest.raises(UnknownKey):
        decrypt_upstream(encrypted(P256, "ECDH-ES", kid="elsewhere"), OURS, ALL)
    with pytest.raises(UnknownKey):
        decrypt_upstream(encrypted(P384, "ECDH-ES"), (P256,), ALL)
    with pytest.raises(InvalidToken):
        decrypt_upstream(encrypted(P256, "ECDH-ES"), (OLD,), ALL)


def test_unusable_keys_are_rejected() -> None:
    for pem in (b"", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(ValueError, match="PEM"):
            load_upstream_decryption_key(pem, "ECDH-ES")
    with pytest.raises(ValueError, match="does not serve"):
        made(ec.generate_private_key(ec.SECP256R1()), "RSA-OAEP")
    with pytest.raises(ValueError, match="no key on"):
        made(ec.generate_private_key(ec.SECP256K1()), "ECDH-ES")
