"""A TCP proxy whose responses a test can hold back: the server has carried out a request, the client does not know."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.ports import LOOPBACK


class PausingProxy:
    """Forwards connections to a port of this machine."""

    def __init__(self, server: Callable[[], int]) -> None:
        """`server` returns the port for the next connection."""
        self._server = server
        self._open = asyncio.Event()
        self._open.set()
        self._clients: dict[int, int] = {}
        self._carried: set[asyncio.Task[None]] = set()
        self.port = 0

    def hold(self) -> None:
        """Holds back responses; requests still pass."""
        self._open.clear()

    def release(self) -> None:
        """Forwards the responses that were held back, and all that follow."""
        self._open.set()

    def client(self, port: int) -> int:
        """The client's local port of the connection that reaches the server from this port."""
        return self._clients[port]

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["PausingProxy"]:
        """Listens at this port, or at a free one, until the block ends."""
        server = await asyncio.start_server(self._accept, LOOPBACK, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._carried:
                task.cancel()
            await asyncio.gather(*self._carried, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, questions = await asyncio.open_connection(LOOPBACK, self._server())
        except OSError:
            writer.close()
            return
        self._clients[questions.get_extra_info("sockname")[1]] = writer.get_extra_info("peername")[1]
        try:
            await asyncio.gather(
                self._forward(reader, questions, answers=False), self._forward(answers, writer, answers=True)
            )
        finally:
            writer.close()
            questions.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if answers:
                    await self._open.wait()
                target.write(data)
                await target.drain()
        with suppress(OSError):
            target.close()
