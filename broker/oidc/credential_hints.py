"""Hints for developers of services: the likely cause of rejected credentials (RFC 6749 2.3.1).

A hint depends only on the request itself, so it reveals nothing about registered services. Details about the
registration go only to callers that proved possession of the secret or key
(`client_authentication.authenticate_client`).
"""

import re
from typing import Final

UNENCODED: Final = (
    "client_id and secret look not form-encoded in the Basic header: encode each, then join them by a colon"
)
PLUS: Final = "the secret holds a +, which is read as a space: write it as %2B"
SPACE: Final = "the secret holds a space: a + that is not written as %2B is read as one"
TWICE: Final = "client_id or secret look form-encoded twice"
LINE_END: Final = "the secret ends with a line end: a file was taken with its last line end"
BLANK: Final = "the secret begins or ends with a blank"
QUOTED: Final = "the secret stands in quotation marks"

_NEVER_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~!'()*+-]|%[0-9A-Fa-f]{2})*", re.ASCII)
"""Characters that lenient encoders leave unencoded."""

_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}", re.ASCII)
_QUOTES: Final = ('"', "'")


def basic_hint(user: str, secret: str, decoded: tuple[str, str]) -> str:
    """Likely error in Basic credentials; empty if there is none.

    `user` and `secret` are the two halves of the header before form-decoding, `decoded` the same after it.
    """
    if general := secret_hint(secret):
        return general
    if not _NEVER_ENCODED.fullmatch(user) or not _NEVER_ENCODED.fullmatch(secret):
        return UNENCODED
    if "+" in user or "+" in secret:
        return PLUS
    return TWICE if any(_ENCODED.search(part) for part in decoded) else ""


def post_hint(secret: str) -> str:
    """Likely error in a `client_secret` of a form; empty if there is none."""
    if general := secret_hint(secret):
        return general
    if " " in secret:
        return SPACE
    return TWICE if _ENCODED.search(secret) else ""


def secret_hint(secret: str) -> str:
    """Likely error in a secret, in header or form."""
    if secret.endswith(("\n", "\r")):
        return LINE_END
    if secret[:1].isspace() or secret[-1:].isspace():
        return BLANK
    return QUOTED if len(secret) > 1 and secret[0] == secret[-1] and secret[0] in _QUOTES else ""
