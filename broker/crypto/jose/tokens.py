"""Tokens: signing and verifying, with the checks of RFC 8725 around the algorithms."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from broker.crypto.jose.algorithms import ALGORITHMS
from broker.crypto.jose.keys import BadSignature, KeySet, PublicKey, SigningKey, UnknownKey, public_key
from broker.crypto.jose.text import InvalidToken, encode, json_object
from broker.platform import base64url

MAX_TOKEN: Final = 65_536
MAX_EMBEDDED: Final = 8_192
_USUAL_HEADER: Final = 1_024
_KNOWN: Final = 256
"""Up to which length (characters) headers are remembered, and how many of them."""

_REFUSED_HEADERS: Final = ("jku", "x5u", "x5c", "crit", "b64")
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature holds. The times and names in `claims` are for the caller to check."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def _split(token: str, limit: int) -> tuple[bytes, str, bytes, bytes]:
    """What was signed, then the header as it came, and payload and signature decoded."""
    if len(token) > limit:
        raise InvalidToken(f"token of {len(token)} characters: at most {limit} are read")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise InvalidToken("not a JWS in compact form: expected three parts in base64url")
    try:
        return token[: match.end(2)].encode("ascii"), match[1], base64url.decode(match[2]), base64url.decode(match[3])
    except ValueError:
        raise InvalidToken("not a JWS in compact form: a part is not base64url") from None


def _header(encoded: str) -> Mapping[str, Any]:
    return _known_header(encoded) if len(encoded) <= _USUAL_HEADER else _read_header(encoded)


def _read_header(encoded: str) -> Mapping[str, Any]:
    try:
        head = base64url.decode(encoded)
    except ValueError:
        raise InvalidToken("not a JWS in compact form: a part is not base64url") from None
    return MappingProxyType(json_object(head, "header"))


_known_header: Final = lru_cache(_KNOWN)(_read_header)
"""Whoever signs again and again does it with the same header, which is read once. Nothing is believed by this."""


@lru_cache(_KNOWN)
def _embedded_key(encoded: str) -> PublicKey:
    """The key in a header. One who proves possession of a key comes back with it, and it is imported once."""
    jwk = _header(encoded).get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidToken("header jwk is missing")
    key = public_key(jwk, largest=4096)
    if isinstance(key, str):
        raise InvalidToken(f"header jwk: {key}")
    return key


def _algorithm(header: Mapping[str, Any], algorithms: Collection[str]) -> str:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or alg not in ALGORITHMS:
        raise InvalidToken(f"alg {str(alg)[:32]!r}: expected one of {sorted(algorithms)}")
    return alg


def _check_header(
    header: Mapping[str, Any], algorithms: Collection[str], typ: str | Collection[str | None] | None
) -> str:
    alg = _algorithm(header, algorithms)
    for name in _REFUSED_HEADERS:
        if name in header:
            raise InvalidToken(f"header {name} is not accepted")
    if not isinstance(header.get("kid", ""), str):
        raise InvalidToken("kid is not a string")
    found = header.get("typ")
    expected = ("jwt", None) if typ is None else (typ,) if isinstance(typ, str) else tuple(typ)
    short = found.lower().removeprefix("application/") if isinstance(found, str) else found
    if short not in expected:
        raise InvalidToken(f"typ {str(found)[:64]!r}: expected one of {expected}")
    return alg


def _check_signature(signed: bytes, signature: bytes, key: PublicKey, alg: str) -> None:
    if not ALGORITHMS[alg].verify(signed, key.public, signature):
        raise BadSignature("signature does not hold")


def verify(
    token: str, keys: KeySet, algorithms: Collection[str], typ: str | Collection[str | None] | None = None
) -> Verified:
    """The content of a JWS whose signature one of `keys` made with one of `algorithms` (RFC 7515 5.2, RFC 8725 3).

    `typ` (lower case, without `application/`) is what the header must say; None means `JWT` or nothing (RFC 8725 3.11).
    Raises UnknownKey where no key fits, Untrusted for everything else that is wrong. Times are not looked at.
    """
    signed, head, payload, signature = _split(token, MAX_TOKEN)
    header = _header(head)
    alg = _check_header(header, algorithms, typ)
    if "jwk" in header:
        raise InvalidToken("header jwk is not accepted")
    _check_signature(signed, signature, keys.find(header.get("kid"), alg), alg)
    return Verified(header, json_object(payload, "payload"))


def verify_issued(token: str, keys: KeySet, algorithms: Collection[str]) -> Verified:
    """The content of a JWS of an issuer that has its own habits, by the keys that it publishes (RFC 7515 5.2).

    `verify` is for tokens whose form this broker prescribes. Here the header may hold whatever it likes: what is not
    needed is ignored (RFC 7515 4), above all every key and every address of keys. `crit` is refused, since none of
    its extensions is known (4.1.11), and so is an unencoded payload (RFC 7797 6). If several published keys fit, each
    is tried: a `kid` is a hint (4.1.4).

    Raises UnknownKey if no key fits, BadSignature if none of those that fit made the signature, Untrusted for
    everything else that is wrong. Times are not checked.
    """
    signed, head, payload, signature = _split(token, MAX_TOKEN)
    header = _header(head)
    alg = _algorithm(header, algorithms)
    if "crit" in header:
        raise InvalidToken("header crit is not accepted")
    if header.get("b64", True) is not True:
        raise InvalidToken("header b64: expected an encoded payload")
    kid = header.get("kid")
    if not isinstance(kid, str | None):
        raise InvalidToken("kid is not a string")
    if not any(ALGORITHMS[alg].verify(signed, key.public, signature) for key in keys.candidates(kid, alg)):
        raise BadSignature("signature does not hold")
    return Verified(header, json_object(payload, "payload"))


def verify_embedded(token: str, algorithms: Collection[str], typ: str) -> Verified:
    """The content of a JWS that brings its own public key, as a DPoP proof does and nothing else may (RFC 9449 4.3).

    It proves possession of the key in `header["jwk"]`, not who holds it. Keys: EC P-256, Ed25519, RSA of 2048 to 4096
    bits. Raises InvalidToken.
    """
    signed, head, payload, signature = _split(token, MAX_EMBEDDED)
    header = _header(head)
    alg = _check_header(header, algorithms, typ)
    key = _embedded_key(head)
    if alg not in key.algorithms:
        raise InvalidToken(f"alg {alg} does not fit the key in jwk")
    _check_signature(signed, signature, key, alg)
    return Verified(header, json_object(payload, "payload"))


def claimed_issuer(token: str) -> str | None:
    """The `iss` a token states, before anything is verified: good for finding whose keys to verify it with, no more.

    None where it cannot be read.
    """
    try:
        issuer = json_object(_split(token, MAX_TOKEN)[2], "payload").get("iss")
    except InvalidToken:
        return None
    return issuer if isinstance(issuer, str) else None


def lacks_key(token: str, keys: KeySet) -> bool:
    """Whether no key of the set fits what a token's header names, before anything is verified.

    False for a token that cannot be read, or that no key could verify: no other set would help.
    """
    try:
        header = _header(_split(token, MAX_TOKEN)[1])
        alg, kid = header.get("alg"), header.get("kid")
        if not isinstance(alg, str) or alg not in ALGORITHMS or not isinstance(kid, str | None):
            return False
        keys.find(kid, alg)
    except UnknownKey:
        return True
    except InvalidToken:
        return False
    return False


def sign(
    claims: Mapping[str, Any], key: SigningKey, typ: str | None = None, headers: Mapping[str, Any] | None = None
) -> str:
    """A JWS in compact form over the claims as JSON (RFC 7515 7.1). `headers` adds to `alg`, `kid` and `typ`."""
    prefix = key.prefix
    if typ is not None or headers:
        header = {**(headers or {}), "alg": key.alg, "kid": key.kid} | ({"typ": typ} if typ is not None else {})
        prefix = base64url.encode(encode(header).encode())
    signed = f"{prefix}.{base64url.encode(encode(dict(claims)).encode())}"
    return f"{signed}.{base64url.encode(ALGORITHMS[key.alg].sign(signed.encode('ascii'), key.private))}"


def hash_claim(value: str, alg: str) -> str:
    """`at_hash` or `c_hash` of a value, for an ID token signed with `alg` (OpenID Connect Core 3.1.3.6).

    Half of SHA-256, or of SHA-512 for Ed25519, in base64url.
    """
    digest = (hashlib.sha512 if alg in ("EdDSA", "Ed25519") else hashlib.sha256)(value.encode("ascii")).digest()
    return base64url.encode(digest[: len(digest) // 2])
