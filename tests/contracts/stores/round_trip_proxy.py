"""A relay that counts round trips: how often a client sends and then waits, for any protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Turns:
    """Counts a round trip each time the client sends after the server did, over all connections."""

    def __init__(self, host: str, port: int) -> None:
        """Address of the server."""
        self._server = (host, port)
        self.count = 0
        self.connections = 0
        self.port = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from beginning to end."""
        self.connections += 1
        from_server, to_server = await asyncio.open_connection(*self._server)
        waiting = [False]

        async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, asks: bool) -> None:
            with suppress(ConnectionError):
                while data := await source.read(65_536):
                    if asks and not waiting[0]:
                        self.count += 1
                    waiting[0] = asks
                    target.write(data)
                    await target.drain()
            target.close()

        await asyncio.gather(forward(reader, to_server, asks=True), forward(from_server, writer, asks=False))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Turns"]:
        """Relays on a free port until the block ends."""
        server = await asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
