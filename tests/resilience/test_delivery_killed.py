"""kill -9 of a worker between the end of a session and its logout token: another worker delivers it."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from tests.e2e.logout_services import decoded
from tests.e2e.raw_client import eventually
from tests.resilience.cluster import deployment, local_ports
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


@dataclass
class Service:
    """Never answers the first call, and answers every other one."""

    came: list[str] = field(default_factory=list)
    caller: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        self.came.append((await reader.readexactly(length)).decode())
        if len(self.came) == 1:
            self.caller = writer.get_extra_info("peername")[1]
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def called(self, times: int) -> None:
        """Waits for so many calls: another worker has to find the delivery, and before that the killed one's is its."""

        async def seen() -> bool:
            return len(self.came) >= times

        await eventually(60, seen)


async def test_a_delivery_whose_worker_was_killed_is_made_by_another(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer
) -> None:
    service = Service()
    server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = f'backchannel_logout_uri = "http://localhost:{port}/told"'
    async with server, deployment(tmp_path, postgres, redis, settings) as broker:
        raw_citizen = broker.raw_citizen()
        id_token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["id_token"]
        (await raw_citizen.visit(f"/logout?id_token_hint={id_token}")).expect(303)
        await service.called(1)
        [worker] = [one for one in broker.workers() if service.caller in local_ports(one)]
        assert await broker.one("SELECT count(*) FROM deliveries WHERE sent IS NULL AND sealed IS NOT NULL") == 1
        broker.kill(worker)
        await service.called(2)

        async def done() -> bool:
            return bool(await broker.one("SELECT count(*) FROM deliveries WHERE sent IS NOT NULL AND sealed IS NULL"))

        await eventually(10, done)
        first, second = ([token] for body in service.came[:2] for token in parse_qs(body)["logout_token"])
        claims = [json.loads(decoded(token.split(".")[1])) for [token] in (first, second)]
        assert claims[0]["sid"] == claims[1]["sid"] == json.loads(decoded(id_token.split(".")[1]))["sid"]
        assert claims[0]["jti"] != claims[1]["jti"]
