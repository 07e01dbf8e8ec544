"""A real Redis on a free loopback port, without persistence and without eviction."""

import signal
import socket
import tempfile
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need


class RedisServer:
    """One Redis. After stop() and start() it has the same address and no data."""

    def __init__(self, **further: str) -> None:
        """Does not start it. `further` are settings of the server, with `_` for `-`."""
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
        """The URL for redis-py."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Starts it; does nothing if it runs."""
        self.program.start()

    def stop(self) -> None:
        """Ends it by SIGTERM; does nothing if it does not run."""
        self.program.stop()

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self.program.kill()

    def freeze(self) -> None:
        """Suspends it: the kernel accepts connections, Redis does not answer. thaw() resumes it."""
        self.program.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resumes it after freeze()."""
        self.program.send(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """Sends one command over a new connection. Returns the first line of the answer, such as `+OK` or `:3`."""
        return self.lines(*words, most=1)[0]

    def lines(self, *words: str, most: int | None = None) -> list[str]:
        """The raw lines of the answer to one command: all of them, or at most `most`."""
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
        """The strings of an array that a command returns."""
        return self.lines(*words)[2::2]

    def flush(self) -> None:
        """Deletes all data, and resets `maxmemory`."""
        self.command("CONFIG", "SET", "maxmemory", "0")
        self.command("FLUSHALL")

    def renew(self) -> None:
        """Makes it run, answer and be empty, after any test."""
        if self.program.running:
            self.thaw()
        self.start()
        self.flush()

    def remove(self) -> None:
        """Ends it and deletes its folder."""
        if self.program.running:
            self.thaw()
        self.stop()
        self._folder.cleanup()
