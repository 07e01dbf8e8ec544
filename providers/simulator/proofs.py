"""DPoP proofs at the simulator (RFC 9449 4.3)."""

import base64
import hashlib
from typing import Final

from starlette.requests import Request as HttpRequest

from broker.crypto.jose import InvalidToken, thumbprint, verify_embedded
from broker.platform.system import System
from providers.simulator.state import SimulatedIssuer

MAX_AGE: Final = 120


def proven_key(
    simulated: SimulatedIssuer, request: HttpRequest, path: str, system: System, access_token: str | None = None
) -> str | None:
    """The thumbprint of the key whose possession the request proves; None for an invalid proof or none."""
    try:
        proof = verify_embedded(request.headers.get("dpop", ""), simulated.issuer.dialect.dpop, "dpop+jwt")
        key = proof.header["jwk"]
        found = thumbprint(key) if isinstance(key, dict) else ""
    except InvalidToken:
        return None
    claims, now = proof.claims, system.now()
    made = claims.get("iat")
    if claims.get("htm") != request.method or claims.get("htu") != f"{simulated.id}{path}":
        return None
    if not isinstance(made, int) or not now - MAX_AGE <= made <= now + MAX_AGE:
        return None
    if access_token is not None:
        digest = hashlib.sha256(access_token.encode()).digest()
        if claims.get("ath") != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return None
    jti = claims.get("jti")
    return found if isinstance(jti, str) and simulated.memory.use_once(f"dpop:{jti}", now + MAX_AGE) else None
