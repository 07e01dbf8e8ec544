"""JOSE: signing and verifying, with the checks of RFC 8725 around the algorithms of PyJWT.

Keys come from configuration or metadata, never from a message; the one exception is `verify_embedded`, which DPoP
needs. Nothing here knows the time: `exp`, `nbf` and `iat` are for the caller, who has a clock of his own.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

_EDDSA: Final = OKPAlgorithm()
_ALGORITHMS: Final[Mapping[str, Any]] = {
    "ES256": ECAlgorithm(ECAlgorithm.SHA256, ec.SECP256R1),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "EdDSA": _EDDSA,
    "Ed25519": _EDDSA,
}
SIGNATURE_ALGORITHMS: Final = frozenset(_ALGORITHMS)
"""Every signature algorithm known here (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2). All are asymmetric."""

_FAMILIES: Final[Mapping[tuple[str, str | None], tuple[Any, frozenset[str], tuple[str, ...]]]] = {
    ("EC", "P-256"): (ECAlgorithm, frozenset({"ES256"}), ("crv", "kty", "x", "y")),
    ("OKP", "Ed25519"): (OKPAlgorithm, frozenset({"EdDSA", "Ed25519"}), ("crv", "kty", "x")),
    ("RSA", None): (RSAAlgorithm, frozenset({"RS256", "PS256"}), ("e", "kty", "n")),
}
"""Usable keys by `kty` and `crv`: who reads them, which algorithms they serve, which members make the thumbprint."""

MAX_TOKEN: Final = 65_536
MAX_EMBEDDED: Final = 8_192
MAX_KEYS: Final = 64
MAX_KEY_SET: Final = 131_072
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_REFUSED_HEADERS: Final = ("jku", "x5u", "x5c", "crit", "b64")
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Untrusted(Exception):
    """A token or key that is not believed. `detail` is for the log: it holds no claims and no signature."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class UnknownKey(Untrusted):
    """No key of the set fits the token: the one case in which it helps to fetch the other side's keys again."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature holds. The times and names in `claims` are for the caller to check."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key for one algorithm.

    `jwk` is its public half, `prefix` the encoded header of a token without `typ`, `signer` has what is not here.
    """

    kid: str
    alg: str
    private: Any = field(repr=False)
    jwk: Mapping[str, str]
    prefix: str
    signer: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, imported once, and the algorithms it may verify with."""

    kid: str | None
    algorithms: frozenset[str]
    public: Any


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public keys by `kid` (RFC 7517 5). `skipped` says which members of the set are of no use here, and why."""

    keys: Mapping[str | None, tuple[PublicKey, ...]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def find(self, kid: str | None, alg: str) -> PublicKey:
        """The one key for a `kid` and an algorithm; without a `kid`, the only key that fits (OpenID Connect Core 10.1).

        Raises UnknownKey where there is none, Untrusted where the choice would be a guess.
        """
        among = self.keys.get(kid, ()) if kid is not None else [key for keys in self.keys.values() for key in keys]
        fit = [key for key in among if alg in key.algorithms]
        if not fit:
            raise UnknownKey(f"no {alg} key for kid {str(kid)[:64]!r}")
        if len(fit) > 1:
            raise Untrusted(f"{len(fit)} keys fit alg {alg} and kid {kid!r}: expected exactly one")
        return fit[0]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _finite(text: str) -> float:
    """A number as Python reads it, but not the infinity that a large one would become, nor NaN by name."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large, or none")
    return number


_decode: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite).decode
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def strict_json(data: bytes | str) -> Any:
    """JSON as RFC 8259 and RFC 7493 want it: UTF-8, no member twice, no NaN, no lone surrogate, no endless nesting.

    Raises ValueError. The caller limits the size.
    """
    text = data if isinstance(data, str) else data.decode("utf-8")
    try:
        value = _decode(text)
        if "\\u" in text:
            _encode(value).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = strict_json(data)
    except ValueError as problem:
        raise Untrusted(f"{what} cannot be read: {type(problem).__name__}") from None
    if not isinstance(value, dict):
        raise Untrusted(f"{what} is not a JSON object")
    return value


def _split(token: str, limit: int) -> tuple[bytes, bytes, bytes, bytes]:
    """What was signed, then header, payload and signature, decoded."""
    if len(token) > limit:
        raise Untrusted(f"token of {len(token)} characters: at most {limit} are read")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise Untrusted("not a JWS in compact form: expected three parts in base64url")
    try:
        return token[: match.end(2)].encode("ascii"), _unbase64(match[1]), _unbase64(match[2]), _unbase64(match[3])
    except ValueError:
        raise Untrusted("not a JWS in compact form: a part is not base64url") from None


def _check_header(
    header: Mapping[str, Any], algorithms: Collection[str], typ: str | Collection[str | None] | None
) -> str:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or alg not in _ALGORITHMS:
        raise Untrusted(f"alg {str(alg)[:32]!r}: expected one of {sorted(algorithms)}")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise Untrusted(f"header {name} is not accepted")
    if not isinstance(header.get("kid", ""), str):
        raise Untrusted("kid is not a string")
    found = header.get("typ")
    expected = ("jwt", None) if typ is None else (typ,) if isinstance(typ, str) else tuple(typ)
    short = found.lower().removeprefix("application/") if isinstance(found, str) else found
    if short not in expected:
        raise Untrusted(f"typ {str(found)[:64]!r}: expected one of {expected}")
    return alg


def _check_signature(signed: bytes, signature: bytes, key: PublicKey, alg: str) -> None:
    if not _ALGORITHMS[alg].verify(signed, key.public, signature):
        raise Untrusted("signature does not hold")


def verify(
    token: str, keys: KeySet, algorithms: Collection[str], typ: str | Collection[str | None] | None = None
) -> Verified:
    """The content of a JWS whose signature one of `keys` made with one of `algorithms` (RFC 7515 5.2, RFC 8725 3).

    `typ` (lower case, without `application/`) is what the header must say; None means `JWT` or nothing (RFC 8725 3.11).
    Raises UnknownKey where no key fits, Untrusted for everything else that is wrong. Times are not looked at.
    """
    signed, head, payload, signature = _split(token, MAX_TOKEN)
    header = _object(head, "header")
    alg = _check_header(header, algorithms, typ)
    if "jwk" in header:
        raise Untrusted("header jwk is not accepted")
    _check_signature(signed, signature, keys.find(header.get("kid"), alg), alg)
    return Verified(header, _object(payload, "payload"))


def verify_embedded(token: str, algorithms: Collection[str], typ: str) -> Verified:
    """The content of a JWS that brings its own public key, as a DPoP proof does and nothing else may (RFC 9449 4.3).

    It proves possession of the key in `header["jwk"]`, not who holds it. Keys: EC P-256, Ed25519, RSA of 2048 to 4096
    bits. Raises Untrusted.
    """
    signed, head, payload, signature = _split(token, MAX_EMBEDDED)
    header = _object(head, "header")
    alg = _check_header(header, algorithms, typ)
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise Untrusted("header jwk is missing")
    key = _public_key(jwk, largest=4096)
    if isinstance(key, str):
        raise Untrusted(f"header jwk: {key}")
    if alg not in key.algorithms:
        raise Untrusted(f"alg {alg} does not fit the key in jwk")
    _check_signature(signed, signature, key, alg)
    return Verified(header, _object(payload, "payload"))


def claimed_issuer(token: str) -> str | None:
    """The `iss` a token states, before anything is verified: good for finding whose keys to verify it with, no more.

    None where it cannot be read.
    """
    try:
        issuer = _object(_split(token, MAX_TOKEN)[2], "payload").get("iss")
    except Untrusted:
        return None
    return issuer if isinstance(issuer, str) else None


def _family(jwk: Mapping[str, Any]) -> tuple[Any, frozenset[str], tuple[str, ...]] | None:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        return None
    return _FAMILIES.get((kty, None if kty == "RSA" else crv))


def _public_key(jwk: Mapping[str, Any], largest: int = 8192) -> PublicKey | str:
    """The key, or why it is of no use here. Raises Untrusted where it should never have been shown."""
    if not _PRIVATE_MEMBERS.isdisjoint(jwk) or jwk.get("kty") == "oct":
        raise Untrusted("a private or symmetric key where only public keys belong")
    family = _family(jwk)
    if family is None:
        return f"kty {str(jwk.get('kty'))[:16]!r} with crv {str(jwk.get('crv'))[:16]!r} is not used here"
    reader, algorithms, members = family
    kid, alg = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str | None):
        return "kid is not a string"
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return "not meant for signatures"
    if alg is not None:
        algorithms &= _FAMILIES["OKP", "Ed25519"][1] if alg in ("EdDSA", "Ed25519") else {str(alg)}
        if not algorithms:
            return f"alg {str(alg)[:16]!r} does not fit the key or is not used here"
    for member in members:
        value = jwk.get(member)
        if not isinstance(value, str) or (member not in ("kty", "crv") and not _BASE64URL.fullmatch(value)):
            return f"{member} is missing or not base64url"
    try:
        public = reader.from_jwk({member: jwk[member] for member in members})
    except (jwt.InvalidKeyError, UnsupportedAlgorithm, ValueError) as problem:
        return f"cannot be imported: {type(problem).__name__}"
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        if not 2048 <= public.key_size <= largest or not 65537 <= numbers.e < 2**32:
            return f"RSA key of {public.key_size} bits or its exponent is out of bounds"
    return PublicKey(kid, algorithms, public)


def parse_keys(jwks: Mapping[str, Any] | bytes) -> KeySet:
    """The usable public keys of a JWK Set (RFC 7517 5), imported once. Keys of unknown kinds are skipped, as it wants.

    Raises Untrusted for a set that is not one, holds more than 64 keys or 128 KiB, or shows a private or symmetric key.
    """
    if isinstance(jwks, bytes):
        if len(jwks) > MAX_KEY_SET:
            raise Untrusted(f"key set of {len(jwks)} bytes: at most {MAX_KEY_SET} are read")
        jwks = _object(jwks, "key set")
    members = jwks.get("keys")
    if not isinstance(members, list | tuple) or not all(isinstance(member, Mapping) for member in members):
        raise Untrusted("key set has no list of objects named keys")
    if len(members) > MAX_KEYS:
        raise Untrusted(f"key set of {len(members)} keys: at most {MAX_KEYS} are read")
    keys: dict[str | None, tuple[PublicKey, ...]] = {}
    skipped: list[str] = []
    for number, member in enumerate(members):
        key = _public_key(member)
        if isinstance(key, str):
            skipped.append(f"key {number}: {key}")
        else:
            keys[key.kid] = (*keys.get(key.kid, ()), key)
    return KeySet(keys, tuple(skipped))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a public key in base64url (RFC 7638 3). Raises Untrusted for an unknown kind."""
    family = _family(jwk)
    if family is None or not all(isinstance(jwk.get(member), str) for member in family[2]):
        raise Untrusted("key of an unknown kind")
    canonical = json.dumps({member: jwk[member] for member in family[2]}, separators=(",", ":"), sort_keys=True)
    return _base64(hashlib.sha256(canonical.encode()).digest())


def new_signing_key_pem(alg: str) -> bytes:
    """A new private key for an algorithm as PEM (PKCS 8): P-256, Ed25519, or RSA of 3072 bits. Raises ValueError."""
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    match alg:
        case "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
        case "EdDSA" | "Ed25519":
            private = ed25519.Ed25519PrivateKey.generate()
        case "RS256" | "PS256":
            private = rsa.generate_private_key(65537, 3072)
        case _:
            raise ValueError(f"algorithm {alg!r}: expected one of {sorted(SIGNATURE_ALGORITHMS)}")
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_signing_key(pem: bytes, alg: str, kid: str | None = None) -> SigningKey:
    """The private key in a PEM, for one algorithm; its `kid` is its RFC 7638 thumbprint unless given.

    Raises ValueError for a PEM that cannot be read or whose key does not serve the algorithm.
    """
    if alg not in _ALGORITHMS:
        raise ValueError(f"algorithm {alg!r}: expected one of {sorted(SIGNATURE_ALGORITHMS)}")
    try:
        private = load_pem_private_key(pem, password=None)
        jwk = _public_members(private)
    except (TypeError, ValueError, UnsupportedAlgorithm, jwt.InvalidKeyError) as problem:
        raise ValueError("it holds no unencrypted private key, in PEM, of a kind that is used here") from problem
    public = _public_key(jwk)
    if isinstance(public, str) or alg not in public.algorithms:
        raise ValueError(f"the key does not serve {alg}" + (f": {public}" if isinstance(public, str) else ""))
    kid = kid or thumbprint(jwk)
    shown = {**jwk, "kid": kid, "alg": alg, "use": "sig"}
    return SigningKey(kid, alg, private, shown, _base64(_encode({"alg": alg, "kid": kid}).encode()))


def _public_members(private: Any) -> dict[str, str]:
    match private:
        case ec.EllipticCurvePrivateKey():
            jwk: dict[str, Any] = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case ed25519.Ed25519PrivateKey():
            jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case rsa.RSAPrivateKey():
            jwk = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case _:
            raise ValueError
    return {member: jwk[member] for member in ("kty", "crv", "x", "y", "n", "e") if member in jwk}


def public_jwk(key: SigningKey) -> Mapping[str, str]:
    """The public half of a signing key, as the JWKS shows it: with `kid`, `alg` and `use` (RFC 7517 4)."""
    return key.jwk


def sign(
    claims: Mapping[str, Any], key: SigningKey, typ: str | None = None, headers: Mapping[str, Any] | None = None
) -> str:
    """A JWS in compact form over the claims as JSON (RFC 7515 7.1). `headers` adds to `alg`, `kid` and `typ`."""
    prefix = key.prefix
    if typ is not None or headers:
        header = {**(headers or {}), "alg": key.alg, "kid": key.kid} | ({"typ": typ} if typ is not None else {})
        prefix = _base64(_encode(header).encode())
    signed = f"{prefix}.{_base64(_encode(dict(claims)).encode())}"
    return f"{signed}.{_base64(_ALGORITHMS[key.alg].sign(signed.encode('ascii'), key.private))}"


def hash_claim(value: str, alg: str) -> str:
    """`at_hash` or `c_hash` of a value, for an ID token signed with `alg` (OpenID Connect Core 3.1.3.6).

    Half of SHA-256, or of SHA-512 for Ed25519, in base64url.
    """
    digest = (hashlib.sha512 if alg in ("EdDSA", "Ed25519") else hashlib.sha256)(value.encode("ascii")).digest()
    return _base64(digest[: len(digest) // 2])
