"""SIGTERM: readiness fails first, then a drain. A proxy that polls /readyz sees no request fail meanwhile."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.e2e.app_harness import Script, on_stores
from tests.e2e.processes import PATIENCE, run
from tests.e2e.raw_client import SOON, ConnectionLost, RawCitizen, eventually, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.resilience.cluster import BESIDE_KEYS
from tests.support.pausing_proxy import PausingProxy
from tests.support.ports import LOOPBACK, free_port
from tests.support.postgres import PostgresServer
from tests.support.program import BrokerProgram, Program
from tests.support.redis import RedisServer

EVERY = 0.2
"""Seconds between two looks of the balancer at /readyz."""


class Balancer:
    """Sends each connection to the next broker that reports readiness. It never tries twice."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        """The ports of the brokers."""
        self._ports = ports
        self.ready: tuple[int, ...] = ()
        self._turn = itertools.count()

    async def look(self) -> None:
        """Polls /readyz of every broker."""
        async with http_sender(single=True, within=20) as sender:
            while True:
                ready = []
                for port in self._ports:
                    with suppress(ConnectionLost):
                        if (await sender.send("GET", f"http://{LOOPBACK}:{port}/readyz")).status == 200:
                            ready.append(port)
                self.ready = tuple(ready)
                await asyncio.sleep(EVERY)

    def next(self) -> int:
        """The broker that the next connection goes to."""
        return self.ready[next(self._turn) % len(self.ready)]

    @asynccontextmanager
    async def running(self, port: int) -> AsyncIterator["Balancer"]:
        """Listens until the block ends."""
        looking = asyncio.ensure_future(self.look())
        try:
            async with PausingProxy(self.next).running(port):
                yield self
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


def second(config: Path, port: int, other: int) -> Path:
    """The same configuration at another port."""
    made = config.with_name("config-2")
    made.mkdir()
    for place in config.iterdir():
        if place.name != "broker.toml":
            (made / place.name).symlink_to(place)
    text = (config / "broker.toml").read_text()
    (made / "broker.toml").write_text(text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}"))
    return made


async def test_no_request_fails_while_one_broker_after_the_other_is_replaced(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path
) -> None:
    ports = (free_port(), free_port())
    with postgres.database() as database:
        script = Script(
            edits={
                "broker.toml": {
                    **on_stores(database, redis.url),
                    'public = "127.0.0.1:8000"': f'public = "127.0.0.1:{ports[0]}"',
                    "[keys]": BESIDE_KEYS,
                }
            },
            files={"services/rides.toml": RIDES_SERVICE},
        )
        async with run(tmp_path, script, "--listener", "public") as running:
            config = second(tmp_path / "config", ports[0], ports[1])
            command = ["serve", "--config", config, "--listener", "public"]
            other = BrokerProgram(command, ready=lambda it: "Uvicorn running" in it.output, folder=Path.cwd())
            async with Balancer(ports).running(running.ports.first) as balancer, http_sender(single=True) as sender:

                async def has(*wanted: int) -> bool:
                    return set(wanted) <= set(balancer.ready)

                await eventually(SOON, lambda: has(ports[0]))
                finished, failed, over = [0], [], asyncio.Event()

                async def citizen() -> None:
                    while not over.is_set():
                        raw_citizen = RawCitizen(sender, rides(tmp_path, running.issuer))
                        try:
                            tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
                            (await raw_citizen.userinfo(tokens["access_token"])).expect()
                        except (ConnectionLost, AssertionError) as error:
                            failed.append(error)
                        finished[0] += 1
                        await asyncio.sleep(0.1)  # leaves CPU time for the broker that starts

                citizens = [asyncio.ensure_future(citizen()) for _ in range(3)]
                try:
                    for leaving, staying, port in (
                        (running.program, other, ports[1]),
                        (other, running.program, ports[0]),
                    ):
                        await asyncio.to_thread(staying.start, PATIENCE)
                        await eventually(SOON, lambda port=port: has(port))  # type: ignore[misc]
                        leaving.send(signal.SIGTERM)
                        gone = ports[0] if port == ports[1] else ports[1]
                        reply = await unready(sender, gone)
                        assert reply == {"ready": False, "wrong": {"process": "draining"}}
                        await eventually(SOON, lambda leaving=leaving: ended(leaving))  # type: ignore[misc]
                        before = finished[0] + 3
                        await eventually(SOON, lambda before=before: more(finished[0], before))  # type: ignore[misc]
                finally:
                    over.set()
                    await asyncio.gather(*citizens)
                    await asyncio.to_thread(other.stop)
                assert failed == []
                assert finished[0] > 6


async def ended(program: Program) -> bool:
    """The process ended by itself."""
    return not program.running


async def more(now: int, before: int) -> bool:
    """A few more sign-ins were finished."""
    return now > before


async def unready(sender, port: int):  # type: ignore[no-untyped-def]
    """Responses of a broker from the first moment at which /readyz fails: it still answers."""
    for _ in range(200):
        reply = await sender.send("GET", f"http://{LOOPBACK}:{port}/readyz")
        if reply.status == 503:
            return reply.json
        await asyncio.sleep(0.01)
    raise AssertionError("it never said that it is not ready")
