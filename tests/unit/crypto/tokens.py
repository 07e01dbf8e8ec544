"""Signing keys, key sets, and tokens made by hand."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt as pyjwt

from broker.crypto import jose
from broker.crypto.jose import KeySet, SigningKey

CLAIMS = {"iss": "https://broker.example", "sub": "abc", "aud": "service", "nonce": "n", "exp": 1}
ALGORITHMS = ("ES256", "PS256", "RS256", "EdDSA")


@cache
def key(alg: str) -> SigningKey:
    """The signing key for an algorithm, the same one for all tests."""
    return jose.load_signing_key(jose.new_signing_key_pem(alg), alg)


def keys(*signing: SigningKey, **changes: Any) -> KeySet:
    """The key set with the public halves of signing keys."""
    return jose.parse_keys({"keys": [{**jose.public_jwk(each), **changes} for each in signing]})


def b64(value: bytes | str | Mapping[str, Any]) -> str:
    """base64url without padding; a mapping is encoded as JSON."""
    if isinstance(value, Mapping):
        value = json.dumps(value)
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handmade(header: bytes | str | Mapping[str, Any], payload: bytes | str | Mapping[str, Any] = CLAIMS) -> str:
    """A token with a valid ES256 signature over any header and payload."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(pyjwt.get_algorithm_by_name('ES256').sign(signed.encode(), key('ES256').private))}"


PUBLIC = jose.public_jwk(key("ES256"))
GOOD = {"alg": "ES256", "kid": key("ES256").kid}
