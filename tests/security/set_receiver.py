"""A receiver of security events that speaks RFC 8935: takes tokens that are pushed, and answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.ports import LOOPBACK, free_ports


@dataclass
class SetReceiver:
    """What came: headers and token of each request. `answers` are given one after the other, then 202."""

    url: str
    came: list[tuple[dict[str, str], str]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    silent: bool = False

    async def handle(self, request: web.Request) -> web.Response:
        """One push."""
        self.came.append((dict(request.headers), await request.text()))
        self.arrived.set()
        if self.silent:
            await asyncio.sleep(60)
        status, content = self.answers.pop(0) if self.answers else (202, {})
        return web.Response(
            status=status, body=json.dumps(content) if content else b"", content_type="application/json"
        )

    async def next(self, number: int = 1) -> list[tuple[dict[str, str], str]]:
        """The requests, once so many came."""
        async with asyncio.timeout(20):
            while len(self.came) < number:
                self.arrived.clear()
                await self.arrived.wait()
        return self.came


@asynccontextmanager
async def set_receiver() -> AsyncIterator[SetReceiver]:
    """A receiver that runs until the block ends."""
    port = free_ports(1)
    receiver = SetReceiver(f"http://{LOOPBACK}:{port}/events")
    application = web.Application()
    application.router.add_post("/events", receiver.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    yield receiver
    await runner.cleanup()


def push_to(url: str, header: str | None = None) -> dict[str, Any]:
    """The delivery member of a stream that pushes."""
    delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": url}
    return delivery if header is None else {**delivery, "authorization_header": header}


POLL = {"method": "urn:ietf:rfc:8936"}
