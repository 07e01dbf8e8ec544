"""JWS with ES256, as cheaply as it can be made: for the driver, the upstream provider and the floor."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ES256 = ec.ECDSA(hashes.SHA256())


def base64(data: bytes) -> bytes:
    """Base64url without padding (RFC 7515 2)."""
    return urlsafe_b64encode(data).rstrip(b"=")


def plain(text: bytes) -> bytes:
    """The bytes of such a text."""
    return urlsafe_b64decode(text + b"=" * (-len(text) % 4))


class Key:
    """A P-256 key with its public half as a JWK."""

    def __init__(self, private: ec.EllipticCurvePrivateKey | None = None) -> None:
        """A new key, or this one."""
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        x, y = (base64(number.to_bytes(32)).decode() for number in (numbers.x, numbers.y))
        self.bare: dict[str, str] = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        self.thumbprint = base64(hashlib.sha256(msgspec.json.encode(self.bare)).digest()).decode()
        self.jwk = {**self.bare, "kid": self.thumbprint, "alg": "ES256", "use": "sig"}

    def pem(self) -> bytes:
        """The private key as PKCS 8."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def head(self, **header: Any) -> bytes:
        """A header to sign with again and again."""
        return base64(msgspec.json.encode({"alg": "ES256", **header}))

    def sign(self, head: bytes, claims: Mapping[str, Any]) -> bytes:
        """A JWS in compact form (RFC 7515 7.1)."""
        signed = head + b"." + base64(msgspec.json.encode(claims))
        r, s = decode_dss_signature(self.private.sign(signed, ES256))
        return signed + b"." + base64(r.to_bytes(32) + s.to_bytes(32))


def verified(token: bytes, key: ec.EllipticCurvePublicKey) -> Any:
    """The claims of a JWS whose signature holds; raises InvalidSignature."""
    signed, _, signature = token.rpartition(b".")
    raw = plain(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, signed, ES256)
    return msgspec.json.decode(plain(signed.partition(b".")[2]))
