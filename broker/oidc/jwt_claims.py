"""Claims that client assertions, signed requests and DPoP proofs have in common (RFC 7519 4.1)."""

from collections.abc import Sequence
from typing import Final

from broker.model.json_types import JsonObject

LONGEST_JTI: Final = 512


def audiences(claims: JsonObject) -> Sequence[object]:
    """The values of `aud`, which may stand alone. What they are is not checked."""
    aud = claims.get("aud")
    return aud if isinstance(aud, list) else [aud]


def read_jti(claims: JsonObject, longest: int = LONGEST_JTI) -> str | None:
    """The `jti`, or None if it is missing, empty, too long, or holds NUL, which no database takes."""
    jti = claims.get("jti")
    return jti if isinstance(jti, str) and 0 < len(jti) <= longest and "\0" not in jti else None
