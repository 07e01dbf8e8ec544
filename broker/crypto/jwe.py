"""JWE in compact form (RFC 7516 7.1): encryption to services, and decryption of what was encrypted to the broker.

Keys come from configuration or from the key ring, never from a message. Encryption does not authenticate the sender:
the decrypted content is a signed token, which is verified separately. Symmetric and password-based algorithms, RSA with
PKCS 1 or SHA-1, and compression are not supported (RFC 8725 3.2, 3.6).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from broker.crypto import jose
from broker.crypto.jose import InvalidToken, UnknownKey
from broker.model.json_types import JsonObject
from broker.platform import base64url

KEY_ALGORITHMS: Final = ("ECDH-ES+A256KW", "RSA-OAEP-256")
"""Algorithms of the broker's own keys, one key each (RFC 7518 4.6, 4.3)."""

ALGORITHMS: Final = frozenset({*KEY_ALGORITHMS, "ECDH-ES", "ECDH-ES+A128KW"})
"""Supported key management algorithms. All are asymmetric."""

CONTENT: Final = frozenset({"A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"})
"""Supported content encryption algorithms (RFC 7518 5)."""

MAX_ENCRYPTED: Final = 65_536
"""Maximum length of a token in characters."""

_MAX_HEADER: Final = 1024
_HEADERS: Final = frozenset({"alg", "enc", "kid", "typ", "cty", "epk", "apu", "apv"})
_COMPACT: Final = re.compile(
    r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII
)
_KINDS: Final[Mapping[tuple[str, str | None], tuple[type[ECKey] | type[RSAKey], frozenset[str], tuple[str, ...]]]] = {
    ("EC", "P-256"): (ECKey, frozenset({"ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"}), ("kty", "crv", "x", "y")),
    ("RSA", None): (RSAKey, frozenset({"RSA-OAEP-256"}), ("kty", "n", "e")),
}
"""Supported keys by `kty` and `crv`: their importer, their algorithms, their public members."""


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """Private key of the broker for one algorithm; `jwk` is its public half for the JWKS."""

    kid: str
    alg: str
    private: ECKey | RSAKey = field(repr=False)
    jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """Public key of a service, imported once, and the algorithms that may encrypt to it."""

    kid: str | None
    algorithms: frozenset[str]
    public: ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class Decrypted:
    """Decrypted token. Its sender is not authenticated."""

    header: JsonObject
    payload: bytes = field(repr=False)


def new_decryption_key_pem(alg: str) -> bytes:
    """Generates a private key for an algorithm as PEM (PKCS 8): P-256, or RSA of 3072 bits. Raises ValueError."""
    if alg not in KEY_ALGORITHMS:
        raise ValueError(f"algorithm {alg!r}: expected one of {KEY_ALGORITHMS}")
    return jose.new_signing_key_pem("RS256" if alg.startswith("RSA") else "ES256")


def load_decryption_key(pem: bytes, alg: str) -> DecryptionKey:
    """Imports the private key of a PEM for one algorithm; its `kid` is its RFC 7638 thumbprint.

    Raises ValueError for an invalid PEM, or a key that does not support the algorithm.
    """
    if alg not in KEY_ALGORITHMS:
        raise ValueError(f"algorithm {alg!r}: expected one of {KEY_ALGORITHMS}")
    signing = "RS256" if alg.startswith("RSA") else "ES256"
    try:
        loaded = jose.load_signing_key(pem, signing)
    except ValueError as problem:
        raise ValueError(str(problem).replace(signing, alg)) from None
    # reuses the imported key: importing RSA is slow, since it tests whether the numbers are prime
    key_type: Any = RSAKey if alg.startswith("RSA") else ECKey
    private: ECKey | RSAKey = key_type(loaded.private, loaded.private)
    return DecryptionKey(loaded.kid, alg, private, {**loaded.jwk, "alg": alg, "use": "enc"})


def parse_encryption_keys(jwks: JsonObject) -> tuple[EncryptionKey, ...]:
    """Encryption keys of a service's JWK Set, those with `use` "enc" (OpenID Connect Core 10.2.1).

    Other keys are skipped. Raises InvalidToken for an invalid or too large set.
    """
    members = jwks.get("keys")
    if not isinstance(members, list | tuple) or not all(isinstance(member, Mapping) for member in members):
        raise InvalidToken("key set has no list of objects named keys")
    if len(members) > jose.MAX_KEYS:
        raise InvalidToken(f"key set of {len(members)} keys: at most {jose.MAX_KEYS} are read")
    keys = [_encryption_key(member) for member in members if member.get("use") == "enc"]
    return tuple(key for key in keys if key is not None)


