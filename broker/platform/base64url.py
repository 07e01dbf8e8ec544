"""Base64url without padding (RFC 4648 5, RFC 7515 2)."""

import base64
import binascii
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """The text of these bytes."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of a text. Letters that are not of the alphabet are skipped. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
