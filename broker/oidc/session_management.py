"""Session management: `session_state`, by which a service detects a changed session, and `sid`, which names a session.

Session Management 1.0, Front-Channel Logout 1.0, Back-Channel Logout 1.0. A `sid` is one value per session and service.
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from broker.platform import base64url

_PORTS: Final = {"http": 80, "https": 443}
_USE: Final = "sid "
_LENGTH: Final = 22


def session_state(client_id: str, redirect_uri: str, browser_state: str, salt: str) -> str | None:
    """`session_state` of a response (Session Management 1.0, 2, 3.2): `<SHA-256 in hexadecimal>.<salt>`.

    `browser_state` is the value of the browser's cookie, empty without one. None for the redirect URI of an app, which
    has no origin and cannot use it.
    """
    origin = origin_of(redirect_uri)
    if origin is None:
        return None
    text = " ".join((client_id, origin, browser_state, salt))
    return f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"


def origin_of(url: str) -> str | None:
    """Origin of a web page as browsers serialize it (RFC 6454 6.2)."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


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
