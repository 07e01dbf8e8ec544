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
    if b"\0" in data or b"%00" in data:
        raise Unreadable("the request has a character that is not allowed", "NUL")
    if data.count(b"&") >= MAX_PARAMETERS:
        raise Unreadable("the request has too many parameters", f"{data.count(b'&') + 1} parameters")
    parameters: dict[str, str] = {}
    try:
        for pair in data.decode().split("&"):
            if not pair:
                continue
            name, _, value = pair.partition("=")
            name = _decoded(name) if "%" in name or "+" in name else name
            if name in parameters:
                raise Unreadable("a parameter is repeated", f"parameter {name!r:.80} is repeated")
            parameters[name] = _decoded(value) if "%" in value or "+" in value else value
    except UnicodeDecodeError:
        raise Unreadable("the request is not in UTF-8") from None
    return {name: value for name, value in parameters.items() if value}


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode()
