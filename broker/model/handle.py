"""Handles: unguessable names for things, kept only as hashes."""

import hashlib

from broker.normalize.codes import code_key
from broker.platform import base64url
from broker.platform.system import System

USER_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters and digits that are not mistaken for one another when read aloud or copied by hand."""


def new_handle(system: System, kind: str = "", size: int = 24) -> str:
    """A new URL-safe handle of `size` random bytes, led by its kind so that no handle passes for another."""
    body = base64url.encode(system.random_bytes(size))
    return f"{kind}_{body}" if kind else body


def sha256_hex(handle: str) -> str:
    """The SHA-256 of a handle in hexadecimal: the only form in which a handle is stored."""
    return hashlib.sha256(handle.encode()).hexdigest()


def new_user_code(system: System, length: int) -> str:
    """`length` letters and digits (4.9 bits each) in groups of four, fit to be read aloud.

    A byte that would favour some letters is drawn again, so every text is equally likely.
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
    """A readable code as a person typed it, made comparable (`normalize.codes`)."""
    return code_key(text)
