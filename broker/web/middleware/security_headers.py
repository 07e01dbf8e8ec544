"""Response headers: security headers on every response, the request id, and when Set-Cookie is left out.

Cookies that a browser has to send back are `SameSite=Lax`, so a form or a frame of another site comes without them. A
response that set a cookie then would overwrite the browser's cookie without having seen it (RFC 6265bis 5.2, 8.8.3).
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Final

REQUEST_ID: Final = b"x-request-id"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy (level 3) of every page that does not set its own."""

FORM_ELSEWHERE: Final = POLICY.replace("form-action 'self'; ", "")
"""The policy of the page whose form posts the response to a relying service (`form_post`)."""

WITH_MEDIA: Final = f"{POLICY}; media-src 'self'"
"""The policy of the console's page on which videos of citizens are played."""

WITH_RECORDING: Final = f"{POLICY}; media-src blob:"
"""The policy of the page on which citizens look at the video that they recorded, before they send it."""

_FEATURES: Final = "geolocation=(), payment=(), usb=()"
NO_FEATURES: Final = f"camera=(), microphone=(), {_FEATURES}"
"""The Permissions-Policy of every page that does not set its own."""

WITH_CAMERA: Final = f"camera=(self), microphone=(self), {_FEATURES}"
"""The policy of the page on which citizens may take photographs and a video."""

SANDBOX: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""The policy of a file that came from a citizen: opened on its own, it may do nothing."""

_ALWAYS: Final = (
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_DEFAULTS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"permissions-policy", NO_FEATURES.encode()),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_OVERRIDABLE: Final = frozenset(name for name, _ in _DEFAULTS)
_ADDED: Final = {
    present: (*_ALWAYS, *(header for header in _DEFAULTS if header[0] not in present))
    for size in range(len(_OVERRIDABLE) + 1)
    for present in map(frozenset, combinations(_OVERRIDABLE, size))
}
"""The headers to add, by the set of default headers that the response already has."""

_TOP: Final = (None, b"document")


def with_security_headers(headers: Iterable[tuple[bytes, bytes]], identifier: bytes) -> list[tuple[bytes, bytes]]:
    """Adds the security headers and the request id. Default headers that the response has are not replaced."""
    present = _OVERRIDABLE.intersection([name.lower() for name, _ in headers])
    return [*headers, *_ADDED[present], (REQUEST_ID, identifier)]


def cookies_could_come(scope: Mapping[str, Any]) -> bool:
    """Whether a browser sends `SameSite=Lax` cookies with this request, by its Fetch Metadata headers.

    A cross-site request has them only if it is a top-level navigation by GET or HEAD. The result is True without Fetch
    Metadata, which every current browser sends: forms are then protected by their CSRF tokens.
    """
    metadata = {name: value for name, value in scope["headers"] if name.startswith(b"sec-fetch-")}
    if metadata.get(b"sec-fetch-site") != b"cross-site":
        return True
    navigates = scope["method"] in ("GET", "HEAD") and metadata.get(b"sec-fetch-mode", b"navigate") == b"navigate"
    return navigates and metadata.get(b"sec-fetch-dest") in _TOP


def without_cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The response headers without Set-Cookie."""
    return [header for header in headers if header[0] != b"set-cookie"]
