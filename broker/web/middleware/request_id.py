"""An id for every request, for the log and for the answer's header."""

import re
from collections.abc import Iterable
from typing import Final

from broker.platform.system import System

HEADER: Final = b"x-request-id"
_GIVEN: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")


def request_id(headers: Iterable[tuple[bytes, bytes]], system: System) -> bytes:
    """The id that a proxy in front gave, or else one that is drawn. It stands in `scope["state"]["request_id"]`."""
    for name, value in headers:
        if name == HEADER and _GIVEN.fullmatch(value):
            return value
        if name == HEADER:
            break
    return system.random_bytes(8).hex().encode("ascii")
