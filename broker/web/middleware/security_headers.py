"""The headers that every answer bears, errors too."""

from collections.abc import Iterable
from itertools import combinations
from typing import Final

from broker.web.middleware.request_id import HEADER

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy (level 3) of every page but the few that name their own."""

FORM_ELSEWHERE: Final = POLICY.replace("form-action 'self'; ", "")
"""The policy of the one page whose only purpose is a form that goes to a relying service (`form_post`)."""

_ALWAYS: Final = (
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_UNLESS_SAID: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_OPEN: Final = frozenset(name for name, _ in _UNLESS_SAID)
_ADDED: Final = {
    said: (*_ALWAYS, *(header for header in _UNLESS_SAID if header[0] not in said))
    for size in range(len(_OPEN) + 1)
    for said in map(frozenset, combinations(_OPEN, size))
}
"""What is added to an answer, by which of the headers it may decide itself are there already."""


def with_security_headers(headers: Iterable[tuple[bytes, bytes]], id: bytes) -> list[tuple[bytes, bytes]]:
    """An answer's headers with those that every answer bears. A policy, caching or embedding it sets itself stands.

    `id` names the request.
    """
    said = _OPEN.intersection([name.lower() for name, _ in headers])
    return [*headers, *_ADDED[said], (HEADER, id)]
