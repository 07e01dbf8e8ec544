"""Session management: lets a service detect a changed session at the broker (Session Management 1.0)."""

import hashlib
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}


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
