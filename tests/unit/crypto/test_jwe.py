"""JWE decryption: which tokens are accepted, and which are rejected."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe as other
from joserfc.jwk import ECKey, OctKey, RSAKey

from broker.crypto import jose, jwe
from broker.crypto.jose import InvalidToken, UnknownKey
from broker.crypto.jwe import DecryptionKey, EncryptionKey

ENCS = sorted(jwe.CONTENT)
PAYLOAD = b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln \x00\xff"


@cache
def key(alg: str, _number: int = 0) -> DecryptionKey:
    return jwe.load_decryption_key(jwe.new_decryption_key_pem(alg), alg)


def ring(*keys: DecryptionKey) -> Mapping[str, DecryptionKey]:
    return {each.kid: each for each in keys}


def public(mine: DecryptionKey, **changes: Any) -> EncryptionKey:
    (found,) = jwe.parse_encryption_keys({"keys": [{**mine.jwk, **changes}]})
    return found


def b64(value: bytes | Mapping[str, Any]) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def headed(token: str, **changes: Any) -> str:
    """A token with a changed header, whose authentication tag no longer matches."""
    head, _, rest = token.partition(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    header = {name: value for name, value in {**header, **changes}.items() if value is not ...}
    return f"{b64(header)}.{rest}"


def decrypt(token: str, *keys: DecryptionKey) -> jwe.Decrypted:
    return jwe.decrypt(token, ring(*keys), jwe.KEY_ALGORITHMS, ENCS)


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", jwe.KEY_ALGORITHMS)
def test_what_is_encrypted_to_a_key_is_read_with_it(alg: str, enc: str) -> None:
    mine = key(alg)
    opened = decrypt(jwe.encrypt(PAYLOAD, public(mine), alg, enc, cty="JWT"), *map(key, jwe.KEY_ALGORITHMS))
    assert opened.payload == PAYLOAD
    assert (opened.header["kid"], opened.header["cty"]) == (mine.kid, "JWT")


@given(st.binary(max_size=4000))
def test_any_payload_comes_back_as_it_was(payload: bytes) -> None:
    token = jwe.encrypt(payload or b"x", public(key("ECDH-ES+A256KW")), "ECDH-ES+A256KW", "A256GCM")
    assert decrypt(token, key("ECDH-ES+A256KW")).payload == (payload or b"x")


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256"])
def test_other_libraries_decrypt_our_tokens(alg: str) -> None:
    theirs = RSAKey.generate_key(2048) if alg.startswith("RSA") else ECKey.generate_key("P-256")
    (known,) = jwe.parse_encryption_keys({"keys": [{**theirs.as_dict(private=False), "use": "enc", "kid": "theirs"}]})
    token = jwe.encrypt(PAYLOAD, known, alg, "A256GCM")
    assert other.decrypt_compact(token, theirs, [alg, "A256GCM"]).plaintext == PAYLOAD


@pytest.mark.parametrize("alg", jwe.KEY_ALGORITHMS)
@pytest.mark.parametrize("part", range(5))
def test_a_changed_token_is_not_decrypted(alg: str, part: int) -> None:
    parts = jwe.encrypt(PAYLOAD, public(key(alg)), alg, "A128CBC-HS256").split(".")
    parts[part] = parts[part][:6] + ("A" if parts[part][6] != "A" else "B") + parts[part][7:]
    with pytest.raises(InvalidToken):
        decrypt(".".join(parts), key(alg))


def test_a_token_for_an_unknown_key_raises_unknown_key() -> None:
    token = jwe.encrypt(PAYLOAD, public(key("RSA-OAEP-256")), "RSA-OAEP-256", "A256GCM")
    with pytest.raises(UnknownKey):
        decrypt(token, key("RSA-OAEP-256", 1), key("ECDH-ES+A256KW"))
    with pytest.raises(UnknownKey):
        decrypt(headed(token, kid="../../dev/null"), key("RSA-OAEP-256"))


def test_a_token_without_kid_is_for_the_only_key_of_its_algorithm() -> None:
    mine = key("ECDH-ES+A256KW")
    token = jwe.encrypt(PAYLOAD, public(mine, kid=None), "ECDH-ES+A256KW", "A256GCM")
    assert decrypt(token, mine, key("RSA-OAEP-256")).payload == PAYLOAD
    with pytest.raises(InvalidToken, match="no kid says which"):
        decrypt(token, mine, key("ECDH-ES+A256KW", 1))


TRICKS: dict[str, dict[str, Any]] = {
    "compression": {"zip": "DEF"},
    "a critical extension": {"crit": ["zip"]},
    "a key of its own": {"jwk": {"kty": "EC"}},
    "an address of keys": {"jku": "https://evil.example"},
    "a password": {"alg": "PBES2-HS256+A128KW", "p2s": "AAAA", "p2c": 100_000_000},
    "a shared key": {"alg": "dir"},
    "RSA with PKCS 1": {"alg": "RSA1_5"},
    "RSA with SHA-1": {"alg": "RSA-OAEP"},
    "no algorithm": {"alg": ...},
    "an algorithm that is a list": {"alg": ["ECDH-ES+A256KW"]},
    "another content encryption": {"enc": "A192GCM"},
    "no content encryption": {"enc": ...},
    "a kid that is a number": {"kid": 1},
    "no ephemeral key": {"epk": ...},
    "an ephemeral key on another curve": {"epk": {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}},
    "an ephemeral key that is private": {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}},
    "an ephemeral key off the curve": {"epk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}},
    "an ephemeral key that is a text": {"epk": "EC"},
    "a long header": {"apu": "A" * 1024},
    "a party that is no text": {"apu": 1},
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_malicious_header_is_refused(trick: str) -> None:
    mine = key("ECDH-ES+A256KW")
    token = jwe.encrypt(PAYLOAD, public(mine), "ECDH-ES+A256KW", "A256GCM")
    with pytest.raises(InvalidToken):
        decrypt(headed(token, **TRICKS[trick]), mine)


def test_an_ephemeral_key_has_no_place_beside_rsa() -> None:
    token = jwe.encrypt(PAYLOAD, public(key("RSA-OAEP-256")), "RSA-OAEP-256", "A256GCM")
    with pytest.raises(InvalidToken, match="epk does not belong"):
        decrypt(headed(token, epk={"kty": "EC"}), key("RSA-OAEP-256"))


def test_really_compressed_content_is_refused() -> None:
    mine = key("ECDH-ES+A256KW")
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "zip": "DEF", "kid": mine.kid}
    token = other.encrypt_compact(header, b"0" * 100_000, mine.private, [header["alg"], header["enc"], "DEF"])
    with pytest.raises(InvalidToken, match="zip"):
        decrypt(token, mine)


def test_only_the_algorithms_that_are_asked_for_are_read() -> None:
    mine = key("ECDH-ES+A256KW")
    token = jwe.encrypt(PAYLOAD, public(mine), "ECDH-ES+A256KW", "A256GCM")
    with pytest.raises(InvalidToken, match="alg"):
        jwe.decrypt(token, ring(mine), ["RSA-OAEP-256"], ENCS)
    with pytest.raises(InvalidToken, match="enc"):
        jwe.decrypt(token, ring(mine), jwe.KEY_ALGORITHMS, ["A128GCM"])


@pytest.mark.parametrize(
    "token",
    ["", "a.b.c", "a.b.c.d.e.f", "é.a.a.a.a", "a b.c.d.e.f", f"{b64(b'[]')}.a.a.a.a", f"{b64(b'{{')}.a.a.a.a"],
)
def test_what_is_no_encrypted_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        decrypt(token, key("ECDH-ES+A256KW"))


def test_a_token_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(InvalidToken, match="at most 65536"):
        decrypt("a" * (jwe.MAX_ENCRYPTED + 1), key("ECDH-ES+A256KW"))


def test_a_header_member_twice_is_refused() -> None:
    header = b'{"alg":"dir","alg":"RSA-OAEP-256","enc":"A256GCM"}'
    with pytest.raises(InvalidToken, match="cannot be read"):
        decrypt(f"{b64(header)}.AAAA.AAAA.AAAA.AAAA", key("RSA-OAEP-256"))


def test_keys_of_others_that_are_not_for_encryption_are_skipped() -> None:
    mine = {**key("ECDH-ES+A256KW").jwk}
    odd = [
        {**mine, "use": "sig"},
        {name: value for name, value in mine.items() if name != "use"},
        {**mine, "alg": "RSA-OAEP-256"},
        {**mine, "crv": "P-521"},
        {**mine, "x": "AAAA"},
        {**mine, "kid": 3},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"},
        OctKey.generate_key(256).as_dict() | {"use": "enc"},
    ]
    assert jwe.parse_encryption_keys({"keys": odd}) == ()
    assert jwe.choose(jwe.parse_encryption_keys({"keys": [*odd, mine]}), "ECDH-ES+A256KW").kid == mine["kid"]
    with pytest.raises(UnknownKey):
        jwe.choose([], "ECDH-ES")
    with pytest.raises(InvalidToken):
        jwe.parse_encryption_keys({"keys": [mine] * 65})
    with pytest.raises(InvalidToken):
        jwe.parse_encryption_keys({"keys": "none"})


def test_encryption_with_an_algorithm_of_another_key_type_is_refused() -> None:
    for alg, enc in (("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", "A192GCM")):
        with pytest.raises(ValueError, match="the key serves"):
            jwe.encrypt(PAYLOAD, public(key("ECDH-ES+A256KW"), alg=None), alg, enc)


def test_a_key_shows_its_public_half_alone() -> None:
    for alg in jwe.KEY_ALGORITHMS:
        mine = key(alg)
        assert set(mine.jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        assert (mine.jwk["use"], mine.jwk["alg"], mine.kid) == ("enc", alg, jose.thumbprint(mine.jwk))
        assert "private" not in repr(mine)


@pytest.mark.parametrize("pem", [b"", jose.new_signing_key_pem("EdDSA")])
def test_a_pem_of_another_kind_is_no_key_for_decryption(pem: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        jwe.load_decryption_key(pem, "ECDH-ES+A256KW")
    with pytest.raises(ValueError, match="expected one of"):
        jwe.load_decryption_key(pem, "ECDH-ES")
    with pytest.raises(ValueError, match="expected one of"):
        jwe.new_decryption_key_pem("dir")
