"""JWK Sets and keys: which keys are accepted, selected by `kid` and `alg`, embedded in a proof; thumbprints."""

import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.crypto import jose
from broker.crypto.jose import InvalidToken, SigningKey, UnknownKey
from tests.unit.crypto.tokens import ALGORITHMS, CLAIMS, GOOD, PUBLIC, b64, handmade, key, keys


def test_the_public_half_shows_nothing_private() -> None:
    for alg in ALGORITHMS:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(jose.public_jwk(key(alg)))


def test_a_signing_key_does_not_show_itself_in_a_log() -> None:
    assert "private" not in repr(key("ES256"))


def test_a_key_signs_only_by_the_algorithm_it_is_published_for() -> None:
    token = pyjwt.encode(CLAIMS, key("PS256").private, "RS256", {"kid": key("PS256").kid})
    with pytest.raises(UnknownKey):
        jose.verify(token, keys(key("PS256")), ["RS256", "PS256"])


# Key sets
def test_an_unknown_kid_raises_unknown_key_and_not_bad_signature() -> None:
    token = jose.sign(CLAIMS, key("ES256"))
    with pytest.raises(UnknownKey):
        jose.verify(token, keys(key("ES256"), kid="other"), ["ES256"])
    with pytest.raises(InvalidToken) as refused:
        jose.verify(token[:-10] + "AAAAAAAAAA", keys(key("ES256")), ["ES256"])
    assert not isinstance(refused.value, UnknownKey)


def test_without_a_kid_the_only_fitting_key_is_taken_and_two_are_a_guess() -> None:
    token = handmade({"alg": "ES256"})
    other = jose.load_signing_key(jose.new_signing_key_pem("ES256"), "ES256")
    assert jose.verify(token, keys(key("RS256"), key("ES256")), ["ES256"]).claims == CLAIMS
    with pytest.raises(InvalidToken, match="exactly one"):
        jose.verify(token, keys(other, key("ES256")), ["ES256"])


def test_two_keys_may_share_a_kid_if_their_algorithms_differ() -> None:
    shared = keys(key("ES256"), key("RS256"), kid="k")
    assert jose.verify(handmade({"alg": "ES256", "kid": "k"}), shared, ["ES256"]).claims == CLAIMS
    with pytest.raises(InvalidToken, match="exactly one"):
        jose.verify(handmade({"alg": "ES256", "kid": "k"}), keys(key("ES256"), key("ES256"), kid="k"), ["ES256"])


def private_jwk() -> dict[str, Any]:
    return dict(pyjwt.get_algorithm_by_name("ES256").to_jwk(key("ES256").private, as_dict=True))


@pytest.mark.parametrize(
    "jwks",
    [
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [private_jwk()]},
        {"keys": [dict(PUBLIC), {**PUBLIC, "d": "AA"}]},
        {"keys": [{**jose.public_jwk(key("RS256")), "p": "AA"}]},
        {"keys": [dict(PUBLIC)] * 65},
        {"keys": dict(PUBLIC)},
        {"keys": [1]},
        {},
        b"[]",
        b"{",
        b'{"keys":[],"keys":[]}',
        b'{"keys":[]}' + b" " * jose.MAX_KEY_SET,
    ],
)
def test_a_key_set_that_is_none_or_shows_a_secret_is_refused(jwks: Any) -> None:
    with pytest.raises(InvalidToken):
        jose.parse_keys(jwks)


def rsa_jwk(bits: int, exponent: int = 65537) -> dict[str, Any]:
    public = rsa.generate_private_key(exponent, bits).public_key()
    return dict(pyjwt.get_algorithm_by_name("RS256").to_jwk(public, as_dict=True))


def curve_jwk(curve: ec.EllipticCurve) -> dict[str, Any]:
    return dict(pyjwt.get_algorithm_by_name("ES256").to_jwk(ec.generate_private_key(curve).public_key(), as_dict=True))


USELESS: dict[str, dict[str, Any]] = {
    "of an unknown kind": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
    "without a kind": {"crv": "P-256"},
    "whose kind is no text": {"kty": ["EC"], "crv": "P-256"},
    "whose curve is no text": {**PUBLIC, "crv": ["P-256"]},
    "on another curve": curve_jwk(ec.SECP384R1()),
    "on the curve of coins": curve_jwk(ec.SECP256K1()),
    "for encryption": {**PUBLIC, "use": "enc"},
    "for key agreement": {**PUBLIC, "key_ops": ["deriveKey"]},
    "whose operations are no list": {**PUBLIC, "key_ops": 1},
    "whose alg is another": {**PUBLIC, "alg": "ES384"},
    "whose alg is that of another kind": {**PUBLIC, "alg": "EdDSA"},
    "whose alg is no text": {**PUBLIC, "alg": ["ES256"]},
    "whose kid is no text": {**PUBLIC, "kid": 7},
    "off its curve": {**PUBLIC, "y": PUBLIC["x"]},
    "with a short coordinate": {**PUBLIC, "x": "AAAA"},
    "with a missing coordinate": {m: PUBLIC[m] for m in ("kty", "crv", "x")},
    "with a coordinate that is a number": {**PUBLIC, "x": 5},
    "with padding": {**PUBLIC, "x": PUBLIC["x"] + "="},
    "of 1024 bits": rsa_jwk(1024),
    "with the exponent 3": rsa_jwk(2048, 3),
}


@pytest.mark.filterwarnings("ignore:.*key.*:UserWarning")
@pytest.mark.parametrize("member", USELESS.values(), ids=USELESS.keys())
def test_a_key_of_no_use_is_skipped_with_its_reason_and_the_others_stay(member: dict[str, Any]) -> None:
    found = jose.parse_keys({"keys": [member, dict(PUBLIC)]})
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("key 0: ")
    assert jose.verify(handmade(GOOD), found, ["ES256"]).claims == CLAIMS


