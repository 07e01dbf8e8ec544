"""How commands reach Redis: over the broker's own connection, or over redis-py.

The own connection serves one plain address without a user, where it is measurably cheaper. redis-py serves the rest:
TLS, users, Sentinel and Cluster.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

DEADLINE: Final = 0.8
"""How long (seconds) one command may take, together with the wait for a connection and the making of one."""

CONNECT_WITHIN: Final = 0.5
"""How long (seconds) the making of a connection may take."""

HASH_TAG: Final = "{portico}"
"""The hash tag in every key in a Cluster: scripts use several keys together, so one slot holds all of them."""


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """What the servers ask for beside the URL: passwords, and how TLS is verified (`None`: by the machine's own
    authorities). Sentinels have a user and a password of their own."""

    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


WITHOUT_PASSWORD: Final = RedisAccess()


class RedisTransport(Protocol):
    """Sends commands to whichever server holds the records now."""

    async def execute(self, words: Sequence[Any]) -> Any:
        """The reply to one command, within DEADLINE; sent again once if the connection broke before the reply came.

        Raises ReplyError for what Redis rejects, AuthenticationFailed, Broken, Overdue, Crowded, OSError (also
        ssl.SSLError) and
        TimeoutError.
        """
        ...

    async def close(self) -> None:
        """Ends every connection, also one that is being made."""
        ...
