"""Decryption of JWE in compact form that a provider encrypted to the broker (RFC 7516 5.2).

Providers choose more algorithms than `broker.crypto.jwe` accepts from services; each provider's configuration lists
those that are accepted. Headers that are not needed are ignored (RFC 7516 4); compression, extensions (`crit`) and
password-based keys are rejected. The sender is not authenticated: the content is a signed token, which is verified
separately.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from broker.crypto.jose import InvalidToken, UnknownKey, thumbprint
from broker.crypto.jwe import Decrypted, parse_compact
from broker.model.json_types import JsonObject

_EC: Final[tuple[str, ...]] = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
_RSA: Final[tuple[str, ...]] = ("RSA-OAEP", "RSA-OAEP-256")

UPSTREAM_KEY_ALGORITHMS: Final = (*_EC, *_RSA)
"""Key management algorithms that a provider may use (RFC 7518 4.3, 4.6)."""

UPSTREAM_CONTENT: Final = ("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM")
"""Content encryption algorithms that a provider may use (RFC 7518 5)."""

_CURVES: Final[Mapping[str, str]] = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_REFUSED_HEADERS: Final = ("crit", "zip", "p2s", "p2c")


@dataclass(frozen=True, slots=True)
class UpstreamDecryptionKey:
    """Private key of the broker at a provider. `jwk` is its public half; `curve` is empty for RSA."""

    kid: str
    algorithms: tuple[str, ...]
    curve: str
    private: ECKey | RSAKey = field(repr=False)
    jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DecryptionPolicy:
    """The key management and content encryption algorithms that are accepted from one provider."""

    algorithms: tuple[str, ...]
    content: tuple[str, ...]


def load_upstream_decryption_key(pem: bytes, alg: str) -> UpstreamDecryptionKey:
    """Imports the private key of a PEM; its `kid` is its RFC 7638 thumbprint, `alg` is announced in its JWK.

    P-256, P-384, P-521, or RSA of at least 2048 bits. Raises ValueError for any other key, or one that does not
    support `alg`.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as problem:
        raise ValueError("it holds no unencrypted private key in PEM") from problem
    key_type: Any
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        key_type, algorithms, curve = ECKey, _EC, _CURVES[private.curve.name]
    elif isinstance(private, rsa.RSAPrivateKey) and 2048 <= private.key_size <= 8192:
        key_type, algorithms, curve = RSAKey, _RSA, ""
    else:
        raise ValueError("it holds no key on P-256, P-384 or P-521, and no RSA key of 2048 to 8192 bits")
    if alg not in algorithms:
        raise ValueError(f"the key does not serve {alg}")
    imported: ECKey | RSAKey = key_type(private, private)
    members = {name: str(value) for name, value in imported.as_dict(private=False).items() if name != "kid"}
    kid = thumbprint(members)
    return UpstreamDecryptionKey(kid, algorithms, curve, imported, {**members, "kid": kid, "alg": alg, "use": "enc"})


def decrypt_upstream(token: str, keys: Sequence[UpstreamDecryptionKey], policy: DecryptionPolicy) -> Decrypted:
    """Decrypts a JWE that was encrypted to one of `keys` with algorithms that the policy lists.

    A `kid` selects the key; without one each key of the algorithm is tried. Raises UnknownKey if no key matches,
    InvalidToken for any other error; errors of the decryption itself are not distinguished.
    """
    header = parse_compact(token)
    alg, enc = _check_header(header, policy)
    for key in _candidates(header, alg, keys):
        registry = jwe.JWERegistry(algorithms=[alg, enc], strict_check_header=False)
        try:
            opened = jwe.decrypt_compact(token, key.private, registry=registry).plaintext
        except (JoseError, ValueError, TypeError, KeyError, AssertionError):
            continue
        if opened is not None:
            return Decrypted(header, opened)
    raise InvalidToken("cannot be decrypted")


def _check_header(header: JsonObject, policy: DecryptionPolicy) -> tuple[str, str]:
    """Returns `alg` and `enc`."""
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or alg not in policy.algorithms or alg not in UPSTREAM_KEY_ALGORITHMS:
        raise InvalidToken(f"alg {str(alg)[:32]!r}: expected one of {sorted(policy.algorithms)}")
    if not isinstance(enc, str) or enc not in policy.content or enc not in UPSTREAM_CONTENT:
        raise InvalidToken(f"enc {str(enc)[:32]!r}: expected one of {sorted(policy.content)}")
    for name in _REFUSED_HEADERS:
        if name in header:
            raise InvalidToken(f"header {name} is not accepted")
    if not isinstance(header.get("kid"), str | None):
        raise InvalidToken("kid is not a string")
    return alg, enc


def _candidates(header: JsonObject, alg: str, keys: Sequence[UpstreamDecryptionKey]) -> Sequence[UpstreamDecryptionKey]:
    kid, epk = header.get("kid"), header.get("epk")
    if alg in _EC and (not isinstance(epk, Mapping) or epk.get("kty") != "EC" or "d" in epk):
        raise InvalidToken("epk: expected a public key on a curve")
    curve = epk.get("crv") if alg in _EC and isinstance(epk, Mapping) else ""
    fit = [key for key in keys if alg in key.algorithms and key.curve == curve and kid in (None, key.kid)]
    if not fit:
        raise UnknownKey(f"no {alg} key for kid {str(kid)[:64]!r}")
    return fit
