"""TCP ports of loopback, from a block that belongs to this process alone.

A port from the kernel's ephemeral range may be taken by another process between the moment it was found free and the
moment a server binds it. The blocks lie below that range (Linux: 32768), and a process owns a block for as long as it
holds the block's first port bound. Several pytest workers, and several runs on one machine, never share a block.
"""

import os
import socket
from functools import cache

LOOPBACK = "127.0.0.1"
FIRST, LAST, SIZE = 10_250, 32_000, 250
"""Above 10080, the last of the ports that browsers refuse (Fetch standard, section 2.9, "bad port")."""


def free_port() -> int:
    """A port that no other process of the tests is given, and that is free at this moment."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of `count` free ports in a row."""
    block = _block(os.getpid())
    for _ in range(SIZE):
        first = block.next(count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError(f"no {count} free ports in a row in the block of {block.guard.getsockname()[1]}")


class _Block:
    """`SIZE` ports, given out in turn, so that a port rests for as long as possible before it is used again."""

    def __init__(self, guard: socket.socket) -> None:
        self.guard = guard
        self._first = guard.getsockname()[1] + 1
        self._offset = 0

    def next(self, count: int) -> int:
        """Moves on by `count` ports; begins again at the start of the block when it reaches the end."""
        if self._offset + count > SIZE - 1:
            self._offset = 0
        first = self._first + self._offset
        self._offset += count
        return first


@cache
def _block(_process: int) -> _Block:
    """Claims a block. A forked child claims its own: the argument is its process id."""
    for first in range(FIRST, LAST, SIZE):
        guard = socket.socket()
        try:
            guard.bind((LOOPBACK, first))
        except OSError:
            guard.close()
        else:
            return _Block(guard)
    raise RuntimeError("other processes hold every block of ports")


def _is_free(port: int) -> bool:
    """True if a server can bind the port, also one that does not reuse addresses in TIME_WAIT."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
