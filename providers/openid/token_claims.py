"""Checks of the claims in a token beside the ID token: who issued it, for whom, and when it is valid (RFC 7519 4.1)."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.model.json_types import JsonObject
from broker.normalize.dates import numeric_date
from providers.openid.describe import describe_identifier
from providers.openid.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What is expected of a token. `name` is its name in the log, `skew` the tolerated clock skew in seconds.

    A claim of `required` must be there; another one is checked if it is there.
    """

    name: str
    issuer: str
    audience: str
    now: float
    skew: float
    required: frozenset[str] = frozenset()


def check_token_claims(claims: JsonObject, expected: TokenClaims, refused: Callable[[str], UpstreamError]) -> None:
    """Checks `iss`, `aud`, `exp`, `nbf` and `iat`. Raises the error that `refused` makes of a text for the log."""
    for name in sorted(expected.required):
        if claims.get(name) is None:
            raise refused(f"{expected.name}: {name} is missing")
    issuer, audience = claims.get("iss"), claims.get("aud")
    if issuer is not None and issuer != expected.issuer:
        raise refused(f"{expected.name}: iss {describe_identifier(issuer)}: expected {expected.issuer!r}")
    if audience is not None and expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise refused(f"{expected.name}: aud does not contain the broker")
    for name in ("exp", "nbf", "iat"):
        if claims.get(name) is None:
            continue
        time = numeric_date(claims[name])
        if time is None:
            raise refused(f"{expected.name}: {name} is not a time")
        if name == "exp" and time <= expected.now - expected.skew:
            raise refused(f"{expected.name}: expired {expected.now - time:.0f} s ago")
        if name != "exp" and time > expected.now + expected.skew:
            raise refused(f"{expected.name}: {name} is {time - expected.now:.0f} s in the future")
