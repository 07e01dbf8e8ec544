"""Log descriptions of values from a provider: short identifiers, and the form of a token.

Any value of a response may be personal data, so only values that look like identifiers are logged, and of tokens only
the algorithms.
"""

import binascii
import re
from enum import StrEnum
from typing import Final

from broker.crypto.jose import strict_json
from broker.model.json_types import JsonObject
from broker.platform import base64url

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/._~#?=&+-]{0,199}", re.ASCII)
_ALGORITHM: Final = re.compile(r"[A-Za-z0-9+.-]{1,32}", re.ASCII)
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2}(?:(\.[A-Za-z0-9_-]*){2})?", re.ASCII)
_LONGEST: Final = 8192
"""Maximum length of a token's header that is decoded for the log."""


class TokenForm(StrEnum):
    """The two compact serializations of a JWT (RFC 7519 3)."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"


def describe_identifier(value: object) -> str:
    """An identifier such as an issuer or an `acr`, quoted; any other value is not logged."""
    if value is None:
        return "that is missing"
    return repr(value) if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else "that cannot be shown"


def token_form(text: str) -> TokenForm | None:
    """The form of a token, by its number of parts: three for a JWS, five for a JWE (RFC 7516 9). None for any other
    text."""
    match = _COMPACT.fullmatch(text)
    if match is None:
        return None
    return TokenForm.SIGNED if match[2] is None else TokenForm.ENCRYPTED


def describe_token(text: str) -> str:
    """The algorithms in a token's header: `alg`, for a JWE also `enc`. Unverified."""
    header = _header(text.partition(".")[0])
    named = (f"{name} {header[name]}" for name in ("alg", "enc") if _is_algorithm(header.get(name)))
    return ", ".join(named) or "no algorithm that can be shown"


def _header(encoded: str) -> JsonObject:
    if len(encoded) > _LONGEST:
        return {}
    try:
        header = strict_json(base64url.decode(encoded))
    except (ValueError, binascii.Error):
        return {}
    return header if isinstance(header, dict) else {}


def _is_algorithm(value: object) -> bool:
    return isinstance(value, str) and _ALGORITHM.fullmatch(value) is not None
