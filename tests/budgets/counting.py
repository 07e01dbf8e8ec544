"""Counters at the boundary: commands sent to Redis, statements run by PostgreSQL, work done by the interpreter."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import asyncpg

from broker import wiring
from broker.platform import system
from broker.settings import Settings
from broker.web.shared.pages import PageRenderer, page_renderer
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

MARK = "portico-test-mark"


class Monitor:
    """Commands that Redis received, one command for one round trip, read from MONITOR."""

    def __init__(self, redis: RedisServer, reader: asyncio.StreamReader) -> None:
        self._redis = redis
        self._reader = reader
        self._marks = 0

    async def heard(self) -> Sequence[str]:
        """The commands since the last call. What a script does inside Redis is no round trip."""
        self._marks += 1
        mark = f"{MARK}-{self._marks}"
        await asyncio.to_thread(self._redis.command, "ECHO", mark)
        found = []
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 60)).decode()
            if mark in line:
                return found
            command = re.match(r'\+[\d.]+ \[\d+ ([^\]]+)\] "([^"]+)"', line)
            if command and command[1] != "lua" and MARK not in line:
                found.append(command[2].upper())

    @staticmethod
    @asynccontextmanager
    async def of(redis: RedisServer) -> AsyncIterator["Monitor"]:
        """Monitors Redis until the block ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", redis.port)
        writer.write(b"MONITOR\r\n")
        assert await reader.readline() == b"+OK\r\n"
        try:
            yield Monitor(redis, reader)
        finally:
            writer.close()


class Statements:
    """What PostgreSQL ran, going by its own log. Every statement by itself is a transaction and one round trip."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        self._server = server
        self._database = database
        self._read = len(server.program.output)
        self._marks = 0

    async def heard(self) -> Sequence[str]:
        """The statements since the last call."""
        self._marks += 1
        mark = f"SELECT '{MARK}-{self._marks}'"
        connection = await asyncpg.connect(self._database)
        await connection.execute(mark)
        await connection.close()
        async with asyncio.timeout(60):
            # the log is a pipe, which a reader must drain
            while f"{mark}\n" not in (text := self._server.program.output[self._read :]):
                await asyncio.sleep(0.01)
        new = text[: text.index(mark)]
        self._read += len(new) + len(mark)
        found = re.findall(r"LOG:  (?:execute|statement)[^:]*: (.*?)(?=\n\d{4}-|\Z)", new, re.DOTALL)
        return [statement for statement in found if statement.strip()]


def writes(statement: str) -> bool:
    """Whether a statement writes: it is then a transaction with a durable commit."""
    return re.search(r"\b(INSERT|UPDATE|DELETE)\b", statement) is not None


WATCHED = {
    "load_pem_private_key": "key",
    "load_pem_public_key": "key",
    "load_der_private_key": "key",
    "load_der_public_key": "key",
    "from_encoded_point": "key",
    "public_key": "key",
    "private_key": "key",
    "import_key": "key",
    "from_jwk": "key",
    "parse_keys": "key",
    "verify_embedded": "key",
    "create_default_context": "TLS context",
    "compile": "template",
    "from_source": "template",
    "_parse": "template",
}
"""Names of functions that make something dear, by what they make."""


@dataclass(slots=True)
class Made:
    """Keys, TLS contexts, templates, connections and name lookups that the broker's own code made, by caller."""

    keys: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)


class Interpreter:
    """Watches what the interpreter does. Audit hooks (PEP 578) are for ever, so there is one, which can be silent."""

    def __init__(self) -> None:
        self._made: Made | None = None
        sys.addaudithook(self._audit)

    @contextmanager
    def watched(self) -> Iterator[Made]:
        """Fills what it gives until the block ends."""
        made = Made()
        self._made = made
        sys.setprofile(self._called)
        try:
            yield made
        finally:
            sys.setprofile(None)
            self._made = None

    def _called(self, frame: FrameType, event: str, what: Any) -> None:
        name = frame.f_code.co_name if event == "call" else getattr(what, "__name__", "") if event == "c_call" else ""
        if name == "__new__" and frame.f_code.co_filename.endswith("ssl.py"):
            name = "create_default_context"
        kind = WATCHED.get(name)
        if kind is None or self._made is None or not ours(frame):
            return
        where = f"{name} in {frame.f_code.co_filename}:{frame.f_lineno}"
        match kind:
            case "key":
                self._made.keys.append(where)
            case "TLS context":
                self._made.contexts.append(where)
            case "template" if "jinja2" in frame.f_code.co_filename:
                self._made.templates.append(where)

    def _audit(self, event: str, given: tuple[Any, ...]) -> None:
        if self._made is None:
            return
        if event == "socket.connect":
            self._made.connections.append(str(given[1]))
        elif event == "socket.getaddrinfo":
            self._made.lookups.append(str(given[0]))


OTHERS = ("/providers/simulator/", "/broker/demo/", "/tests/budgets/test_", "/tests/e2e/")
"""Whose doings are not the broker's, though they use the same libraries in the same process."""


def every_page(*parts: Any, **_development: object) -> PageRenderer:
    """The pages as a broker in production makes them: all at its start."""
    return page_renderer(*parts)


async def started_and_stopped(settings: Settings) -> None:
    """Starts another broker in this process, waits for its first health check of a provider, and stops it."""
    async with wiring.open_container(settings, system.real_system()) as parts:
        wiring.public_app(parts)
        for provider in parts.monitoring.health_monitor.providers.values():
            await provider.check()


def ours(frame: FrameType | None) -> bool:
    """True if the broker made the call, and not the simulated providers, the sample service or the test's citizen."""
    asked = False
    while frame is not None:
        file = frame.f_code.co_filename
        if any(other in file for other in OTHERS):
            return False
        asked = asked or "/broker/" in file or "/providers/" in file
        frame = frame.f_back
    return asked
