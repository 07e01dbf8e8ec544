"""A real Redis of the tests' own, on a free loopback port, that keeps nothing on disk and never evicts."""

import signal
import socket
import tempfile
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need


class RedisServer:
    """One Redis. It keeps its address over stop() and start(), and loses its data, as a Redis without a disk does."""

    def __init__(self, **further: str) -> None:
        """Nothing is started yet. `further` are settings of the server, with `_` for `-`."""
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="portico-redis-")
        options = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "dir": self._folder.name,
            **{name.replace("_", "-"): value for name, value in further.items()},
        }
        command = [need("redis-server"), *(word for name, value in options.items() for word in (f"--{name}", value))]
        self.program = Program(command, ready=lambda _: answers(self.port), folder=Path(self._folder.name))

    @property
    def url(self) -> str:
        """The address as redis-py takes it."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start it; nothing if it runs."""
        self.program.start()

    def stop(self) -> None:
        """End it in good order; nothing if it does not run."""
        self.program.stop()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.program.kill()

    def freeze(self) -> None:
        """Let it hang: connections are accepted by the machine, no answer comes. thaw() ends it."""
        self.program.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after freeze()."""
        self.program.send(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """One command over a connection of its own; the first line of the answer, such as `+OK` or `:3`."""
        return self.lines(*words, most=1)[0]

    def lines(self, *words: str, most: int | None = None) -> list[str]:
        """The lines of the answer to one command, as they come: all of them, or so many at most."""
        requests = [words] if most == 1 else [words, ("QUIT",)]
        sent = b"".join(
            b"*%d\r\n" % len(one) + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in one)
            for one in requests
        )
        with socket.create_connection((LOOPBACK, self.port), timeout=30) as connection:
            connection.sendall(sent)
            with connection.makefile("rb") as answer:
                read = [answer.readline()] if most == 1 else answer.readlines()[:-1]
        lines = [line.decode().rstrip() for line in read]
        if lines[0].startswith("-"):
            raise RuntimeError(lines[0])
        return lines

    def array(self, *words: str) -> list[str]:
        """The texts in an answer that is an array of them."""
        return self.lines(*words)[2::2]

    def flush(self) -> None:
        """Forget everything, and every setting that a test changed by CONFIG SET of maxmemory."""
        self.command("CONFIG", "SET", "maxmemory", "0")
        self.command("FLUSHALL")

    def renew(self) -> None:
        """Running, awake and empty, whatever the last test did to it."""
        if self.program.running:
            self.thaw()
        self.start()
        self.flush()

    def remove(self) -> None:
        """End it and delete its folder."""
        if self.program.running:
            self.thaw()
        self.stop()
        self._folder.cleanup()
