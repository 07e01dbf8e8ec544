"""Is this POST the citizen's own doing? A token in the form, and what the browser says about where it came from."""

import base64
import binascii
from typing import Final, Protocol

FIELD: Final = "token"
_USE: Final = "csrf"


class MacSigner(Protocol):
    """Keyed marks (see `broker.crypto.seal`)."""

    def mac(self, use: str, data: bytes) -> bytes:
        """A mark of 32 bytes on data, for one use."""
        ...

    def mac_matches(self, use: str, data: bytes, mark: bytes) -> bool:
        """Whether it is our mark on this data for this use, in constant time."""
        ...


def token(marks: MacSigner, secrets: tuple[str, ...], place: str) -> str:
    """The token of a form: bound to the browser's newest secret and to a place, such as a transaction's handle."""
    mark = marks.mac(_USE, _data(secrets[0] if secrets else "", place))
    return base64.urlsafe_b64encode(mark).decode("ascii")


def token_holds(marks: MacSigner, secrets: tuple[str, ...], place: str, given: str) -> bool:
    """Whether a token was made for this place and for one of the browser's secrets; a newer one may have come since."""
    try:
        mark = base64.urlsafe_b64decode(given.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return False
    found = [marks.mac_matches(_USE, _data(secret, place), mark) for secret in (*secrets, "")[: len(secrets) or 1]]
    return any(found)


def from_here(site: str | None, origin: str | None, own: str) -> bool:
    """Whether the browser says that a request comes from our own pages.

    `site` is Sec-Fetch-Site (Fetch Metadata), which every current browser sends: "none" is what the citizen did in the
    browser itself. `origin` is Origin (RFC 6454 7), which older browsers send with a POST, and "null" from pages that
    send no referrer, as ours do; `own` is our origin. Where the browser does not say, the token must be enough.
    """
    if site is not None:
        return site in ("same-origin", "none")
    return origin in (None, "null", own)


def _data(secret: str, place: str) -> bytes:
    return f"{secret}\n{place}".encode()
