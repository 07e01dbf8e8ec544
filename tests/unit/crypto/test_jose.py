"""JWS verification: which tokens and keys are accepted."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt as python_jose

from broker.crypto import jose
from broker.crypto.jose import InvalidToken, KeySet, SigningKey, UnknownKey

CLAIMS = {"iss": "https://broker.example", "sub": "abc", "aud": "service", "nonce": "n", "exp": 1}
ALGORITHMS = ("ES256", "PS256", "RS256", "EdDSA")


@cache
def key(alg: str) -> SigningKey:
    return jose.load_signing_key(jose.new_signing_key_pem(alg), alg)


def keys(*signing: SigningKey, **changes: Any) -> KeySet:
    return jose.parse_keys({"keys": [{**jose.public_jwk(each), **changes} for each in signing]})


def b64(value: bytes | str | Mapping[str, Any]) -> str:
    if isinstance(value, Mapping):
        value = json.dumps(value)
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handmade(header: bytes | str | Mapping[str, Any], payload: bytes | str | Mapping[str, Any] = CLAIMS) -> str:
    """A token whose signature of ES256 is right, whatever its header and payload say."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(pyjwt.get_algorithm_by_name('ES256').sign(signed.encode(), key('ES256').private))}"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_is_read_back_by_the_public_half_of_its_key(alg: str) -> None:
    verified = jose.verify(jose.sign(CLAIMS, key(alg)), keys(key(alg)), [alg])
    assert verified.claims == CLAIMS
    assert verified.header == {"alg": alg, "kid": key(alg).kid}


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_python_jose_reads_our_tokens(alg: str) -> None:
    token = jose.sign({**CLAIMS, "exp": 4_000_000_000}, key(alg), typ="JWT")
    assert python_jose.decode(token, dict(jose.public_jwk(key(alg))), [alg], audience="service")["sub"] == "abc"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_pyjwt_reads_our_tokens(alg: str) -> None:
    token = jose.sign({**CLAIMS, "exp": 4_000_000_000}, key(alg))
    public = pyjwt.PyJWK(dict(jose.public_jwk(key(alg))))
    assert pyjwt.decode(token, public, [alg], audience="service")["sub"] == "abc"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_tokens_of_another_library_are_read(alg: str) -> None:
    token = pyjwt.encode(CLAIMS, key(alg).private, alg, {"kid": key(alg).kid})
    assert jose.verify(token, keys(key(alg)), ALGORITHMS).claims == CLAIMS


def test_the_public_half_shows_nothing_private() -> None:
    for alg in ALGORITHMS:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(jose.public_jwk(key(alg)))


def test_a_signing_key_does_not_show_itself_in_a_log() -> None:
    assert "private" not in repr(key("ES256"))


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_token_is_not_believed(alg: str, part: int) -> None:
    parts = jose.sign(CLAIMS, key(alg)).split(".")
    letters = parts[part]
    parts[part] = letters[:10] + ("A" if letters[10] != "A" else "B") + letters[11:]
    with pytest.raises(InvalidToken):
        jose.verify(".".join(parts), keys(key(alg)), ALGORITHMS)


PUBLIC = jose.public_jwk(key("ES256"))
GOOD = {"alg": "ES256", "kid": key("ES256").kid}

TRICKS: dict[str, Mapping[str, Any] | str | bytes] = {
    "no algorithm": {"kid": GOOD["kid"]},
    "the algorithm none": {**GOOD, "alg": "none"},
    "none in other letters": {**GOOD, "alg": "nOnE"},
    "a symmetric algorithm": {**GOOD, "alg": "HS256"},
    "an algorithm that is a list": {**GOOD, "alg": ["ES256"]},
    "an algorithm that is null": {**GOOD, "alg": None},
    "an algorithm of another key": {**GOOD, "alg": "RS256"},
    "an encryption algorithm": {**GOOD, "alg": "RSA-OAEP"},
    "a key of its own": {**GOOD, "jwk": dict(PUBLIC)},
    "an address of keys": {**GOOD, "jku": "https://evil.example/jwks"},
    "an address of certificates": {**GOOD, "x5u": "https://evil.example/x5u"},
    "certificates of its own": {**GOOD, "x5c": ["MIIB"]},
    "critical extensions": {**GOOD, "crit": ["exp"]},
    "empty critical extensions": {**GOOD, "crit": []},
    "a payload that is not encoded": {**GOOD, "b64": False},
    "a kid that is a number": {**GOOD, "kid": 1},
    "a kid that is null": {**GOOD, "kid": None},
    "a kid that is a path": {**GOOD, "kid": "../../dev/null"},
    "a typ of another use": {**GOOD, "typ": "dpop+jwt"},
    "a typ of a logout token": {**GOOD, "typ": "logout+jwt"},
    "a typ that is a list": {**GOOD, "typ": ["JWT"]},
    "a member twice": f'{{"alg":"none","alg":"ES256","kid":"{GOOD["kid"]}"}}',
    "no object": '["ES256"]',
    "no JSON": "ES256",
    "bytes that are no text": b"\xff\xfe{}",
    "NaN": f'{{"alg":"ES256","kid":"{GOOD["kid"]}","x":NaN}}',
    "endless nesting": '{"alg":"ES256","x":' + "[" * 9000 + "]" * 9000 + "}",
}


