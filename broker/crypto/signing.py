"""Signing with keys in memory or in a PKCS#11 token."""

import json
from collections.abc import Mapping
from typing import Final

from broker.crypto import jose
from broker.crypto.jose import InvalidToken, Signer, SigningKey
from broker.model.json_types import JsonObject
from broker.platform import base64url

_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


async def sign(claims: JsonObject, key: SigningKey, typ: str | None = None) -> str:
    """Like `jose.sign`, for any key of the ring. Raises StoreUnavailable if the key cannot be reached."""
    if key.signer is None:
        return jose.sign(claims, key, typ)
    header = {"alg": key.alg, "kid": key.kid} | ({"typ": typ} if typ is not None else {})
    text = f"{base64url.encode(_encode(header).encode())}.{base64url.encode(_encode(dict(claims)).encode())}"
    return f"{text}.{base64url.encode(await key.signer.sign(text.encode('ascii')))}"


def remote_key(jwk: Mapping[str, str], alg: str, signer: Signer) -> SigningKey:
    """Key with the public half `jwk` whose private half `signer` holds; its `kid` is its RFC 7638 thumbprint.

    Raises ValueError for a public half that is invalid or does not support the algorithm.
    """
    try:
        kid = jose.thumbprint(jwk)
        jose.parse_keys({"keys": [{**jwk, "kid": kid, "alg": alg, "use": "sig"}]}).find(kid, alg)
    except InvalidToken as problem:
        raise ValueError(problem.detail) from None
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    prefix = base64url.encode(_encode({"alg": alg, "kid": kid}).encode())
    return SigningKey(kid, alg, None, {**public, "kid": kid, "alg": alg, "use": "sig"}, prefix, signer)
