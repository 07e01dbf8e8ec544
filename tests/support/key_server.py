"""A client's `jwks_uri` on loopback, which can rotate its keys, hang and send an invalid answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from broker.crypto.jose import SigningKey


def jwks_bytes(*keys: SigningKey) -> bytes:
    """A JWK Set as a client publishes it."""
    return json.dumps({"keys": [dict(key.jwk) for key in keys]}).encode()


class KeyServer:
    """A server that publishes a JWK Set. `asked` counts the requests."""

    def __init__(self, *keys: SigningKey) -> None:
        """Publishes these keys."""
        self.asked = 0
        self.body = jwks_bytes(*keys)
        self.status = "200 OK"
        self.kind = "application/jwk-set+json"
        self.cache = ""
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of the JWK Set."""
        return f"http://127.0.0.1:{self.port}/jwks"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one request of one connection."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self.open.wait()
            head = f"HTTP/1.1 {self.status}\r\nContent-Type: {self.kind}\r\nContent-Length: {len(self.body)}\r\n"
            writer.write(f"{head}{self.cache}Connection: close\r\n\r\n".encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client disconnected
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
