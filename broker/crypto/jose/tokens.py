"""Tokens: JWS signing and verification, with the checks of RFC 8725 around the algorithms."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from broker.crypto.jose.algorithms import ALGORITHMS, SIGNATURE_ALGORITHMS
from broker.crypto.jose.keys import BadSignature, KeySet, PublicKey, SigningKey, UnknownKey, public_key
from broker.crypto.jose.text import InvalidToken, encode, json_object
from broker.model.json_types import JsonObject
from broker.platform import base64url

MAX_TOKEN: Final = 65_536
MAX_EMBEDDED: Final = 8_192
_USUAL_HEADER: Final = 1_024
_KNOWN: Final = 256
"""Cache of parsed headers: maximum length of a header in characters, and number of entries."""

_REFUSED_HEADERS: Final = ("jku", "x5u", "x5c", "crit", "b64")
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verified:
    """Token with a valid signature. The caller checks times and names in `claims`."""

    header: JsonObject
    claims: JsonObject


def _split(token: str, limit: int) -> tuple[bytes, str, bytes, bytes]:
    """Signing input, encoded header, decoded payload and decoded signature."""
    if len(token) > limit:
        raise InvalidToken(f"token of {len(token)} characters: at most {limit} are read")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise InvalidToken("not a JWS in compact form: expected three parts in base64url")
    try:
        return token[: match.end(2)].encode("ascii"), match[1], base64url.decode(match[2]), base64url.decode(match[3])
    except ValueError:
        raise InvalidToken("not a JWS in compact form: a part is not base64url") from None


def _header(encoded: str) -> JsonObject:
    return _known_header(encoded) if len(encoded) <= _USUAL_HEADER else _read_header(encoded)


def _read_header(encoded: str) -> JsonObject:
    try:
        head = base64url.decode(encoded)
    except ValueError:
        raise InvalidToken("not a JWS in compact form: a part is not base64url") from None
    return MappingProxyType(json_object(head, "header"))


_known_header: Final = lru_cache(_KNOWN)(_read_header)
"""Cache of parsed headers, since a signer repeats its header. It holds unverified data only."""


@lru_cache(_KNOWN)
def _embedded_key(encoded: str) -> PublicKey:
    """Key in a header. Cached, since a client sends the same key with each proof."""
    jwk = _header(encoded).get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidToken("header jwk is missing")
    key = public_key(jwk, largest=4096)
    if isinstance(key, str):
        raise InvalidToken(f"header jwk: {key}")
    return key


def _algorithm(header: JsonObject, algorithms: Collection[str]) -> str:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or alg not in ALGORITHMS:
        raise InvalidToken(f"alg {str(alg)[:32]!r}: expected one of {sorted(algorithms)}")
    return alg


def _check_header(
    header: JsonObject, algorithms: Collection[str], typ: str | Collection[str | None] | None
) -> tuple[str, str | None]:
    """Returns `alg` and `kid`."""
    alg = _algorithm(header, algorithms)
    for name in _REFUSED_HEADERS:
        if name in header:
            raise InvalidToken(f"header {name} is not accepted")
    kid = header.get("kid")
    if not isinstance(kid, str) and "kid" in header:
        raise InvalidToken("kid is not a string")
    found = header.get("typ")
    expected = ("jwt", None) if typ is None else (typ,) if isinstance(typ, str) else tuple(typ)
    short = found.lower().removeprefix("application/") if isinstance(found, str) else found
    if short not in expected:
        raise InvalidToken(f"typ {str(found)[:64]!r}: expected one of {expected}")
    return alg, kid if isinstance(kid, str) else None


def _check_signature(signed: bytes, signature: bytes, key: PublicKey, alg: str) -> None:
    if not ALGORITHMS[alg].verify(signed, key.public, signature):
        raise BadSignature("signature does not hold")


def verify(
    token: str, keys: KeySet, algorithms: Collection[str], typ: str | Collection[str | None] | None = None
) -> Verified:
    """Verifies a JWS that one of `keys` signed with one of `algorithms` (RFC 7515 5.2, RFC 8725 3).

    `typ` (lower case, without `application/`) is the required type in the header; None means `JWT` or no type (RFC 8725
    3.11). Raises UnknownKey if no key matches, InvalidToken for any other error. Times are not checked.
    """
    signed, head, payload, signature = _split(token, MAX_TOKEN)
    header = _header(head)
    alg, kid = _check_header(header, algorithms, typ)
    if "jwk" in header:
        raise InvalidToken("header jwk is not accepted")
    _check_signature(signed, signature, keys.find(kid, alg), alg)
    return Verified(header, json_object(payload, "payload"))


def verify_issued(token: str, keys: KeySet, algorithms: Collection[str]) -> Verified:
    """Verifies a JWS of an external issuer with the keys that it publishes (RFC 7515 5.2).

    `verify` is for tokens whose form this broker prescribes. Here the header may have any members; those that are not
    needed are ignored (RFC 7515 4), above all embedded keys and URLs of keys. `crit` is rejected, since no extension is
    supported (4.1.11), and so is an unencoded payload (RFC 7797 6). If several published keys match, each is tried: a
    `kid` is a hint (4.1.4).

    Raises UnknownKey if no key matches, BadSignature if no matching key made the signature, InvalidToken for any other
    error. Times are not checked.
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
    """Verifies a JWS with the public key in its own header, which only DPoP proofs may use (RFC 9449 4.3).

    It proves possession of the key in `header["jwk"]`, not the identity of its holder. Keys: EC P-256, Ed25519, RSA of
    2048 to 4096 bits. Raises InvalidToken.
    """
    signed, head, payload, signature = _split(token, MAX_EMBEDDED)
    header = _header(head)
    alg, _ = _check_header(header, algorithms, typ)
    key = _embedded_key(head)
    if alg not in key.algorithms:
        raise InvalidToken(f"alg {alg} does not fit the key in jwk")
    _check_signature(signed, signature, key, alg)
    return Verified(header, json_object(payload, "payload"))