def _encryption_key(jwk: JsonObject) -> EncryptionKey | None:
    kty, crv, kid, alg = (jwk.get(name) for name in ("kty", "crv", "kid", "alg"))
    if not isinstance(kty, str) or not isinstance(crv, str | None) or not isinstance(kid, str | None):
        return None
    kind = _KINDS.get((kty, None if kty == "RSA" else crv))
    if kind is None or not isinstance(alg, str | None):
        return None
    reader, algorithms, members = kind
    algorithms = algorithms if alg is None else algorithms & {alg}
    texts: dict[str, str | list[str]] = {
        member: value for member in members if isinstance(value := jwk.get(member), str)
    }
    if not algorithms or len(texts) < len(members):
        return None
    try:
        public = reader.import_key(texts)
        bits = public.get_op_key("encrypt" if kty == "RSA" else "deriveKey").key_size
    except (JoseError, ValueError):
        return None
    return EncryptionKey(kid, algorithms, public) if kty != "RSA" or 2048 <= bits <= 8192 else None


def choose(keys: Collection[EncryptionKey], alg: str) -> EncryptionKey:
    """First key that supports an algorithm. Raises UnknownKey if there is none."""
    for key in keys:
        if alg in key.algorithms:
            return key
    raise UnknownKey(f"no key of use enc serves {alg}")


def encrypt(payload: bytes, key: EncryptionKey, alg: str, enc: str, *, cty: str | None = None) -> str:
    """Encrypts a payload to a JWE in compact form. `cty` is "JWT" if the payload is a signed token (RFC 7519 5.2).

    Raises ValueError for an algorithm that is unknown or that the key does not support.
    """
    if alg not in key.algorithms or enc not in CONTENT:
        raise ValueError(f"{alg} with {enc}: the key serves {sorted(key.algorithms)}, with one of {sorted(CONTENT)}")
    header = {"alg": alg, "enc": enc}
    header |= {name: value for name, value in (("kid", key.kid), ("cty", cty)) if value is not None}
    return jwe.encrypt_compact(header, payload, key.public, [alg, enc])


def decrypt(token: str, keys: Mapping[str, DecryptionKey], algs: Collection[str], encs: Collection[str]) -> Decrypted:
    """Decrypts a JWE that was encrypted to one of `keys` (by `kid`) with one of the algorithms (RFC 7516 5.2).

    Without a `kid`, the only key for the algorithm is used. Raises UnknownKey if no key matches, InvalidToken for any
    other error; errors of the decryption itself are not distinguished.
    """
    header = parse_compact(token)
    alg, enc = _check_header(header, algs, encs)
    kid = header.get("kid")
    key = _find(kid if isinstance(kid, str) else None, alg, keys)
    try:
        opened = jwe.decrypt_compact(token, key.private, [alg, enc])
    except (JoseError, ValueError, TypeError, KeyError, AssertionError):
        raise InvalidToken("cannot be decrypted") from None
    if opened.plaintext is None:
        raise InvalidToken("cannot be decrypted")
    return Decrypted(header, opened.plaintext)


def parse_compact(token: str) -> JsonObject:
    """The header of a JWE in compact form, whose parts have the right syntax. Raises InvalidToken."""
    if len(token) > MAX_ENCRYPTED:
        raise InvalidToken(f"token of {len(token)} characters: at most {MAX_ENCRYPTED} are read")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise InvalidToken("not a JWE in compact form: expected five parts in base64url")
    if len(match[1]) > _MAX_HEADER:
        raise InvalidToken(f"header of {len(match[1])} characters: at most {_MAX_HEADER} are read")
    try:
        header = jose.strict_json(base64url.decode(match[1]))
    except ValueError as problem:
        raise InvalidToken(f"header cannot be read: {type(problem).__name__}") from None
    if not isinstance(header, dict):
        raise InvalidToken("header is not a JSON object")
    return header


def _check_header(header: JsonObject, algs: Collection[str], encs: Collection[str]) -> tuple[str, str]:
    """Returns `alg` and `enc`."""
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or alg not in algs or alg not in KEY_ALGORITHMS:
        raise InvalidToken(f"alg {str(alg)[:32]!r}: expected one of {sorted(algs)}")
    if not isinstance(enc, str) or enc not in encs or enc not in CONTENT:
        raise InvalidToken(f"enc {str(enc)[:32]!r}: expected one of {sorted(encs)}")
    for name in header:
        if name not in _HEADERS:
            raise InvalidToken(f"header {name[:32]} is not accepted")
    for name in ("kid", "typ", "cty", "apu", "apv"):
        if not isinstance(header.get(name, ""), str):
            raise InvalidToken(f"{name} is not a string")
    epk = header.get("epk")
    if alg.startswith("ECDH"):
        if not isinstance(epk, Mapping) or epk.get("kty") != "EC" or epk.get("crv") != "P-256" or "d" in epk:
            raise InvalidToken("epk: expected a public key on P-256")
    elif epk is not None:
        raise InvalidToken(f"epk does not belong to {alg}")
    return alg, enc


def _find(kid: str | None, alg: str, keys: Mapping[str, DecryptionKey]) -> DecryptionKey:
    fit = [key for key in keys.values() if key.alg == alg and (kid is None or key.kid == kid)]
    if not fit:
        raise UnknownKey(f"no {alg} key for kid {str(kid)[:64]!r}")
    if len(fit) > 1:
        raise InvalidToken(f"{len(fit)} keys fit alg {alg}, and no kid says which")
    return fit[0]
