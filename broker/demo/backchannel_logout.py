"""Back-channel logout at a service: validation of logout tokens (OpenID Connect Back-Channel Logout 1.0)."""

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLOCK_SKEW = 120
"""Tolerated clock skew in seconds."""


class InvalidLogoutToken(Exception):
    """An invalid logout token."""


def ended_session(token: str, keys: Any, issuer: str, client_id: str, seen: set[str]) -> str:
    """Validates a logout token. Returns the `sid` of the ended session (Back-Channel Logout 1.0, 2.6). Raises
    InvalidLogoutToken.

    `seen` contains the `jti`s of earlier tokens: a repeated one is a replay.
    """
    try:
        read = jwt.decode(
            token,
            KeySet.import_key_set(keys),
            registry=JWSRegistry(algorithms=["ES256", "PS256", "EdDSA", "RS256"], strict_check_header=False),
        )
    except (JoseError, ValueError) as problem:
        raise InvalidLogoutToken(str(problem)) from None
    claims, now = read.claims, time.time()
    if read.header.get("typ") != "logout+jwt" or "nonce" in claims:
        raise InvalidLogoutToken("this is another kind of token")
    if claims.get("iss") != issuer or claims.get("aud") != client_id:
        raise InvalidLogoutToken("not from our broker, or not for us")
    if not now - CLOCK_SKEW < float(claims["iat"]) < now + CLOCK_SKEW or now > float(claims["exp"]) + CLOCK_SKEW:
        raise InvalidLogoutToken("not of this moment")
    if claims.get("events", {}).get(EVENT) != {} or not isinstance(claims.get("sid"), str):
        raise InvalidLogoutToken("it ends no session")
    if claims["jti"] in seen:
        raise InvalidLogoutToken("it came before")
    seen.add(claims["jti"])
    return str(claims["sid"])
