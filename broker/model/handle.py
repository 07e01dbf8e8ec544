"""Handles: unguessable identifiers, stored only as digests."""

import hashlib

from broker.normalize.text import code_key
from broker.platform import base64url
from broker.platform.system import System

USER_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Alphabet of user codes, without letters and digits that are easily confused."""


def new_handle(system: System, kind: str = "", size: int = 24) -> str:
    """Generates a URL-safe handle of `size` random bytes, prefixed by its kind so that kinds cannot be confused."""
    body = base64url.encode(system.random_bytes(size))
    return f"{kind}_{body}" if kind else body


def sha256_hex(handle: str) -> str:
    """SHA-256 of a handle in hexadecimal, the only form in which a handle is stored."""
    return hashlib.sha256(handle.encode()).hexdigest()


def new_user_code(system: System, length: int) -> str:
    """Generates a user code of `length` characters (4.9 bits each) in groups of four, easy to read aloud.

    Uniformly distributed by rejection sampling.
    """
    letters: list[str] = []
    limit = 256 - 256 % len(USER_CODE_ALPHABET)
    while len(letters) < length:
        letters += [
            USER_CODE_ALPHABET[b % len(USER_CODE_ALPHABET)] for b in system.random_bytes(length * 2) if b < limit
        ]
    text = "".join(letters[:length])
    return "-".join(text[i : i + 4] for i in range(0, length, 4))


def normalize_user_code(text: str) -> str:
    """Normalizes a typed user code for comparison (`normalize.text.code_key`)."""
    return code_key(text)
