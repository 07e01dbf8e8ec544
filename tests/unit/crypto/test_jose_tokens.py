"""JWS verification: which tokens are accepted."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt as python_jose

from broker.crypto import jose
from broker.crypto.jose import InvalidToken
from tests.unit.crypto.tokens import ALGORITHMS, CLAIMS, GOOD, PUBLIC, b64, handmade, key, keys


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


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_token_is_rejected(alg: str, part: int) -> None:
    parts = jose.sign(CLAIMS, key(alg)).split(".")
    letters = parts[part]
    parts[part] = letters[:10] + ("A" if letters[10] != "A" else "B") + letters[11:]
    with pytest.raises(InvalidToken):
        jose.verify(".".join(parts), keys(key(alg)), ALGORITHMS)


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
def test_a_malicious_header_is_refused_despite_a_valid_signature(header: Mapping[str, Any] | str | bytes) -> None:
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
    private = key("RS256").private
    assert isinstance(private, RSAPrivateKey)
    public = private.public_key()
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
def test_any_text_is_verified_or_raises_untrusted(token: str) -> None:
    with pytest.raises(InvalidToken):
        jose.verify(token, keys(key("ES256")), ALGORITHMS)
    with pytest.raises(InvalidToken):
        jose.verify_embedded(token, ALGORITHMS, "dpop+jwt")
    assert jose.claimed(token, "iss") is None


def test_an_algorithm_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(InvalidToken, match="RS256"):
        jose.verify(jose.sign(CLAIMS, key("RS256")), keys(key("RS256")), ["ES256", "PS256"])


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


def test_a_hash_claim_is_that_of_the_standard() -> None:
    """The example of OpenID Connect Core A.3."""
    assert jose.hash_claim("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_the_issuer_is_read_before_verification() -> None:
    assert jose.claimed(jose.sign({"iss": "service"}, key("ES256")), "iss") == "service"
    assert jose.claimed(jose.sign({"iss": 1}, key("ES256")), "iss") is None
