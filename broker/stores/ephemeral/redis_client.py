"""Redis client: commands, scripts and key names. A failure to reach Redis is raised within a second."""

import hashlib
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hiredis import ReplyError

from broker.model.store_results import StoreUnavailable
from broker.platform.redis_urls import RedisTopology, RedisUrl, read_redis_url
from broker.stores.ephemeral.redis_connection import (
    NOT_NOW,
    AuthenticationFailed,
    ConnectionLost,
    QueueFull,
    RedisAddress,
    ResponseTimeout,
    SentinelRefused,
)
from broker.stores.ephemeral.shared_connection import SharedConnection
from broker.stores.ephemeral.transport import HASH_TAG, WITHOUT_PASSWORD, RedisAccess, RedisTransport

_LINGER: Final = 60.0
"""Seconds by which the expiry in Redis exceeds the broker's own, which decides: Redis's only removes old records."""

NOT_LET_IN: Final = "check the user and the database number in ephemeral.url, and ephemeral.password_file"
SENTINEL_REFUSED: Final = (
    "check ephemeral.sentinel_user and ephemeral.sentinel_password_file; such a user needs +sentinel|masters"
)
A_CLUSTER: Final = "this is a Redis Cluster: write redis+cluster://host:6379 in ephemeral.url"
NO_CLUSTER: Final = "this is not a Redis Cluster: write redis://host:6379/0 in ephemeral.url"
NO_SERVICE: Final = "write the name in ephemeral.url as `sentinel monitor` in the Sentinels' configuration does"
REFUSING: Final[Mapping[str, str]] = {
    "NOAUTH": NOT_LET_IN,
    "WRONGPASS": NOT_LET_IN,
    "DENIED": "set a password for Redis, and name its file with ephemeral.password_file",
    "NOPERM": "permit it to the user of ephemeral.url: ACL SETUSER <user> ~portico:* +@all -@dangerous +info",
    "MOVED": A_CLUSTER,
    "CROSSSLOT": A_CLUSTER,
    "CLUSTERDOWN": A_CLUSTER,
}
"""Error codes of a Redis that rejects the broker's configuration, each with a fix."""


MOVING: Final = frozenset({"CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"})
"""Error codes of a Cluster during a failover or a slot migration."""
MOVING_SCRIPT: Final = ("non local key in a cluster node", "while the cluster is down")
"""What Redis writes, with the code ERR, if a script is already running when its record or its slot is gone."""


class Misconfigured(StoreUnavailable):
    """Redis rejects the broker's configuration."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}\n    {fix}")


def _fix(message: str, code: str) -> str | None:
    """The fix of a rejection that comes from the configuration; None for an error of the broker."""
    if "ACL failure" in message or "user executing the script" in message:
        return REFUSING["NOPERM"]
    if "cluster support disabled" in message:
        return NO_CLUSTER
    if "No such master" in message:
        return NO_SERVICE
    if "DB index" in message:
        return NOT_LET_IN
    if message.startswith("ERR unknown command"):
        return "use Redis 6.2 or later, with none of its commands renamed"
    return REFUSING.get(code)


def _moving(message: str, code: str) -> bool:
    """Whether a node of a Cluster refuses because a slot moves, or because no node holds it for the moment."""
    return code in MOVING or any(text in message for text in MOVING_SCRIPT)


def reply_code(message: str) -> str:
    """The code of an error reply. Redis 6.2 writes that of a command in a script into the text."""
    inside = re.search(r"-([A-Z]{3,}) ", message) if message.startswith("ERR Error running script") else None
    return message.partition(" ")[0] if inside is None else inside[1]


def _tls_fix(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):
            return "write the host in ephemeral.url as the server's certificate names it"
        return "name the certificates of the authority that signed the server's certificate with ephemeral.ca_file"
    return "check that the server uses TLS at this port, and whether it requires a certificate (ephemeral.cert_file)"


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script that Redis runs atomically; `name` is its SHA-1 (EVALSHA)."""

    text: str
    name: str


