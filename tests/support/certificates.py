"""A certificate authority for the tests, for servers and clients under TLS."""

import datetime
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CERTIFICATE_SIGNING = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, as PEM files."""

    chain: Path
    key: Path

    @property
    def der(self) -> bytes:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.chain.read_bytes()).public_bytes(serialization.Encoding.DER)

    @property
    def jwks(self) -> Mapping[str, Any]:
        """Its public key as a JWK Set."""
        public = x509.load_pem_x509_certificate(self.chain.read_bytes()).public_key()
        return {"keys": [jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)]}  # type: ignore[arg-type]


class Authority:
    """Signs certificates for host names; `file` holds its own certificate (PEM), the trust anchor for clients."""

    def __init__(self, folder: Path) -> None:
        """Creates the authority; its files and those of its certificates are written to `folder`."""
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        self._certificate = self._sign(
            self._name,
            self._key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_CERTIFICATE_SIGNING, True),
        )
        self.file = self._write("authority.pem", self._certificate.public_bytes(serialization.Encoding.PEM))

    def certificate(self, *hosts: str) -> Certificate:
        """A certificate for these host names and IP addresses, valid from two hours ago for thirty days."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])]),
            key.public_key(),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectAlternativeName([general_name(host) for host in hosts]), False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Certificate(
            chain=self._write(f"{hosts[0]}.pem", signed.public_bytes(serialization.Encoding.PEM)),
            key=self._write(f"{hosts[0]}.key", secret),
        )

    def client(
        self,
        subject: str,
        *names: x509.GeneralName,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        authority: bool = False,
        hours: int = 24,
    ) -> Certificate:
        """A client's certificate, valid from two hours ago for so many hours from now: -1 for one that expired.

        `subject` is written as in RFC 4514; `names` are alternative names.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=authority, path_length=None), True),
            (x509.ExtendedKeyUsage([usage]), False),
        ]
        if names:
            extensions.append((x509.SubjectAlternativeName(names), False))
        name = x509.Name.from_rfc4514_string(subject)
        return self._write_certificate(self._sign(name, key.public_key(), *extensions, hours=hours), key)

    def self_signed(self, subject: str) -> Certificate:
        """A client certificate of another authority with the same names, which stands for a self-signed one."""
        other = Authority(self._folder / f"self-signed-{x509.random_serial_number():x}")
        return other.client(subject)

    def _write_certificate(self, signed: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
        name = f"client-{signed.serial_number:x}"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Certificate(
            chain=self._write(f"{name}.pem", signed.public_bytes(serialization.Encoding.PEM)),
            key=self._write(f"{name}.key", secret),
        )

    def trust(self) -> ssl.SSLContext:
        """A client's TLS settings that trust this authority alone."""
        return ssl.create_default_context(cafile=str(self.file))

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: tuple[x509.ExtensionType, bool],
        hours: int = 30 * 24,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=2))
            .not_valid_after(now + datetime.timedelta(hours=hours))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


def general_name(host: str) -> x509.GeneralName:
    """A host as certificates name it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
