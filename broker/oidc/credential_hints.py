"""What is likely wrong with credentials that were refused, for the service's engineers (RFC 6749 2.3.1).

A hint says only what stands in the request itself, whoever sent it and whether the service exists or not: so it tells
nothing of what is registered. What is registered is told to callers alone who proved that they hold the secret or the
key (`client.authenticate`).
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
"""What is left of a text by those encoders that leave most as it is."""

_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}", re.ASCII)
_QUOTES: Final = ('"', "'")


def basic_hint(user: str, secret: str, decoded: tuple[str, str]) -> str:
    """What is likely wrong with Basic credentials; empty if nothing looks wrong.

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
    """What is likely wrong with a `client_secret` in a form; empty if nothing looks wrong."""
    if general := secret_hint(secret):
        return general
    if " " in secret:
        return SPACE
    return TWICE if _ENCODED.search(secret) else ""


def secret_hint(secret: str) -> str:
    """What is likely wrong with a secret in either place."""
    if secret.endswith(("\n", "\r")):
        return LINE_END
    if secret[:1].isspace() or secret[-1:].isspace():
        return BLANK
    return QUOTED if len(secret) > 1 and secret[0] == secret[-1] and secret[0] in _QUOTES else ""
