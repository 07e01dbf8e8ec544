"""One way to a Redis: commands and scripts, and every failure to reach it told within a second.

One Redis, with or without replicas; no cluster, since a script touches keys that belong together.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Unconnected
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as TooSlow
from redis.maint_notifications import MaintNotificationsConfig

from broker.model.facts import Unavailable

_Result = TypeVar("_Result")
DEADLINE: Final = 0.8
"""How long (seconds) one command may take, together with the wait for a connection and the making of one."""

_LINGER: Final = 60.0
"""How much longer (seconds) Redis keeps a record than our clock does: its own expiry only sweeps up."""

_NOT_NOW: Final = frozenset({"OOM", "READONLY", "MISCONF", "MASTERDOWN", "LOADING", "BUSY", "NOREPLICAS"})
"""The first words of a Redis that is there and cannot do it now."""

MIRROR: Final = "portico:switches:v1"
"""Where the version of the switches is mirrored. Scripts bring it along."""


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

    def __init__(self, url: str, password: str | None, connections: int) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            **({} if password is None else {"password": password}),
            max_connections=connections,
            timeout=0.5,
            socket_timeout=DEADLINE,
            socket_connect_timeout=0.5,
            # After a broken connection a command may be sent twice. Each is safe to repeat: the worst that comes of it
            # is a conflict, a proof that counts as seen, or a continuation code that is gone.
            retry=Retry(NoBackoff(), 1, (Unconnected,)),
            # A new connection is there at once, without a conversation about itself.
            protocol=2,
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._client = Client.from_pool(pool)

    async def command(self, *words: Any) -> Any:
        """One command. One round trip."""
        sent: Awaitable[Any] = self._client.execute_command(*words)  # type: ignore[no-untyped-call]
        return await _in_time(sent)

    async def run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """One script. One round trip, apart from the first time this Redis sees it."""
        try:
            return await self.command("EVALSHA", script.name, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.command("EVAL", script.text, len(keys), *keys, *arguments)

    async def info(self, section: str) -> dict[str, Any]:
        """What Redis says of itself."""
        found: dict[str, Any] = await _in_time(self._client.info(section))
        return found

    async def close(self) -> None:
        """Ends all connections."""
        await self._client.aclose()


async def _in_time(work: Awaitable[_Result]) -> _Result:
    try:
        async with asyncio.timeout(DEADLINE):
            return await work
    except NoScriptError:
        raise
    except (Unconnected, TooSlow, TimeoutError, OSError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    except ResponseError as error:
        if (error.status_code or str(error).partition(" ")[0]) in _NOT_NOW:
            raise Unavailable(str(error)) from error
        raise
