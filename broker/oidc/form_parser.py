"""Strict parser of `application/x-www-form-urlencoded`, for form bodies and query strings.

Parsing differences between parties enable attacks, so a parameter that the endpoint reads must occur once, in valid
UTF-8, with only `&` between pairs. Other parameters are ignored, whatever they contain (RFC 6749 3.1). Parameters
without a value count as omitted (RFC 6749 3.1, 3.2).
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from broker.model.media import charsets, media_type
from broker.oidc.errors import DisplayedError, EndpointError

FORM: Final = "application/x-www-form-urlencoded"
MAX_BYTES: Final = 32_768
MAX_PARAMETERS: Final = 64
"""Maximum number of parameters if all of them are read."""

_UTF_8: Final = frozenset(
    {"utf-8", "utf8", "utf_8", "unicode-1-1-utf-8", "csutf8"}
    | {"us-ascii", "us", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso646-us", "iso_646.irv:1991", "csascii"}
)
"""Names of UTF-8 and its subset ASCII (IANA registry, WHATWG Encoding 4.2)."""

_ASCII_INSIDE: Final = re.compile(
    r"(?:iso[-_]?8859[-_]?|windows-125|cp125|x-cp125|latin-?|l)[0-9]{1,2}(?:-[ei]|:19[0-9]{2})?"
    r"|windows-874|koi8-?(?:r|u|ru)|cp819|ibm819|ibm866|cp866|macintosh|x-mac-cyrillic",
    re.ASCII,
)
"""Character sets whose bytes below 128 equal ASCII."""

_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class UnreadableForm(Exception):
    """Form or query that cannot be parsed. `description` is public, `detail` is for the log."""

    def __init__(self, description: str, detail: str = "", status: int = 400) -> None:
        super().__init__(detail or description)
        self.description = description
        self.detail = detail or description
        self.status = status

    def displayed_error(self, client_id: str | None = None) -> DisplayedError:
        """Error to display to the user, at the authorization endpoint. `client_id` is the service that the
        page names.
        """
        return DisplayedError("invalid_request", self.description, self.detail, self.status, client_id=client_id)

    def token_error(self) -> EndpointError:
        """Error for the service, at its endpoints."""
        return EndpointError("invalid_request", self.description, self.detail, status=self.status)


def read_form(body: bytes, content_type: str | None, names: frozenset[str] | None = None) -> Mapping[str, str]:
    """Parses a posted form. `names` as in `read_query`. Raises UnreadableForm.

    A form has no `charset` (WHATWG URL 5.1). One that does not change the meaning is accepted: UTF-8 under any of its
    names, and ISO 8859 or a Windows code page if the content is ASCII. Any other is rejected.
    """
    if media_type(content_type) != FORM:
        raise UnreadableForm(f"the content type must be {FORM}", f"content type {content_type!r:.80}", 415)
    others = charsets(content_type) - _UTF_8
    for charset in others:
        if not _ASCII_INSIDE.fullmatch(charset):
            raise UnreadableForm("the form must be in UTF-8: the content type names another charset", charset[:80], 415)
    read = read_query(body, names)
    if others and not all(name.isascii() and value.isascii() for name, value in read.items()):
        description = "the form must be in UTF-8: the content type names another charset, in which it reads differently"
        raise UnreadableForm(description, ", ".join(sorted(others))[:80], 415)
    return read


def read_query(data: bytes, names: frozenset[str] | None = None) -> Mapping[str, str]:
    """Parses a query string (without its `?`) or a form body, up to 32 KiB. Raises UnreadableForm.

    `names` are the parameters that the endpoint reads; others are ignored. None reads every parameter, at most 64.
    Rejects, in what is read, repeated parameters (RFC 6749 3.1), invalid percent-encoding, invalid UTF-8, and the
    character NUL.
    """
    text = _held(data)
    if names is None and text.count("&") >= MAX_PARAMETERS:
        raise UnreadableForm("the request has too many parameters", f"{text.count('&') + 1} parameters")
    plain = text.isascii() and "\0" not in text
    parameters: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if not plain or "%" in name or "+" in name:
            name = _text(name) if names is None else _name(name)
        if name not in names if names is not None else not pair:
            continue
        if name in parameters:
            raise UnreadableForm("a parameter is repeated", f"parameter {name!r:.80} is repeated")
        parameters[name] = value if plain and "%" not in value and "+" not in value else _text(value)
    return {name: value for name, value in parameters.items() if value}


def parse_legible(data: bytes) -> Mapping[str, str]:
    """Parses a query or form leniently: drops repeated and malformed parameters. Raises UnreadableForm beyond
    32 KiB.
    """
    found: dict[str, str | None] = {}
    for pair in _held(data).split("&"):
        name, _, value = pair.partition("=")
        name = _name(name)
        try:
            found[name] = None if name in found else _text(value)
        except UnreadableForm:
            found[name] = None
    return {name: value for name, value in found.items() if value}


def read_callback(data: bytes, names: frozenset[str]) -> Mapping[str, str]:
    """Parses the query of a provider's response: `names` strictly, other parameters leniently.

    Raises UnreadableForm.
    """
    return {**parse_legible(data), **read_query(data, names)}


def _held(data: bytes) -> str:
    """Bytes as text, one character each. Raises UnreadableForm if there are too many."""
    if len(data) > MAX_BYTES:
        raise UnreadableForm("the request is too large", f"{len(data)} bytes", 413)
    return data.decode("latin-1")


def _name(raw: str) -> str:
    """Name of a parameter. A malformed one stays undecoded, and matches no parameter of an endpoint."""
    if raw.isascii() and ("%" not in raw or _STRAY_PERCENT.search(raw)):
        return raw
    try:
        return _text(raw)
    except UnreadableForm:
        return raw


def _text(raw: str) -> str:
    """Decodes a name or value from one character per byte. Raises UnreadableForm."""
    encoded = raw.encode("latin-1")
    if "%" in raw or "+" in raw:
        if _STRAY_PERCENT.search(raw):
            raise UnreadableForm("the request is not percent-encoded properly")
        encoded = unquote_to_bytes(encoded.replace(b"+", b" "))
    if b"\0" in encoded:
        raise UnreadableForm("the request has a character that is not allowed", "NUL")
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        raise UnreadableForm("the request is not in UTF-8") from None
