"""What a key in a token can be, and that it cannot be had."""

from typing import Final

ALGORITHMS: Final = frozenset({"ES256", "PS256", "RS256", "EdDSA"})
"""What a key in a token can sign with, as far as the token has the mechanism."""


class Pkcs11Unavailable(Exception):
    """A token, or a key in it, cannot be used: why, and how to fix it. `pin` is True if the PIN was refused."""

    def __init__(self, what: str, fix: str, *, pin: bool = False) -> None:
        super().__init__(what)
        self.what, self.fix, self.pin = what, fix, pin