def test_a_key_set_may_hold_as_many_keys_as_the_limit_says() -> None:
    assert len(jose.parse_keys({"keys": [dict(PUBLIC)] * jose.MAX_KEYS}).keys[key("ES256").kid]) == jose.MAX_KEYS


def test_a_key_without_alg_serves_every_algorithm_of_its_kind() -> None:
    bare = {name: jose.public_jwk(key("RS256"))[name] for name in ("kty", "n", "e", "kid")}
    found = jose.parse_keys(json.dumps({"keys": [bare]}).encode())
    for alg in ("RS256", "PS256"):
        token = pyjwt.encode(CLAIMS, key("RS256").private, alg, {"kid": key("RS256").kid})
        assert jose.verify(token, found, ["RS256", "PS256"]).claims == CLAIMS


def test_an_edwards_key_is_known_by_its_old_and_its_new_name() -> None:
    signed = f"{b64({'alg': 'Ed25519', 'kid': key('EdDSA').kid})}.{b64(CLAIMS)}"
    private = key("EdDSA").private
    assert isinstance(private, Ed25519PrivateKey)
    token = f"{signed}.{b64(private.sign(signed.encode()))}"
    assert jose.verify(token, keys(key("EdDSA")), ["Ed25519"]).claims == CLAIMS


# Tokens that bring their key
def proof(signing: SigningKey, jwk: Any = None, **headers: Any) -> str:
    jwk = {m: v for m, v in signing.jwk.items() if m in ("kty", "crv", "x", "y", "n", "e")} if jwk is None else jwk
    return jose.sign({"jti": "1"}, signing, "dpop+jwt", {"jwk": jwk, **headers})


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_that_brings_its_key_proves_possession_of_it(alg: str) -> None:
    verified = jose.verify_embedded(proof(key(alg)), ALGORITHMS, "dpop+jwt")
    assert verified.claims == {"jti": "1"}
    assert jose.thumbprint(verified.header["jwk"]) == key(alg).kid


EMBEDDED: dict[str, str] = {
    "no key": jose.sign(CLAIMS, key("ES256"), "dpop+jwt"),
    "a key that is a list": proof(key("ES256"), [dict(PUBLIC)]),
    "a private key": proof(key("ES256"), private_jwk()),
    "a symmetric key": proof(key("ES256"), {"kty": "oct", "k": "AAAA"}),
    "another key": proof(key("ES256"), dict(jose.public_jwk(key("EdDSA")))),
    "a key on another curve": proof(key("ES256"), curve_jwk(ec.SECP384R1())),
    "an address of keys besides": proof(key("ES256"), jku="https://evil.example"),
    "certificates besides": proof(key("ES256"), x5c=["MIIB"]),
    "critical extensions": proof(key("ES256"), crit=["jwk"]),
    "another typ": jose.sign(CLAIMS, key("ES256"), "JWT", {"jwk": dict(PUBLIC)}),
    "no typ": jose.sign(CLAIMS, key("ES256"), None, {"jwk": dict(PUBLIC)}),
    "far too much": proof(key("ES256"), more="x" * jose.MAX_EMBEDDED),
    "a signature of another's": proof(key("ES256"))[:-20] + "A" * 20,
}


@pytest.mark.parametrize("token", EMBEDDED.values(), ids=EMBEDDED.keys())
def test_a_proof_is_refused_that_brings(token: str) -> None:
    with pytest.raises(InvalidToken):
        jose.verify_embedded(token, ALGORITHMS, "dpop+jwt")


def test_a_weak_key_proves_nothing() -> None:
    private = rsa.generate_private_key(65537, 1024)
    jwk = dict(pyjwt.get_algorithm_by_name("RS256").to_jwk(private.public_key(), as_dict=True))
    signed = f"{b64({'alg': 'RS256', 'typ': 'dpop+jwt', 'jwk': jwk})}.{b64(CLAIMS)}"
    signature = pyjwt.get_algorithm_by_name("RS256").sign(signed.encode(), private)
    with pytest.raises(InvalidToken, match="1024"):
        jose.verify_embedded(f"{signed}.{b64(signature)}", ALGORITHMS, "dpop+jwt")


# Signing keys
def test_the_thumbprint_is_that_of_the_standard() -> None:
    """The example of RFC 7638 3.1."""
    jwk = {
        "kty": "RSA",
        "n": (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
            "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
            "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
            "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        ),
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert jose.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_a_key_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidToken):
        jose.thumbprint({"kty": "oct", "k": "AAAA"})


def pem(private: Any) -> bytes:
    return bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("content", "alg"),
    [
        (b"", "ES256"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "ES256"),
        (jose.new_signing_key_pem("ES256"), "RS256"),
        (jose.new_signing_key_pem("ES256"), "EdDSA"),
        (jose.new_signing_key_pem("EdDSA"), "ES256"),
        (jose.new_signing_key_pem("ES256"), "HS256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "ES256"),
        (pem(rsa.generate_private_key(65537, 1024)), "RS256"),
    ],
)
def test_a_file_that_is_no_key_for_its_algorithm_is_refused(content: bytes, alg: str) -> None:
    with pytest.raises(ValueError, match=r"key|algorithm"):
        jose.load_signing_key(content, alg)


def test_no_key_is_made_for_an_unknown_algorithm() -> None:
    with pytest.raises(ValueError, match="HS256"):
        jose.new_signing_key_pem("HS256")
