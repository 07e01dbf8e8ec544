"""The `sid` that a service is told: one value for each session and service (Back-Channel Logout 1.0, 2.1)."""

import hmac
from typing import Final

from broker.platform import base64url

_USE: Final = "sid "
_LENGTH: Final = 22


def session_id(session: str, client_id: str) -> str:
    """The `sid` of a session for one service, in its ID tokens and in everything that tells it of the session's end.

    HMAC-SHA256 keyed with the session's own id, which is random and never leaves the broker: two services that compare
    what they were told find nothing in common, and no key has to outlive the session. 22 characters of base64url, 132
    bits.
    """
    mark = hmac.digest(session.encode(), (_USE + client_id).encode(), "sha256")
    return base64url.encode(mark)[:_LENGTH]


def is_session_id(told: str, session: str, client_id: str) -> bool:
    """Whether a service shows the `sid` that it was told of this session."""
    return hmac.compare_digest(told.encode(), session_id(session, client_id).encode())
