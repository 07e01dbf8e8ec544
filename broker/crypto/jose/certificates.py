"""X.509 certificates of services: strict parsing, and the checks that RFC 8705 needs."""

import base64
import hashlib
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker.crypto.jose.keys import KeySet, SigningKey, thumbprint
from broker.crypto.jose.text import InvalidToken
from broker.model.json_types import JsonObject
from broker.platform import base64url

MAX_CERTIFICATE: Final = 12_288
"""Maximum size of a certificate in bytes."""

_MORE_NAMES: Final[Mapping[str, x509.ObjectIdentifier]] = {
    "serialNumber": NameOID.SERIAL_NUMBER,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
}
"""Attribute names in certificates of organisations that RFC 4514 3 does not list."""

Authorities = tuple[x509.Certificate, ...]
"""Certificates of the certificate authorities for services."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Client certificate. `thumbprint` is its `x5t#S256` (RFC 8705 3.1); it is valid from `starts` to `ends`.

    `starts` and `ends` are seconds since 1970 UTC; `dns` and `emails` are lower case if case is insignificant.
    """

    thumbprint: str
    subject: x509.Name = field(compare=False)
    dns: frozenset[str] = field(compare=False)
    uris: frozenset[str] = field(compare=False)
    ips: frozenset[str] = field(compare=False)
    emails: frozenset[str] = field(compare=False)
    starts: float = field(compare=False)
    ends: float = field(compare=False)
    certificate: x509.Certificate = field(repr=False, compare=False)

    def good_at(self, now: float) -> bool:
        """Whether it is valid at this time (RFC 5280 4.1.2.5)."""
        return self.starts <= now <= self.ends

    def holds_key_of(self, keys: KeySet) -> bool:
        """Whether its key is one of these (RFC 8705 2.2)."""
        own = _spki(self.certificate.public_key())
        return any(_spki(key.public) == own for fit in keys.keys.values() for key in fit)

    def issued_by(self, authorities: Authorities, now: float) -> bool:
        """Whether an authority that is valid now issued it for client authentication (RFC 5280 6.1)."""
        return _for_clients(self.certificate) and any(
            _signed(self.certificate, authority, now) for authority in authorities
        )


@lru_cache(maxsize=128)
def read_certificate(der: bytes) -> Certificate:
    """Parses a certificate (RFC 5280 4.1) in DER. Cached, since clients send the same one. Raises InvalidToken."""
    if len(der) > MAX_CERTIFICATE:
        raise InvalidToken(f"certificate of {len(der)} bytes: at most {MAX_CERTIFICATE} are read")
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = _alternative_names(certificate)
        return Certificate(
            thumbprint=base64url.encode(hashlib.sha256(der).digest()),
            subject=certificate.subject,
            dns=frozenset(name.lower() for name in names.get_values_for_type(x509.DNSName)),
            uris=frozenset(names.get_values_for_type(x509.UniformResourceIdentifier)),
            ips=frozenset(str(ip) for ip in names.get_values_for_type(x509.IPAddress)),
            emails=frozenset(map(email, names.get_values_for_type(x509.RFC822Name))),
            starts=certificate.not_valid_before_utc.timestamp(),
            ends=certificate.not_valid_after_utc.timestamp(),
            certificate=certificate,
        )
    except (ValueError, TypeError, x509.DuplicateExtension, UnsupportedAlgorithm) as problem:
        raise InvalidToken(f"certificate cannot be read: {type(problem).__name__}") from None


def distinguished_name(text: str) -> x509.Name:
    """Parses a distinguished name (RFC 4514). Names compare by types and values, ignoring escapes and string types.

    Raises ValueError for anything else, also for an empty name.
    """
    name = x509.Name.from_rfc4514_string(text, _MORE_NAMES)
    if not len(name):
        raise ValueError("an empty name")
    return name


def email(address: str) -> str:
    """Email address for comparison: the domain is case-insensitive (RFC 5280 7.5)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def ip_address(text: str) -> str:
    """IP address in its canonical form (RFC 5952 4). Raises ValueError."""
    return str(ipaddress.ip_address(text))


def read_authorities(pem: bytes) -> Authorities:
    """Authorities of a PEM file. Raises ValueError if it has none, or one that may not sign certificates."""
    found = tuple(x509.load_pem_x509_certificates(pem))
    for each in found:
        if not _may_sign(each):
            raise ValueError(f"{each.subject.rfc4514_string()} is not a certificate authority")
    return found


def read_certificate_ends(pem: bytes) -> list[tuple[str, float]]:
    """The subject (RFC 4514) and the end (seconds since 1970 UTC) of each certificate of a PEM file. Raises ValueError
    if it has none.
    """
    return [
        (found.subject.rfc4514_string() or "no subject", found.not_valid_after_utc.timestamp())
        for found in x509.load_pem_x509_certificates(pem)
    ]


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _for_clients(certificate: x509.Certificate) -> bool:
    """Whether it is an end-entity certificate, allows client authentication, and has no unknown critical extension."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    strange = any(
        each.critical and isinstance(each.value, x509.UnrecognizedExtension) for each in certificate.extensions
    )
    return (
        not strange
        and not (constraints is not None and constraints.ca)
        and (usage is None or ExtendedKeyUsageOID.CLIENT_AUTH in usage)
    )


def _may_sign(authority: x509.Certificate) -> bool:
    constraints, usage = _extension(authority, x509.BasicConstraints), _extension(authority, x509.KeyUsage)
    return bool(constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign))


def _signed(certificate: x509.Certificate, authority: x509.Certificate, now: float) -> bool:
    if not authority.not_valid_before_utc.timestamp() <= now <= authority.not_valid_after_utc.timestamp():
        return False
    if isinstance(certificate.signature_hash_algorithm, hashes.SHA1 | hashes.MD5):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _spki(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def certificate_jwk(chain: Sequence[bytes]) -> JsonObject:
    """The public key of the first certificate as a JWK with the chain in `x5c` (RFC 7517 4.7), as self-signed client
    certificates are registered (RFC 8705 2.2.2). Its `kid` is its thumbprint. Raises ValueError for an unknown kind."""
    public = x509.load_der_x509_certificate(chain[0]).public_key()
    maker = next((maker for kind, maker in _MAKERS if isinstance(public, kind)), None)
    if maker is None:
        raise ValueError("the key of the certificate is of a kind that is not used here")
    jwk = {name: str(value) for name, value in maker(public, as_dict=True).items() if name != "key_ops"}
    texts = [base64.b64encode(one).decode("ascii") for one in chain]
    return {**jwk, "kid": thumbprint(jwk), "use": "sig", "x5c": texts}


_MAKERS: Final[Sequence[tuple[type, Callable[..., Any]]]] = (
    (rsa.RSAPublicKey, RSAAlgorithm.to_jwk),
    (ec.EllipticCurvePublicKey, ECAlgorithm.to_jwk),
    (ed25519.Ed25519PublicKey, OKPAlgorithm.to_jwk),
)


def certificate_chain(pem: bytes, key: SigningKey | None = None) -> Sequence[bytes]:
    """The certificates of a PEM file, DER, the first of which is that of the key. Raises ValueError."""
    chain = x509.load_pem_x509_certificates(pem)
    own: Any = None if key is None else key.private
    if own is not None and _spki(chain[0].public_key()) != _spki(own.public_key()):
        raise ValueError("the first certificate is not that of the key")
    return [one.public_bytes(Encoding.DER) for one in chain]
