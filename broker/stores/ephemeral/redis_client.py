"""The client of Redis: commands, scripts and names of keys; a failure to reach Redis is raised within a second."""

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
)
from broker.stores.ephemeral.shared_connection import SharedConnection
from broker.stores.ephemeral.transport import HASH_TAG, WITHOUT_PASSWORD, RedisAccess, RedisTransport

_LINGER: Final = 60.0
"""How much longer (seconds) Redis keeps a record than our clock does: its own expiry only sweeps up."""

NOT_LET_IN: Final = "look at the user and the number in ephemeral.url, and at ephemeral.password_file"
A_CLUSTER: Final = "this is a Redis Cluster: write redis+cluster://host:6379 in ephemeral.url"
NO_CLUSTER: Final = "this is no Redis Cluster: write redis://host:6379/0 in ephemeral.url"
NO_SERVICE: Final = "write the name in ephemeral.url as `sentinel monitor` in the Sentinels' configuration does"
REFUSING: Final[Mapping[str, str]] = {
    "NOAUTH": NOT_LET_IN,
    "WRONGPASS": NOT_LET_IN,
    "DENIED": "set a password for Redis, and name its file with ephemeral.password_file",
    "NOPERM": "let the user of ephemeral.url do it: ACL SETUSER <user> ~portico:* +@all -@dangerous +info",
    "MOVED": A_CLUSTER,
    "CROSSSLOT": A_CLUSTER,
    "CLUSTERDOWN": A_CLUSTER,
}
"""The first words of a Redis that is there and will not do it as the broker is set up, and the mend."""


MOVING: Final = frozenset({"CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"})
"""The first words of a Cluster that fails over or moves slots."""


class Misconfigured(StoreUnavailable):
    """A Redis that is there, and refuses what the settings say."""

    def __init__(self, said: str, mend: str) -> None:
        super().__init__(f"{said}\n    {mend}")


def _fix(said: str, code: str) -> str | None:
    """The mend of what Redis will not do as the broker is set up; None for a fault of ours."""
    if "ACL failure" in said or "user executing the script" in said:
        return REFUSING["NOPERM"]
    if "cluster support disabled" in said:
        return NO_CLUSTER
    if "No such master" in said:
        return NO_SERVICE
    if "DB index" in said:
        return NOT_LET_IN
    if said.startswith("ERR unknown command"):
        return "use Redis 6.2 or later, with none of its commands renamed"
    return REFUSING.get(code)


def reply_code(said: str) -> str:
    """The code of an error reply. Redis 6.2 writes that of a command in a script into the text."""
    inside = re.search(r"-([A-Z]{3,}) ", said) if said.startswith("ERR Error running script") else None
    return said.partition(" ")[0] if inside is None else inside[1]


def _tls_fix(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):
            return "write the host in ephemeral.url as the server's certificate names it"
        return "name the certificates of the authority that signed the server's certificate with ephemeral.ca_file"
    return "does the server speak TLS at this port, and want a certificate (ephemeral.cert_file)?"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that Redis runs as one step; `name` is the one under which Redis keeps it."""

    text: str
    name: str


def script(text: str) -> Script:
    """A script with its name."""
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def lifetime(until: float, now: float) -> int:
    """After how many milliseconds Redis may forget what our clock forgets at `until`."""
    return math.ceil((max(until - now, 0.0) + _LINGER) * 1000)


def open_transport(url: str, access: RedisAccess) -> tuple[RedisUrl, RedisTransport]:
    """The transport for a URL; nothing is connected yet. Raises BadUrl, a ValueError."""
    address = read_redis_url(url)
    password = address.password if access.password is None else access.password
    if address.topology is RedisTopology.SINGLE and not address.encrypted and address.user is None:
        (node,) = address.nodes
        return address, SharedConnection(RedisAddress(node.host, node.port, address.database, password))
    # here, since redis-py holds some 9 MB
    from broker.stores.ephemeral.redis_py import RedisPyTransport

    tls = (access.tls or ssl.create_default_context()) if address.encrypted else None
    return address, RedisPyTransport(
        address, RedisAccess(password, tls, access.sentinel_user, access.sentinel_password)
    )


class RedisClient:
    """A Redis, or those of them that hold the records now. Connected when first needed and whenever it is back."""

    def __init__(self, url: str, access: RedisAccess = WITHOUT_PASSWORD) -> None:
        """Nothing is connected yet. Raises ValueError for an address that is none."""
        address, self._transport = open_transport(url, access)
        self.clustered = address.topology is RedisTopology.CLUSTER
        self._prefix = f"portico:{HASH_TAG}:" if self.clustered else "portico:"
        self.mirror = f"{self._prefix}switches:v1"
        """Where the version of the switches is mirrored. Scripts bring it along."""

    def key(self, kind: str, digest: str, form: int = 1) -> str:
        """The name of a record: its type, the number of its form, and the SHA-256 of its handle.

        In a Cluster every name has the same hash tag, since a script uses several records that must lie in one slot.
        """
        return f"{self._prefix}{kind}:v{form}:{digest}"

    async def command(self, *words: Any) -> Any:
        """One command. One round trip.

        After a broken connection it is sent again, in what is left of its time. Each is safe to repeat: the worst that
        comes of it is a conflict, a proof that counts as seen, or a continuation code that is gone.
        """
        try:
            return await self._transport.execute(words)
        except ReplyError as error:
            code = reply_code(str(error))
            if code in NOT_NOW or (self.clustered and code in MOVING):
                raise StoreUnavailable(str(error)) from error
            if (mend := _fix(str(error), code)) is not None:
                raise Misconfigured(str(error), mend) from error
            raise
        except AuthenticationFailed as error:
            raise Misconfigured(str(error), NOT_LET_IN) from error
        except ssl.SSLError as error:
            raise Misconfigured(f"{type(error).__name__}: {error}", _tls_fix(error)) from error
        except (ConnectionLost, ResponseTimeout, QueueFull, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    async def run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """One script. One round trip, apart from the first time this Redis sees it."""
        try:
            return await self.command("EVALSHA", script.name, len(keys), *keys, *arguments)
        except ReplyError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            return await self.command("EVAL", script.text, len(keys), *keys, *arguments)

    async def info(self, *section: str) -> Mapping[str, str]:
        """What Redis says of itself: all of it, or one section."""
        lines = (await self.command("INFO", *section)).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    async def time(self) -> float:
        """The clock of Redis, in seconds since 1970 UTC."""
        seconds, microseconds = await self.command("TIME")
        return int(seconds) + int(microseconds) / 1e6

    async def forget(self) -> None:
        """Deletes every record, as if Redis had lost them; the mirror of the switches stays."""
        cursor = b"0"
        while True:
            cursor, found = await self.command("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", 1000)
            names = [name for name in found if name != self.mirror.encode()]
            if names:
                await self.command("UNLINK", *names)
            if cursor == b"0":
                return

    async def close(self) -> None:
        """Ends every connection, also one that is being made."""
        await self._transport.close()
