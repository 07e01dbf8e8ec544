"""Request header checks: exactly one well-formed Host, and a total size limit."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.responses import PlainTextResponse, Response

LARGEST: Final = 64 * 1024
"""Largest size of all header names and values, in bytes. Browsers send cookies of 4 KiB each (RFC 6265 6.1)."""

_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?", re.ASCII
)
"""`Host`: a host and an optional port (RFC 9110 7.2, RFC 3986 3.2.2)."""

_NO_ONE_HOST: Final = "This request cannot be answered: its header Host has to be there once, and name one host.\n"
_TOO_LARGE: Final = "This request cannot be answered: its headers are larger than 64 KiB. Cookies count among them.\n"


def header_error(headers: Iterable[tuple[bytes, bytes]], http_version: str) -> HTTPStatus | None:
    """The error status for a request's headers, None if they are accepted.

    400 for HTTP/1.1 without `Host`, and in any version for a repeated or malformed one (RFC 9112 3.2); 431 for headers
    above `LARGEST` (RFC 6585 5).
    """
    hosts = size = 0
    host = b""
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"host":
            hosts += 1
            host = value
    if size > LARGEST:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if hosts == 1 and _HOST.fullmatch(host):
        return None
    return None if hosts == 0 and http_version != "1.1" else HTTPStatus.BAD_REQUEST


def refusal_of_head(status: HTTPStatus) -> Response:
    """The response to such a request, in plain text. Closes the connection: its other requests would fail as well."""
    text = _TOO_LARGE if status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE else _NO_ONE_HOST
    return PlainTextResponse(text, status, {"connection": "close"})
