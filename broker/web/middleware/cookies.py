"""A cookie is only set in answer to a request that ours could have come with (RFC 6265bis 5.2, 8.8.3).

All cookies that a browser is to send back are `SameSite=Lax`: a form or a frame of another site comes without them. An
answer that set one there would overwrite what the browser holds without having seen it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_TOP: Final = (None, b"document")


def cookies_could_come(scope: Mapping[str, Any]) -> bool:
    """Whether the browser sends `SameSite=Lax` cookies with such a request, as far as it says (Fetch Metadata).

    From another site it does for a visit alone: GET or HEAD, in a tab. A client that says nothing is no browser of
    today; there the tokens of forms are what protects.
    """
    said = {name: value for name, value in scope["headers"] if name.startswith(b"sec-fetch-")}
    if said.get(b"sec-fetch-site") != b"cross-site":
        return True
    visited = scope["method"] in ("GET", "HEAD") and said.get(b"sec-fetch-mode", b"navigate") == b"navigate"
    return visited and said.get(b"sec-fetch-dest") in _TOP


def without_cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer that leaves the browser's cookies as they are."""
    return [header for header in headers if header[0] != b"set-cookie"]
