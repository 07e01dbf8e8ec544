"""Keys: signing keys, public keys for verification, and JWK Sets (RFC 7517)."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker.crypto.jose.algorithms import SIGNATURE_ALGORITHMS, UPSTREAM_ALGORITHMS
from broker.crypto.jose.text import InvalidToken, encode, json_object
from broker.model.json_types import JsonObject
from broker.platform import base64url

_FAMILIES: Final[Mapping[tuple[str, str | None], tuple[Any, frozenset[str], tuple[str, ...]]]] = {
    ("EC", "P-256"): (ECAlgorithm, frozenset({"ES256"}), ("crv", "kty", "x", "y")),
    ("OKP", "Ed25519"): (OKPAlgorithm, frozenset({"EdDSA", "Ed25519"}), ("crv", "kty", "x")),
    ("RSA", None): (RSAAlgorithm, frozenset({"RS256", "PS256"}), ("e", "kty", "n")),
}
"""Supported keys by `kty` and `crv`: their importer, their algorithms, and the members of the thumbprint."""

_UPSTREAM_FAMILIES: Final[Mapping[tuple[str, str | None], tuple[Any, frozenset[str], tuple[str, ...]]]] = {
    **_FAMILIES,
    ("EC", "P-384"): (ECAlgorithm, frozenset({"ES384"}), ("crv", "kty", "x", "y")),
    ("EC", "P-521"): (ECAlgorithm, frozenset({"ES512"}), ("crv", "kty", "x", "y")),
    ("RSA", None): (
        RSAAlgorithm,
        frozenset({"RS256", "PS256", "RS384", "PS384", "RS512", "PS512"}),
        ("e", "kty", "n"),
    ),
}
"""Keys of providers, and of the broker at providers."""

MAX_KEYS: Final = 64
MAX_KEY_SET: Final = 131_072
_KINDS: Final = frozenset({"EC", "OKP", "RSA", "oct"})
"""Values of `kty` whose members are known (RFC 7518 6.1, RFC 8037 2). For others, `d` or `p` may mean
something else.
"""
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class UnknownKey(InvalidToken):
    """No key of the set matches the token. Fetching the keys again may help."""


class BadSignature(InvalidToken):
    """No matching key made the signature. Fetching the keys again helps if a key was replaced under the same `kid`."""


class Signer(Protocol):
    """Signs with one private key outside of this process."""

    async def sign(self, data: bytes) -> bytes:
        """Signature in JWS form (RFC 7518 3). Raises `broker.model.store_results.StoreUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Private key for one algorithm.

    `jwk` is its public half, `prefix` the encoded header of a token without `typ`, `signer` signs if the key is in a
    PKCS#11 token.
    """

    kid: str
    alg: str
    private: object = field(repr=False)
    jwk: Mapping[str, str]
    prefix: str
    signer: Signer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Public key, imported once, and the algorithms it may verify with."""

    kid: str | None
    algorithms: frozenset[str]
    public: object


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public keys by `kid` (RFC 7517 5). `skipped` lists the members of the set that are not supported, with the
    reason.
    """

    keys: Mapping[str | None, tuple[PublicKey, ...]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def find(self, kid: str | None, alg: str) -> PublicKey:
        """Key for a `kid` and an algorithm; without a `kid`, the only key that matches (OpenID Connect Core 10.1).

        Raises UnknownKey if there is none, InvalidToken if several match.
        """
        among = self.keys.get(kid, ()) if kid is not None else [key for keys in self.keys.values() for key in keys]
        fit = [key for key in among if alg in key.algorithms]
        if not fit:
            raise UnknownKey(f"no {alg} key for kid {str(kid)[:64]!r}")
        if len(fit) > 1:
            raise InvalidToken(f"{len(fit)} keys fit alg {alg} and kid {kid!r}: expected exactly one")
        return fit[0]

    def candidates(self, kid: str | None, alg: str) -> Sequence[PublicKey]:
        """All keys that may have signed for a `kid` and an algorithm: those of that `kid`, else those without a `kid`.

        Without a `kid`, every key of the algorithm. Raises UnknownKey if there is none.
        """
        if kid is None:
            among = [key for keys in self.keys.values() for key in keys]
        else:
            among = [*(self.keys.get(kid) or self.keys.get(None, ()))]
        fit = [key for key in among if alg in key.algorithms]
        if not fit:
            raise UnknownKey(f"no {alg} key for kid {str(kid)[:64]!r}")
        return fit


def _family(jwk: JsonObject, *, upstream: bool) -> tuple[Any, frozenset[str], tuple[str, ...]] | None:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        return None
    return (_UPSTREAM_FAMILIES if upstream else _FAMILIES).get((kty, None if kty == "RSA" else crv))


def public_key(jwk: JsonObject, largest: int = 8192, *, upstream: bool = False) -> PublicKey | str:
    """Imports a public key, or returns why it is not supported. Raises InvalidToken for a private or symmetric key.

    `upstream` admits the kinds and algorithms that only providers use.
    """
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _KINDS:
        return f"kty {str(kty)[:16]!r} is not used here"
    if not _PRIVATE_MEMBERS.isdisjoint(jwk) or kty == "oct":
        raise InvalidToken("a private or symmetric key where only public keys belong")
    family = _family(jwk, upstream=upstream)
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


def parse_keys(jwks: JsonObject | bytes, *, upstream: bool = False) -> KeySet:
    """Usable public keys of a JWK Set (RFC 7517 5), imported once. Keys of unknown kinds are skipped, as the RFC
    requires. `upstream`: the set of a provider, whose keys may be of more kinds than those of services.

    Raises InvalidToken for an invalid set, one of more than 64 keys or 128 KiB, or one with a private or symmetric key.
    """
    if isinstance(jwks, bytes):
        if len(jwks) > MAX_KEY_SET:
            raise InvalidToken(f"key set of {len(jwks)} bytes: at most {MAX_KEY_SET} are read")
        jwks = json_object(jwks, "key set")
    members = jwks.get("keys")
    if not isinstance(members, list | tuple) or not all(isinstance(member, Mapping) for member in members):
        raise InvalidToken("key set has no list of objects named keys")
    if len(members) > MAX_KEYS:
        raise InvalidToken(f"key set of {len(members)} keys: at most {MAX_KEYS} are read")
    keys: dict[str | None, tuple[PublicKey, ...]] = {}
    skipped: list[str] = []
    for number, member in enumerate(members):
        key = public_key(member, upstream=upstream)
        if isinstance(key, str):
            skipped.append(f"key {number}: {key}")
        else:
            keys[key.kid] = (*keys.get(key.kid, ()), key)
    return KeySet(keys, tuple(skipped))


def thumbprint(jwk: JsonObject) -> str:
    """The SHA-256 thumbprint of a public key in base64url (RFC 7638 3). Raises InvalidToken for an unknown kind."""
    family = _family(jwk, upstream=True)
    if family is None or not all(isinstance(jwk.get(member), str) for member in family[2]):
        raise InvalidToken("key of an unknown kind")
    canonical = json.dumps({member: jwk[member] for member in family[2]}, separators=(",", ":"), sort_keys=True)
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


def new_signing_key_pem(alg: str, *, upstream: bool = False) -> bytes:
    """Generates a private key for an algorithm as PEM (PKCS 8): on its curve, or RSA of 3072 bits. Raises ValueError.

    `upstream` admits the algorithms that only providers use.
    """
    known = UPSTREAM_ALGORITHMS if upstream else SIGNATURE_ALGORITHMS
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if alg not in known:
        raise ValueError(f"algorithm {alg!r}: expected one of {sorted(known)}")
    if (curve := _CURVES.get(alg)) is not None:
        private = ec.generate_private_key(curve)
    elif alg in ("EdDSA", "Ed25519"):
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 3072)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}


def load_signing_key(pem: bytes, alg: str, kid: str | None = None, *, upstream: bool = False) -> SigningKey:
    """Imports the private key of a PEM for one algorithm; its `kid` is its RFC 7638 thumbprint unless given.

    `upstream` admits the algorithms that only providers use. Raises ValueError for an invalid PEM, or a key that does
    not support the algorithm.
    """
    known = UPSTREAM_ALGORITHMS if upstream else SIGNATURE_ALGORITHMS
    if alg not in known:
        raise ValueError(f"algorithm {alg!r}: expected one of {sorted(known)}")
    try:
        private = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as problem:
        raise ValueError("it holds no unencrypted private key, in PEM, of a kind that is used here") from problem
    return _signing_key(private, alg, kid, upstream=upstream)


def derive_signing_key(secret: bytes) -> SigningKey:
    """The ES256 key of a secret of at least 40 bytes: its number modulo the order of P-256 (FIPS 186-5 A.2.1).

    For a key that lives as long as one sign-in, which is stored as its secret.
    """
    number = int.from_bytes(secret) % (_ORDER - 1) + 1
    return _signing_key(ec.derive_private_key(number, ec.SECP256R1()), "ES256", None, upstream=False)


_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the base point of P-256 (SP 800-186 3.2.1.3)."""


def _signing_key(private: object, alg: str, kid: str | None, *, upstream: bool) -> SigningKey:
    try:
        jwk = _public_members(private)
    except (TypeError, ValueError, jwt.InvalidKeyError) as problem:
        raise ValueError("it holds no unencrypted private key, in PEM, of a kind that is used here") from problem
    public = public_key(jwk, upstream=upstream)
    if isinstance(public, str) or alg not in public.algorithms:
        raise ValueError(f"the key does not serve {alg}" + (f": {public}" if isinstance(public, str) else ""))
    kid = kid or thumbprint(jwk)
    public_members = {**jwk, "kid": kid, "alg": alg, "use": "sig"}
    return SigningKey(kid, alg, private, public_members, base64url.encode(encode({"alg": alg, "kid": kid}).encode()))


def private_bytes(key: SigningKey) -> bytes | None:
    """The 32 secret bytes of a P-256 or Ed25519 key, for comparison; None for other keys and for keys in a PKCS#11
    token.
    """
    match key.private:
        case ec.EllipticCurvePrivateKey():
            return key.private.private_numbers().private_value.to_bytes(32)
        case ed25519.Ed25519PrivateKey():
            return key.private.private_bytes_raw()
        case _:
            return None


def pem_thumbprint(pem: bytes) -> str:
    """RFC 7638 thumbprint of the private key in a PEM, the same for every encoding of the key.

    Raises ValueError for an invalid PEM, or a key of an unsupported kind.
    """
    try:
        # only for comparison: loading the key for use tests whether its numbers are prime
        private = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        return thumbprint(_public_members(private))
    except (TypeError, ValueError, UnsupportedAlgorithm, jwt.InvalidKeyError, InvalidToken) as problem:
        raise ValueError("it holds no unencrypted private key, in PEM, of a kind that is used here") from problem


def _public_members(private: object) -> dict[str, str]:
    match private:
        case ec.EllipticCurvePrivateKey():
            jwk: dict[str, str] = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case ed25519.Ed25519PrivateKey():
            jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case rsa.RSAPrivateKey():
            jwk = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
        case _:
            raise ValueError
    return {member: jwk[member] for member in ("kty", "crv", "x", "y", "n", "e") if member in jwk}


def public_jwk(key: SigningKey) -> Mapping[str, str]:
    """Public half of a signing key for the JWKS, with `kid`, `alg` and `use` (RFC 7517 4)."""
    return key.jwk
