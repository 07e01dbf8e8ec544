"""Runs the command `portico` in processes that are forked from one that has imported it.

A new interpreter takes 2 s of CPU to import the broker and compile the templates of its pages, and the tests start
hundreds. What runs is the same: `broker.cli.main.main` in a process of its own, with its own session, environment,
working directory and streams. tests/deploy and tests/bench start it as an operator does.

`python -m tests.support.fork_server FD` is the server. It reads requests from the socket `FD` until that is closed.
"""

import atexit
import contextlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

from tests.support.memo import keep_templates

_LARGEST: Final = 1 << 20
"""Bytes of a request: arguments and environment."""

PRELOADED: Final = ("alembic.command", "asyncpg", "redis.asyncio", "sqlalchemy.ext.asyncio", "broker.web.staff")
"""Imported beside the command: the product imports them when they are needed."""


class ForkedCommand:
    """A running command, with the part of the interface of `subprocess.Popen` that the tests use."""

    def __init__(self, pid: int, stdout: IO[bytes], status: int) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Returns the exit status, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end and returns the exit status. Raises subprocess.TimeoutExpired."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("portico", timeout or 0)
        return status

    def kill(self) -> None:
        """Ends it at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(os.read(self._status, 16) or b"-9")
            os.close(self._status)
        return self.returncode


class _Client:
    """The server of this process, and the socket to it."""

    def __init__(self) -> None:
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-m", "tests.support.fork_server", str(its.fileno())]
            self._server = subprocess.Popen(command, pass_fds=[its.fileno()], cwd=Path(__file__).parents[2])
        self._socket, self._one_at_a_time = mine, threading.Lock()
        atexit.register(self.close)

    def start(self, words: Sequence[str], env: Mapping[str, str], folder: Path) -> ForkedCommand:
        """Starts a command. Both of its streams go to `stdout`."""
        request = json.dumps([list(words), dict(env), str(folder)]).encode()
        (out, write_out), (status, write_status) = os.pipe(), os.pipe()
        try:
            with self._one_at_a_time:
                socket.send_fds(self._socket, [request], [write_out, write_status])
                pid = int(self._socket.recv(16))
        finally:
            os.close(write_out)
            os.close(write_status)
        return ForkedCommand(pid, open(out, "rb"), status)

    def close(self) -> None:
        """Ends the server."""
        self._socket.close()
        self._server.wait()


_client = cache(_Client)


def start(words: Sequence[str], env: Mapping[str, str] | None = None, folder: Path | None = None) -> ForkedCommand:
    """Starts `portico <words>`. `env` is added to the environment of this process."""
    return _client().start(words, {**os.environ, **(env or {})}, folder or Path.cwd())


def run(*words: str) -> tuple[int, str]:
    """Runs `portico <words>` to its end. Returns the exit status, and what it printed on both streams."""
    command = start(words)
    with command.stdout as stream:
        printed = stream.read().decode(errors="replace")
    return command.wait(), printed


def _serve(requests: socket.socket) -> None:
    """Forks a child for each request, and reports the exit status of each."""
    statuses: dict[int, int] = {}

    def reap(*_: object) -> None:
        for pid in [*statuses]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                descriptor = statuses.pop(pid)
                with contextlib.suppress(BrokenPipeError):
                    os.write(descriptor, str(os.waitstatus_to_exitcode(status)).encode())
                os.close(descriptor)

    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        request, [*descriptors], _, _ = socket.recv_fds(requests, _LARGEST, 2)
        if not request:
            return
        out, status = descriptors
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        child = os.fork()
        if child == 0:
            for descriptor in (requests.fileno(), status, *statuses.values()):
                os.close(descriptor)
            _run(json.loads(request), out)
        statuses[child] = status
        os.close(out)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        requests.send(str(child).encode())


def _run(request: Any, out: int) -> None:
    """The rest of the child's life."""
    words, env, folder = request
    status = 70
    try:
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.setsid()
        os.environ.clear()
        os.environ.update(env)
        os.chdir(folder)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(source, target)
        os.close(nothing)
        os.close(out)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(number, "w", closefd=False), line_buffering=True) for number in (1, 2)
        )
        from broker.cli.main import main

        status = main(words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    import broker.cli.main  # noqa: F401

    for name in PRELOADED:
        __import__(name)
    keep_templates()
    _serve(socket.socket(fileno=int(sys.argv[1])))
