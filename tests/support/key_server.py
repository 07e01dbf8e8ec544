"""A service's server that shows its keys, on loopback: it changes them, hangs and talks rubbish as a test wants it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from broker.crypto.jose import SigningKey


def shown(*keys: SigningKey) -> bytes:
    """A key set as a service shows it."""
    return json.dumps({"keys": [dict(key.jwk) for key in keys]}).encode()


class KeyServer:
    """A service that shows its keys, well or badly. `asked` counts the requests that came."""

    def __init__(self, *keys: SigningKey) -> None:
        """It shows these keys."""
        self.asked = 0
        self.body = shown(*keys)
        self.status = "200 OK"
        self.kind = "application/jwk-set+json"
        self.cache = ""
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self.port}/jwks"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self.open.wait()
            head = f"HTTP/1.1 {self.status}\r\nContent-Type: {self.kind}\r\nContent-Length: {len(self.body)}\r\n"
            writer.write(f"{head}{self.cache}Connection: close\r\n\r\n".encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked gave up
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["KeyServer"]:
        """Listens until the block ends."""
        listening = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        self.port = int(listening.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            self.open.set()
            listening.close()
