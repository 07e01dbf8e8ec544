"""A program in a child process: starts it, waits until it is ready, and ends it by its id."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, ClassVar

from tests.support import fork_server
from tests.support.fork_server import ForkedCommand
from tests.support.ports import LOOPBACK


def answers(port: int) -> bool:
    """True if a process accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


class Program:
    """One program and, between start() and stop(), its process. `output` has both streams."""

    allowed: ClassVar[bool] = True
    """False while a unit test runs."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        ready: Callable[["Program"], bool],
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: str | None = None,
    ) -> None:
        """`ready` is polled after the start; `env` is added to the environment of this process; `user` is the name of
        the account to run under, None for the current one.
        """
        self.command = [str(part) for part in command]
        self._ready, self._env, self._folder, self._user = ready, env or {}, folder, user
        self._process: subprocess.Popen[bytes] | ForkedCommand | None = None
        self._output: list[bytes] = []

    @property
    def pid(self) -> int:
        """The id of the running process; an error if there is none."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """True from start() until the process ends for any reason."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything that the program wrote since its first start."""
        return b"".join(self._output).decode(errors="replace")

    def start(self, within: float = 60) -> None:
        """Starts the process and returns once it is ready; does nothing if it runs already.

        Raises RuntimeError with the program's output if it ends, or is not ready after `within` seconds.
        """
        if self.running:
            return
        if not Program.allowed:
            raise RuntimeError(f"a unit test may not start {self.command[0]}: give it the marker slow")
        self._process = self._launched()
        listener = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        listener.start()
        give_up = time.monotonic() + within
        while not self._ready(self):
            if not self.running or time.monotonic() > give_up:
                ended = self._process.poll()
                self.kill()
                listener.join(1)  # the last lines may still be in the pipe
                state = "was not ready in time" if ended is None else f"ended with status {ended}"
                raise RuntimeError(f"{' '.join(self.command)} {state}:\n{self.output[-4000:]}")
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process."""
        os.kill(self.pid, number)

    def stop(self, by: signal.Signals = signal.SIGTERM, within: float = 60) -> int:
        """Asks the process to end, waits, and kills it if it still runs after `within` seconds.

        Returns its exit status: minus the signal's number if a signal ended it (as in `subprocess`), 0 if it never ran.
        """
        if self._process is None:
            return 0
        if self.running:
            self.send(by)
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """Ends the process at once, as a crash would. Returns its exit status."""
        if self._process is None:
            return 0
        self._process.kill()
        return self._process.wait()

    def _launched(self) -> subprocess.Popen[bytes] | ForkedCommand:
        return self._executed(self.command)

    def _executed(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        as_user = {"user": self._user, "group": self._user_group(), "extra_groups": []} if self._user else {}
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**os.environ, **self._env},
            start_new_session=True,  # an interrupt at the keyboard ends the tests, and they end their programs
            **as_user,
        )

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._output.append(line)

    def _user_group(self) -> int:
        return pwd.getpwnam(str(self._user)).pw_gid


class BrokerProgram(Program):
    """The command `portico` with these arguments, forked from a process that has imported it.

    A variable that the dynamic linker reads (LD_PRELOAD) needs a new interpreter.
    """

    def _launched(self) -> subprocess.Popen[bytes] | ForkedCommand:
        if "LD_PRELOAD" not in self._env:
            return fork_server.start(self.command, self._env, self._folder)
        return self._executed([sys.executable, "-m", "broker", *self.command])
