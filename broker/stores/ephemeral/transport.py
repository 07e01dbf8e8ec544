"""Redis transport: the broker's own connection, or redis-py.

The own connection serves one plain address without a user, for which it is measurably cheaper. redis-py serves the
rest: TLS, users, Sentinel and Cluster.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

DEADLINE: Final = 0.8
"""Deadline in seconds of one command, including the wait for a connection and its opening."""

CONNECT_WITHIN: Final = 0.5
"""Connect timeout in seconds."""

HASH_TAG: Final = "{portico}"
"""The hash tag in every key in a Cluster: scripts use several keys together, so one slot holds all of them."""


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """Credentials beside the URL: passwords, and TLS parameters (`None`: the operating system's authorities).
    Sentinels have a separate user and password."""

    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


WITHOUT_PASSWORD: Final = RedisAccess()


class RedisTransport(Protocol):
    """Sends commands to the server that currently holds the records."""

    async def execute(self, words: Sequence[Any]) -> Any:
        """Sends a command and returns its reply within DEADLINE; sends it again once if the connection broke before the
        reply.

        Raises ReplyError for an error reply, AuthenticationFailed, ConnectionLost, ResponseTimeout, QueueFull, OSError
        (also ssl.SSLError) and TimeoutError.
        """
        ...

    async def close(self) -> None:
        """Closes every connection, including one that is being opened."""
        ...
