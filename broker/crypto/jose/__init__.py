"""JOSE: JWS signing and verification, with the checks of RFC 8725 around the algorithms of PyJWT.

- `algorithms`: signature algorithms
- `keys`: signing keys, public keys and JWK Sets
- `tokens`: `sign`, `verify`, and the variants for issuers and for DPoP proofs
- `certificates`: X.509 client certificates
- `text`: strict JSON

Keys come from configuration or metadata, never from a message, except in `verify_embedded`, which DPoP needs. There is
no clock here: the callers check `exp`, `nbf` and `iat`.
"""

from broker.crypto.jose.algorithms import SIGNATURE_ALGORITHMS, UPSTREAM_ALGORITHMS
from broker.crypto.jose.certificates import (
    MAX_CERTIFICATE,
    Authorities,
    Certificate,
    certificate_chain,
    certificate_jwk,
    distinguished_name,
    email,
    ip_address,
    read_authorities,
    read_certificate,
    read_certificate_ends,
)
from broker.crypto.jose.keys import (
    MAX_KEY_SET,
    MAX_KEYS,
    BadSignature,
    KeySet,
    PublicKey,
    Signer,
    SigningKey,
    UnknownKey,
    derive_signing_key,
    load_signing_key,
    new_signing_key_pem,
    parse_keys,
    pem_thumbprint,
    private_bytes,
    public_jwk,
    thumbprint,
)
from broker.crypto.jose.text import InvalidToken, strict_json
from broker.crypto.jose.tokens import (
    MAX_EMBEDDED,
    MAX_TOKEN,
    Verified,
    claimed,
    hash_claim,
    lacks_key,
    sign,
    sign_detached,
    sign_embedded,
    unverified_claims,
    verify,
    verify_detached,
    verify_embedded,
    verify_issued,
)

__all__ = [
    "MAX_CERTIFICATE",
    "MAX_EMBEDDED",
    "MAX_KEYS",
    "MAX_KEY_SET",
    "MAX_TOKEN",
    "SIGNATURE_ALGORITHMS",
    "UPSTREAM_ALGORITHMS",
    "Authorities",
    "BadSignature",
    "Certificate",
    "InvalidToken",
    "KeySet",
    "PublicKey",
    "Signer",
    "SigningKey",
    "UnknownKey",
    "Verified",
    "certificate_chain",
    "certificate_jwk",
    "claimed",
    "derive_signing_key",
    "distinguished_name",
    "email",
    "hash_claim",
    "ip_address",
    "lacks_key",
    "load_signing_key",
    "new_signing_key_pem",
    "parse_keys",
    "pem_thumbprint",
    "private_bytes",
    "public_jwk",
    "read_authorities",
    "read_certificate",
    "read_certificate_ends",
    "sign",
    "sign_detached",
    "sign_embedded",
    "strict_json",
    "thumbprint",
    "unverified_claims",
    "verify",
    "verify_detached",
    "verify_embedded",
    "verify_issued",
]
