"""CSRF protection of forms: a MAC token in the form, and the browser's Sec-Fetch-Site or Origin header."""

import base64
import binascii
from typing import Final

from broker.actions.ports import MacSigner as MacSigner

FIELD: Final = "token"
_USE: Final = "csrf"


def token(marks: MacSigner, secrets: tuple[str, ...], place: str) -> str:
    """Issues the CSRF token of a form, bound to the browser's newest secret and a place such as a handle."""
    mark = marks.mac(_USE, _data(secrets[0] if secrets else "", place))
    return base64.urlsafe_b64encode(mark).decode("ascii")


def token_holds(marks: MacSigner, secrets: tuple[str, ...], place: str, given: str) -> bool:
    """Whether a token was issued for this place and one of the browser's secrets, of which a newer one may exist."""
    try:
        mark = base64.urlsafe_b64decode(given.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return False
    found = [marks.mac_matches(_USE, _data(secret, place), mark) for secret in (*secrets, "")[: len(secrets) or 1]]
    return any(found)


def from_here(site: str | None, origin: str | None, own: str) -> bool:
    """Whether the request's headers say that it comes from the broker's own pages.

    `site` is Sec-Fetch-Site (Fetch Metadata), which every current browser sends; "none" is a request that the user
    started in the browser itself. `origin` is Origin (RFC 6454 7), which older browsers send with a POST; it is "null"
    from pages without a referrer, such as the broker's. `own` is the broker's origin. If both are missing, the result
    is True and the token alone protects.
    """
    if site is not None:
        return site in ("same-origin", "none")
    return origin in (None, "null", own)


def _data(secret: str, place: str) -> bytes:
    return f"{secret}\n{place}".encode()