def script(text: str) -> Script:
    """A script with its name."""
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def lifetime(until: float, now: float) -> int:
    """The time to live in Redis, in milliseconds, of a record that expires at `until`."""
    return math.ceil((max(until - now, 0.0) + _LINGER) * 1000)


def open_transport(url: str, access: RedisAccess) -> tuple[RedisUrl, RedisTransport]:
    """The transport for a URL; connections are opened on first use. Raises BadUrl, a ValueError."""
    address = read_redis_url(url)
    password = address.password if access.password is None else access.password
    if address.topology is RedisTopology.SINGLE and not address.encrypted and address.user is None:
        (node,) = address.nodes
        return address, SharedConnection(RedisAddress(node.host, node.port, address.database, password))
    # imported only if needed: redis-py takes some 9 MB
    from broker.stores.ephemeral.redis_py import RedisPyTransport

    tls = (access.tls or ssl.create_default_context()) if address.encrypted else None
    return address, RedisPyTransport(
        address, RedisAccess(password, tls, access.sentinel_user, access.sentinel_password)
    )


class RedisClient:
    """A Redis client. Connects on first use, and again after a failure."""

    def __init__(self, url: str, access: RedisAccess = WITHOUT_PASSWORD) -> None:
        """Connections are opened on first use. Raises ValueError for an invalid URL."""
        address, self._transport = open_transport(url, access)
        self.clustered = address.topology is RedisTopology.CLUSTER
        self._prefix = f"portico:{HASH_TAG}:" if self.clustered else "portico:"
        self.mirror = f"{self._prefix}switches:v1"
        """Key of the mirrored version of the kill switches, which scripts return."""

    def key(self, kind: str, digest: str, form: int = 1) -> str:
        """The key of a record: its type, its format version, and the SHA-256 of its handle.

        In a Cluster every key has the same hash tag, since a script uses several records that must be in one slot.
        """
        return f"{self._prefix}{kind}:v{form}:{digest}"

    async def command(self, *words: Any) -> Any:
        """Sends one command. One round trip.

        After a broken connection it is sent again within the remaining time. Each command is safe to repeat: the worst
        results are a conflict, a proof that counts as used, or a continuation code that is gone.
        """
        try:
            return await self._transport.execute(words)
        except ReplyError as error:
            code = reply_code(str(error))
            if code in NOT_NOW or (self.clustered and _moving(str(error), code)):
                raise StoreUnavailable(str(error)) from error
            if (fix := _fix(str(error), code)) is not None:
                raise Misconfigured(str(error), fix) from error
            raise
        except AuthenticationFailed as error:
            fix = SENTINEL_REFUSED if isinstance(error, SentinelRefused) else NOT_LET_IN
            raise Misconfigured(str(error), fix) from error
        except ssl.SSLError as error:
            raise Misconfigured(f"{type(error).__name__}: {error}", _tls_fix(error)) from error
        except (ConnectionLost, ResponseTimeout, QueueFull, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    async def run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """Runs one script. One round trip, apart from the first time this Redis runs it."""
        try:
            return await self.command("EVALSHA", script.name, len(keys), *keys, *arguments)
        except ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            return await self.command("EVAL", script.text, len(keys), *keys, *arguments)

    async def info(self, *section: str) -> Mapping[str, str]:
        """INFO: all of it, or one section."""
        lines = (await self.command("INFO", *section)).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    async def time(self) -> float:
        """The clock of Redis, in seconds since 1970 UTC."""
        seconds, microseconds = await self.command("TIME")
        return int(seconds) + int(microseconds) / 1e6

    async def forget(self) -> None:
        """Deletes every record; the mirror of the kill switches stays."""
        cursor = b"0"
        while True:
            cursor, found = await self.command("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", 1000)
            names = [name for name in found if name != self.mirror.encode()]
            if names:
                await self.command("UNLINK", *names)
            if cursor == b"0":
                return

    async def close(self) -> None:
        """Closes every connection, including one that is being opened."""
        await self._transport.close()
