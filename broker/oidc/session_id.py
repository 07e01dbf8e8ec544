"""`sid` of a session for a service: one value per session and service (Back-Channel Logout 1.0, 2.1)."""

import hmac
from typing import Final

from broker.platform import base64url

_USE: Final = "sid "
_LENGTH: Final = 22


def session_id(session: str, client_id: str) -> str:
    """`sid` of a session for one service, in its ID tokens and in logout messages.

    HMAC-SHA256 keyed with the session's own id, which is random and never leaves the broker: services cannot correlate
    their values, and no key has to outlive the session. 22 characters of base64url, 132 bits.
    """
    mark = hmac.digest(session.encode(), (_USE + client_id).encode(), "sha256")
    return base64url.encode(mark)[:_LENGTH]


def is_session_id(sid: str, session: str, client_id: str) -> bool:
    """Whether a `sid` from a service is that of this session."""
    return hmac.compare_digest(sid.encode(), session_id(session, client_id).encode())
