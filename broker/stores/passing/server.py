"""One way to a Redis: commands and scripts, and every failure to reach it told within a second.

One Redis, with or without replicas; no cluster, since a script touches keys that belong together.
"""

import asyncio
import hashlib
import math
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hiredis import ReplyError

from broker.model.facts import Unavailable
from broker.stores.passing.address import place
from broker.stores.passing.line import NOT_NOW, Broken, Crowded, Line, NotLetIn, Overdue, connected

DEADLINE: Final = 0.8
"""How long (seconds) one command may take, together with the wait for a connection and the making of one."""

CONNECT_WITHIN: Final = 0.5
"""How long (seconds) the making of a connection may take."""

_LINGER: Final = 60.0
"""How much longer (seconds) Redis keeps a record than our clock does: its own expiry only sweeps up."""

MIRROR: Final = "portico:switches:v1"
"""Where the version of the switches is mirrored. Scripts bring it along."""


NOT_LET_IN: Final = "look at the user and the number in ephemeral.url, and at ephemeral.password_file"
REFUSING: Final[Mapping[str, str]] = {
    "NOAUTH": NOT_LET_IN,
    "WRONGPASS": NOT_LET_IN,
    "DENIED": "set a password for Redis, and name its file with ephemeral.password_file",
    "NOPERM": "let the user of ephemeral.url do it: ACL SETUSER <user> ~portico:* +@all -@dangerous +info",
    "MOVED": "this is a Redis Cluster: name a single Redis, with or without replicas",
    "CROSSSLOT": "this is a Redis Cluster: name a single Redis, with or without replicas",
    "CLUSTERDOWN": "this is a Redis Cluster: name a single Redis, with or without replicas",
}
"""The first words of a Redis that is there and will not do it as the broker is set up, and the mend."""


class Misconfigured(Unavailable):
    """A Redis that is there, and refuses what the settings say."""

    def __init__(self, said: str, mend: str) -> None:
        super().__init__(f"{said}\n    {mend}")


def _mend(said: str, code: str) -> str | None:
    """The mend of what Redis will not do as the broker is set up; None for a fault of ours."""
    if "ACL failure" in said or "user executing the script" in said:
        return REFUSING["NOPERM"]
    if said.startswith("ERR unknown command"):
        return "use Redis 6.2 or later, with none of its commands renamed"
    return REFUSING.get(code)


def _tls_mend(error: ssl.SSLError) -> str:
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


def key(kind: str, digest: str, form: int = 1) -> str:
    """The name of a record: its type, the number of its form, and the SHA-256 of its handle."""
    return f"portico:{kind}:v{form}:{digest}"


def lifetime(until: float, now: float) -> int:
    """After how many milliseconds Redis may forget what our clock forgets at `until`."""
    return math.ceil((max(until - now, 0.0) + _LINGER) * 1000)


class Server:
    """A Redis. It is connected when it is first needed and whenever it is back."""

    def __init__(self, url: str, password: str | None, tls: ssl.SSLContext | None = None) -> None:
        """Nothing is connected yet. Raises ValueError for an address that is none."""
        self._place = place(url, password, tls)
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None
        self._closed = False

    async def command(self, *words: Any) -> Any:
        """One command. One round trip.

        After a broken connection it is sent again, in what is left of its time. Each is safe to repeat: the worst that
        comes of it is a conflict, a proof that counts as seen, or a continuation code that is gone.
        """
        line, loop = self._line, asyncio.get_running_loop()
        until = loop.time() + DEADLINE
        try:
            if line is None or not line.open:
                return await self._anew(line, words, until)
            try:
                return await line.send(words)
            except Broken:
                return await self._anew(line, words, until)
        except ReplyError as error:
            code = str(error).partition(" ")[0]
            if code in NOT_NOW:
                raise Unavailable(str(error)) from error
            if (mend := _mend(str(error), code)) is not None:
                raise Misconfigured(str(error), mend) from error
            raise
        except NotLetIn as error:
            raise Misconfigured(str(error), NOT_LET_IN) from error
        except ssl.SSLError as error:
            raise Misconfigured(f"{type(error).__name__}: {error}", _tls_mend(error)) from error
        except (Broken, Overdue, Crowded, OSError, TimeoutError) as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error

    async def _anew(self, line: Line | None, words: tuple[Any, ...], until: float) -> Any:
        """One command on another connection than `line`, and on a third where that one broke before it answered."""
        async with asyncio.timeout_at(until):
            line = await self._connected(line)
            try:
                return await line.send(words)
            except Broken:
                return await (await self._connected(line)).send(words)

    async def _connected(self, broken: Line | None) -> Line:
        """A connection that is open. Of many who need one at a moment, one makes it and all use it."""
        if self._line is not None and self._line is not broken and self._line.open:
            return self._line
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> Line:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                line = await connected(self._place, DEADLINE)
            if self._closed:
                line.close()
                raise Broken("closed")
            self._line = line
            return line
        finally:
            self._opening = None

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
            cursor, found = await self.command("SCAN", cursor, "MATCH", "portico:*", "COUNT", 1000)
            names = [name for name in found if name != MIRROR.encode()]
            if names:
                await self.command("UNLINK", *names)
            if cursor == b"0":
                return

    async def close(self) -> None:
        """Ends the connection, also one that is being made."""
        self._closed = True
        if self._line is not None:
            self._line.close()
