"""A broker of several workers on PostgreSQL and Redis, with methods that inject faults."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from broker.model.handle import sha256_hex
from tests.e2e.app_harness import Script, on_stores
from tests.e2e.processes import Running, run
from tests.e2e.raw_client import ConnectionLost, HttpSender, RawCitizen, Reply, eventually, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, Service, land_register, rides
from tests.support import fork_server
from tests.support.pausing_proxy import PausingProxy
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

WORKERS = 2
AT_ONCE = 1.0
"""Seconds within which a request that cannot be served is refused."""
TRIES = 10
BESIDE_KEYS = """[metrics]
folder = "../.demo/metrics"

[limits]
authorization_requests_per_ip = { max = 100000, window = "1 minute" }
requests_per_client = { max = 100000, window = "1 minute" }
failed_authentications_per_ip = { max = 100000, window = "1 minute" }
failed_user_codes_per_ip = { max = 100000, window = "1 minute" }

[keys]"""
"""Several workers need a folder for their counters; and every request of these tests comes from one address."""


def workers_on_stores(database: str, redis: str, workers: int = WORKERS, further: str = "") -> Script:
    """The example configuration on these stores, with the service `rides` and `further` settings of it."""
    return Script(
        edits={
            "broker.toml": {
                **on_stores(database, redis),
                "workers = 1": f"workers = {workers}",
                # a worker compiles its pages at every start, each in every language
                'languages = ["en", "cy"]': 'languages = ["en"]',
                "[keys]": BESIDE_KEYS,
            }
        },
        files={"services/rides.toml": f"{further}\n{RIDES_SERVICE}"},
    )


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running broker, its stores, and a way to send. `postgres_proxy` sits between the broker and PostgreSQL."""

    running: Running
    postgres: PostgresServer
    redis: RedisServer
    postgres_proxy: PausingProxy
    database: str
    http_sender: HttpSender

    @property
    def service(self) -> Service:
        """The service `rides`."""
        return rides(self.running.folder, self.running.issuer)

    @property
    def bound_service(self) -> Service:
        """The service whose tokens hang on a key."""
        return land_register(self.running.folder, self.running.issuer, self.running.service)

    def raw_citizen(self, service: Service | None = None) -> RawCitizen:
        """A citizen with a fresh browser."""
        return RawCitizen(self.http_sender, service or self.service)

    @asynccontextmanager
    async def sql(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection to the database that bypasses `postgres_proxy`."""
        connection = await asyncpg.connect(self.database)
        try:
            yield connection
        finally:
            await connection.close(timeout=30)

    async def rows(self, text: str, *values: object) -> Sequence[Any]:
        """What a query finds."""
        async with self.sql() as connection:
            return await connection.fetch(text, *values)

    async def one(self, text: str, *values: object) -> Any:
        """The one value that a query finds."""
        [[value]] = await self.rows(text, *values)
        return value

    async def issued(self, code: str) -> "Issued":
        """What came of a code."""
        async with self.sql() as connection:
            row = await connection.fetchrow(
                "SELECT redeemed, grant_id FROM authorization_codes WHERE digest = $1", sha256_hex(code)
            )
            assert row is not None, "the code is not there any more"
            tokens = await connection.fetchval(
                "SELECT count(*) FROM tokens JOIN grants ON grants.id = grant_id"
                " WHERE grant_id = $1 AND tokens.revoked IS NULL AND grants.revoked IS NULL",
                row["grant_id"],
            )
            audited = await connection.fetch("SELECT kind FROM audit WHERE grant_id = $1 ORDER BY id", row["grant_id"])
            replays = await connection.fetchval("SELECT count(*) FROM audit WHERE kind = 'code_replayed'")
        return Issued(row["redeemed"] is not None, tokens, [line["kind"] for line in audited], replays)

    async def command(self, *words: str) -> str:
        """What an operator types: `broker <words> --config ...`; what it printed."""
        return await commanded(self.running.folder / "config", *words)

    def workers(self) -> list[int]:
        """The processes that serve the public door now."""
        try:
            return self.running.workers()
        except (FileNotFoundError, ProcessLookupError):
            return []  # one of them ended while it was looked at

    def serving(self) -> list[int]:
        """Ids of the workers that have started and listen."""
        return [worker for worker in self.workers() if listens(worker, self.running.ports.first)]

    def kill(self, worker: int) -> None:
        """kill -9."""
        os.kill(worker, signal.SIGKILL)

    async def worker_at(self, backend: int) -> int | None:
        """The worker that a backend of PostgreSQL serves; None if it has disconnected."""
        port = await self.one("SELECT client_port FROM pg_stat_activity WHERE pid = $1", backend)
        mine = self.postgres_proxy.client(port)
        return next((worker for worker in self.workers() if mine in local_ports(worker)), None)

    async def well(self) -> None:
        """Everything runs as at the beginning: what the last test broke is whole again, and Redis is empty."""
        self.postgres_proxy.release()
        await asyncio.to_thread(self.redis.renew)
        await asyncio.to_thread(self.postgres.start)
        await self.whole()

    async def whole(self) -> None:
        """Waits until every worker is there again."""

        async def ready() -> bool:
            """Every worker listens, and reaches its stores."""
            if len(self.serving()) != WORKERS:
                return False
            return all([await self.ready() for _ in range(2 * WORKERS)])

        await eventually(60, ready)

    async def ready(self) -> bool:
        """True if the worker that answers reports readiness and no missing store."""
        try:
            reply = await self.http_sender.send("GET", f"{self.running.issuer}/readyz")
        except ConnectionLost:
            return False
        return reply.status == 200 and reply.json["wrong"] == {}


@dataclass(frozen=True, slots=True)
class Issued:
    """What came of a code: whether it was redeemed, its live tokens, the audit rows of its grant, all replays."""

    redeemed: bool
    tokens: int
    audited: list[str]
    replays: int


async def refused_at_once(asking: Callable[[], Awaitable[Reply]]) -> Reply:
    """A 503 response within a second.

    The request is repeated, since a busy machine may add time that is not the broker's; each response must be 503.
    """
    for _ in range(TRIES):
        reply = (await asking()).expect(503)
        if reply.seconds < AT_ONCE:
            return reply
    raise AssertionError(f"no refusal within {AT_ONCE} s, the last time after {reply.seconds} s")


def local_ports(process: int) -> Mapping[int, int]:
    """The ports at this end of a process's TCP sockets, each with its file descriptor. None of one that has ended."""
    held = {}
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                held[os.readlink(link)] = int(link.name)
        table = Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    rows = [line.split() for line in table]
    return {
        int(row[1].rpartition(":")[2], 16): held[f"socket:[{row[9]}]"] for row in rows if f"socket:[{row[9]}]" in held
    }


def listens(process: int, port: int) -> bool:
    """Whether a process waits for connections to this port. It holds the socket long before it does."""
    descriptor = local_ports(process).get(port)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for file in Path(f"/proc/{process}/fdinfo").iterdir():
            watched = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("tfd:")]
            if str(descriptor) in watched:
                return True
    return False


async def commanded(config: Path, *words: str) -> str:
    """Runs `broker <words> --config <config>` in a new process; returns its output."""
    status, printed = await asyncio.to_thread(fork_server.run, *words, "--config", str(config))
    assert status == 0, f"portico {' '.join(words)}: {printed}"
    return printed


@asynccontextmanager
async def deployment(
    folder: Path, postgres: PostgresServer, redis: RedisServer, further: str = ""
) -> AsyncIterator[Deployment]:
    """Runs it until the block ends. Every request opens a connection, so that any worker may answer it.

    `further` are lines for the file of the service `rides`.
    """
    with postgres.database() as database:
        async with PausingProxy(lambda: postgres.port).running() as postgres_proxy:
            through = database.replace(f":{postgres.port}/", f":{postgres_proxy.port}/")
            script = workers_on_stores(through, redis.url, further=further)
            async with run(folder, script, "--listener", "public") as running, http_sender(single=True) as sender:
                yield Deployment(running, postgres, redis, postgres_proxy, database, sender)