def claimed(token: str, name: str) -> str | None:
    """Unverified text in the payload of a token: its `iss`, to select the keys to verify it with, or its `state`.

    None if it cannot be read.
    """
    found = (unverified_claims(token) or {}).get(name)
    return found if isinstance(found, str) else None


def unverified_claims(token: str) -> JsonObject | None:
    """The payload of a token, of which nothing is verified; None if it cannot be read, or is no token."""
    try:
        return json_object(_split(token, MAX_TOKEN)[2], "payload")
    except InvalidToken:
        return None


def lacks_key(token: str, keys: KeySet) -> bool:
    """Whether the key set has no key for the unverified header of a token.

    False for a malformed token or an unknown algorithm, since fetching the keys again would not help.
    """
    try:
        header = _header(_split(token, MAX_TOKEN)[1])
        alg, kid = header.get("alg"), header.get("kid")
        if not isinstance(alg, str) or alg not in SIGNATURE_ALGORITHMS or not isinstance(kid, str | None):
            return False
        keys.find(kid, alg)
    except UnknownKey:
        return True
    except InvalidToken:
        return False
    return False


def sign(claims: JsonObject, key: SigningKey, typ: str | None = None, headers: JsonObject | None = None) -> str:
    """Signs claims to a JWS in compact form (RFC 7515 7.1). `headers` adds to `alg`, `kid` and `typ`."""
    prefix = key.prefix
    if typ is not None or headers:
        header = {**(headers or {}), "alg": key.alg, "kid": key.kid} | ({"typ": typ} if typ is not None else {})
        prefix = base64url.encode(encode(header).encode())
    signed = f"{prefix}.{base64url.encode(encode(dict(claims)).encode())}"
    return f"{signed}.{base64url.encode(ALGORITHMS[key.alg].sign(signed.encode('ascii'), key.private))}"


def sign_embedded(claims: JsonObject, key: SigningKey, typ: str) -> str:
    """Signs claims with the public key in the header in place of a `kid`, as DPoP proofs are (RFC 9449 4.2)."""
    members = {name: value for name, value in key.jwk.items() if name not in ("kid", "alg", "use")}
    header = {"typ": typ, "alg": key.alg, "jwk": members}
    signed = ".".join(base64url.encode(encode(part).encode()) for part in (header, dict(claims)))
    return f"{signed}.{base64url.encode(ALGORITHMS[key.alg].sign(signed.encode('ascii'), key.private))}"


def sign_detached(content: bytes, key: SigningKey, typ: str) -> str:
    """Signs content that is kept beside the signature: a JWS with an empty payload (RFC 7515 Appendix F)."""
    head = base64url.encode(encode({"alg": key.alg, "kid": key.kid, "typ": typ}).encode())
    signed = f"{head}.{base64url.encode(content)}".encode("ascii")
    return f"{head}..{base64url.encode(ALGORITHMS[key.alg].sign(signed, key.private))}"


def verify_detached(token: str, content: bytes, keys: KeySet, algorithms: Collection[str], typ: str) -> None:
    """Verifies a JWS whose payload is `content`. Raises UnknownKey and InvalidToken."""
    head, between, signature = token.partition("..")
    try:
        decoded = base64url.decode(signature)
    except ValueError:
        decoded = b""
    if not between or not decoded or len(head) > MAX_TOKEN:
        raise InvalidToken("not a JWS with detached content: expected a header, an empty part and a signature")
    header = _header(head)
    alg, kid = _check_header(header, algorithms, typ)
    if "jwk" in header:
        raise InvalidToken("header jwk is not accepted")
    _check_signature(f"{head}.{base64url.encode(content)}".encode("ascii"), decoded, keys.find(kid, alg), alg)


def hash_claim(value: str, alg: str) -> str:
    """`at_hash` or `c_hash` of a value, for an ID token signed with `alg` (OpenID Connect Core 3.1.3.6).

    Left half of the digest that the algorithm's name ends with, or of SHA-512 for Ed25519, in base64url.
    """
    digest = _DIGESTS.get(alg[-3:], hashlib.sha512)(value.encode("ascii")).digest()
    return base64url.encode(digest[: len(digest) // 2])


_DIGESTS: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
