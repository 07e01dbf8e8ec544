"""Signature algorithms: those of PyJWT, and ES256, the most frequent one, directly on cryptography."""

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm


class _ES256:
    """ECDSA with P-256 and SHA-256 (RFC 7518 3.4): a signature is R and S, 32 bytes each."""

    _SIZE: Final = 32
    _WAY: Final = ec.ECDSA(hashes.SHA256())

    def sign(self, signed: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        """Signs with a private key."""
        return b"".join(n.to_bytes(self._SIZE) for n in decode_dss_signature(key.sign(signed, self._WAY)))

    def verify(self, signed: bytes, key: ec.EllipticCurvePublicKey, signature: bytes) -> bool:
        """Whether a signature is valid."""
        if len(signature) != 2 * self._SIZE:
            return False
        r, s = int.from_bytes(signature[: self._SIZE]), int.from_bytes(signature[self._SIZE :])
        try:
            key.verify(encode_dss_signature(r, s), signed, self._WAY)
        except InvalidSignature:
            return False
        return True


_EDDSA: Final = OKPAlgorithm()
ALGORITHMS: Final[Mapping[str, Any]] = {
    "ES256": _ES256(),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "EdDSA": _EDDSA,
    "Ed25519": _EDDSA,
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "ES512": ECAlgorithm(ECAlgorithm.SHA512),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
}
"""Implemented signature algorithms. All are asymmetric."""

SIGNATURE_ALGORITHMS: Final = frozenset({"ES256", "PS256", "RS256", "EdDSA", "Ed25519"})
"""Signature algorithms of the broker and its services (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2)."""

UPSTREAM_ALGORITHMS: Final = frozenset(ALGORITHMS)
"""Signature algorithms that providers may use: theirs cannot be chosen. No service gets the additional ones."""