@pytest.mark.parametrize("header", TRICKS.values(), ids=TRICKS.keys())
def test_a_header_with_a_trick_is_refused_though_the_signature_holds(header: Mapping[str, Any] | str | bytes) -> None:
    assert jose.verify(handmade(GOOD), keys(key("ES256")), ALGORITHMS).claims == CLAIMS
    with pytest.raises(InvalidToken):
        jose.verify(handmade(header), keys(key("ES256")), [*ALGORITHMS, "none", "HS256"])


PAYLOADS: dict[str, str | bytes] = {
    "a member twice": '{"sub":"a","sub":"b"}',
    "an inner member twice": '{"a":{"sub":"a","sub":"b"}}',
    "no object": '"abc"',
    "a lone surrogate": '{"sub":"\\ud800"}',
    "infinity": '{"exp":Infinity}',
    "a number beyond all bounds": '{"exp":1e999}',
    "a number of ten thousand digits": '{"exp":' + "9" * 10_000 + "}",
    "bytes that are no text": b'{"sub":"\xff"}',
    "nothing": b"\x00",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_payload_that_two_readers_could_read_differently_is_refused(payload: str | bytes) -> None:
    with pytest.raises(InvalidToken):
        jose.verify(handmade(GOOD, payload), keys(key("ES256")), ["ES256"])


def test_a_public_key_is_never_used_as_a_secret() -> None:
    public = key("RS256").private.public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        signed = f"{b64({'alg': 'HS256', 'kid': key('RS256').kid})}.{b64(CLAIMS)}"
        token = f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
        with pytest.raises(InvalidToken):
            jose.verify(token, keys(key("RS256")), ["RS256", "HS256"])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "{}",
        '{"payload":"","signatures":[]}',
        f"{b64(GOOD)}.{b64(CLAIMS)}.",
        pytest.param(f"{b64(GOOD)}..{b64('x')}", id="no payload"),
        handmade(GOOD) + "=",
        handmade(GOOD) + "\n",
        " " + handmade(GOOD),
        handmade(GOOD).replace("-", "+") + "+",
        handmade(GOOD) + "AAAA",
        f"{b64(GOOD)}.{b64(CLAIMS)}.A",
        handmade(GOOD, {"x": "a" * jose.MAX_TOKEN}),
    ],
)
def test_what_is_no_token_in_compact_form_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        jose.verify(token, keys(key("ES256")), ["ES256"])


def test_a_signature_of_zeros_is_refused() -> None:
    token = f"{b64(GOOD)}.{b64(CLAIMS)}.{b64(bytes(64))}"
    with pytest.raises(InvalidToken):
        jose.verify(token, keys(key("ES256")), ["ES256"])


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,90}", fullmatch=True))
def test_whatever_comes_is_either_believed_or_untrusted(token: str) -> None:
    with pytest.raises(InvalidToken):
        jose.verify(token, keys(key("ES256")), ALGORITHMS)
    with pytest.raises(InvalidToken):
        jose.verify_embedded(token, ALGORITHMS, "dpop+jwt")
    assert jose.claimed_issuer(token) is None


def test_an_algorithm_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(InvalidToken, match="RS256"):
        jose.verify(jose.sign(CLAIMS, key("RS256")), keys(key("RS256")), ["ES256", "PS256"])


def test_a_key_signs_only_by_the_algorithm_it_is_published_for() -> None:
    token = pyjwt.encode(CLAIMS, key("PS256").private, "RS256", {"kid": key("PS256").kid})
    with pytest.raises(UnknownKey):
        jose.verify(token, keys(key("PS256")), ["RS256", "PS256"])


@pytest.mark.parametrize(
    ("typ", "expected"),
    [
        ("JWT", None),
        ("jwt", None),
        ("application/JWT", None),
        ("logout+jwt", "logout+jwt"),
        ("Logout+JWT", "logout+jwt"),
        ("application/logout+jwt", "logout+jwt"),
        ("client-authentication+jwt", ("jwt", None, "client-authentication+jwt")),
    ],
)
def test_the_typ_is_compared_as_a_media_type(typ: str, expected: Any) -> None:
    assert jose.verify(jose.sign(CLAIMS, key("ES256"), typ), keys(key("ES256")), ["ES256"], expected).claims == CLAIMS


def test_a_token_without_typ_is_no_logout_token() -> None:
    with pytest.raises(InvalidToken, match="typ"):
        jose.verify(jose.sign(CLAIMS, key("ES256")), keys(key("ES256")), ["ES256"], "logout+jwt")


def test_our_own_headers_cannot_be_overruled() -> None:
    token = jose.sign(CLAIMS, key("ES256"), headers={"alg": "none", "kid": "other", "more": 1})
    assert jose.verify(token, keys(key("ES256")), ["ES256"]).header == {**GOOD, "more": 1}


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
    token = f"{signed}.{b64(key('EdDSA').private.sign(signed.encode()))}"
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


def test_a_hash_claim_is_that_of_the_standard() -> None:
    """The example of OpenID Connect Core A.3."""
    assert jose.hash_claim("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


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


def test_the_issuer_can_be_seen_before_anything_is_believed() -> None:
    assert jose.claimed_issuer(jose.sign({"iss": "service"}, key("ES256"))) == "service"
    assert jose.claimed_issuer(jose.sign({"iss": 1}, key("ES256"))) is None
