"""A strict reader of `application/x-www-form-urlencoded`: bodies of forms and query strings.

Strict, since what two parties read differently is where attacks begin: every parameter once, valid UTF-8, nothing but
`&` between pairs. Parameters without a value count as left out (RFC 6749 3.1, 3.2).
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from broker.oidc.errors import Shown, TokenError

FORM: Final = "application/x-www-form-urlencoded"
MAX_BYTES: Final = 32_768
MAX_PARAMETERS: Final = 64
_STRAY_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Unreadable(Exception):
    """A form or query that is not read. `description` is public, `detail` is for the log."""

    def __init__(self, description: str, detail: str = "", status: int = 400) -> None:
        super().__init__(detail or description)
        self.description = description
        self.detail = detail or description
        self.status = status

    def shown(self) -> Shown:
        """As it is told to a person, at the authorization endpoint."""
        return Shown("invalid_request", self.description, self.detail, self.status)

    def token_error(self) -> TokenError:
        """As it is told to a service."""
        return TokenError("invalid_request", self.description, self.detail, status=self.status)


def read_form(body: bytes, content_type: str | None) -> Mapping[str, str]:
    """The parameters of a form that was posted. Raises Unreadable, also for any other kind of content."""
    kind, _, attributes = (content_type or "").partition(";")
    if kind.strip().lower() != FORM:
        raise Unreadable(f"the content type must be {FORM}", f"content type {content_type!r:.80}", 415)
    charset = attributes.strip().lower().replace('"', "").replace(" ", "")
    if charset not in ("", "charset=utf-8"):
        raise Unreadable("the form must be in UTF-8", f"attributes {attributes!r:.80}", 415)
    return read_query(body)


def read_query(data: bytes) -> Mapping[str, str]:
    """The parameters of a query string (without its `?`) or a form's body. Raises Unreadable.

    At most 32 KiB and 64 parameters; refused are repeated parameters (RFC 6749 3.1), broken percent-encoding, bytes
    that are not UTF-8, and the character NUL.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable("the request is too large", f"{len(data)} bytes", 413)
    if _STRAY_PERCENT.search(data):
        raise Unreadable("the request is not percent-encoded properly")
    pairs = [pair for pair in data.split(b"&") if pair]
    if len(pairs) > MAX_PARAMETERS:
        raise Unreadable("the request has too many parameters", f"{len(pairs)} parameters")
    parameters: dict[str, str] = {}
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _decoded(raw_name), _decoded(raw_value)
        if name in parameters:
            raise Unreadable("a parameter is repeated", f"parameter {name!r:.80} is repeated")
        parameters[name] = value
    return {name: value for name, value in parameters.items() if value}


def _decoded(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    if b"\0" in raw:
        raise Unreadable("the request has a character that is not allowed", "NUL")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("the request is not in UTF-8") from None
