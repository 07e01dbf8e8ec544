"""The supervisor: forks the processes that serve, passes signals on to them, and replaces those that end."""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, Final

import uvicorn
from uvicorn._subprocess import subprocess_started
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import SIGNALS, Process

LOG: Final = logging.getLogger("portico.app")

RESTART_INTERVAL = 5.0
"""Seconds between two starts of the staff process, which may fail at once again."""

_FORK: Final = multiprocessing.get_context("fork")
_ENDING: Final = {signal.SIGTERM, signal.SIGINT}


class Supervisor(Multiprocess):
    """Restarts workers and the staff process, and passes SIGHUP on to them: they read their settings again.

    The processes are forked and not spawned: they share the memory of this process, and neither import the broker nor
    compile its pages again. This process has no event loop and no thread, so that nothing is lost in the fork.

    SIGHUP stays blocked here and is polled. A process that is started from here begins with it blocked too, so a
    SIGHUP neither gets lost nor ends a process that does not handle it yet.
    """

    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], serve_staff: Callable[[], None] | None
    ) -> None:
        """`serve_staff` is the main function of the staff process, None without one."""
        super().__init__(config, sockets)
        self._serve_staff = serve_staff
        self._staff: Any = None
        self._staff_started = 0.0

    def init_processes(self) -> None:
        """Called by uvicorn once. Starts every process."""
        self.processes = [self._started() for _ in range(self.processes_num)]
        self._start_staff()

    def keep_subprocess_alive(self) -> None:
        """Called by uvicorn twice a second. Replaces workers that ended or do not respond, and the staff process.

        A worker that fails before it serves ends the supervisor: it would fail again.
        """
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set() or _responds(worker, self.config.timeout_worker_healthcheck):
                continue
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                LOG.error("worker_start_failed", extra={"pid": worker.pid})
                self.should_exit.set()
                return
            LOG.error("worker_ended", extra={"pid": worker.pid, "status": worker.exitcode})
            self.processes[index] = self._started()
        self._keep_staff_alive()

    def terminate_all(self) -> None:
        """Called by uvicorn at the end. Sends SIGTERM to every process."""
        super().terminate_all()
        if self._staff is not None and self._staff.is_alive():
            self._staff.terminate()

    def join_all(self) -> None:
        """Called by uvicorn at the end. Waits until every process has ended."""
        super().join_all()
        if self._staff is not None:
            self._staff.join()

    def handle_signals(self) -> None:
        """Called by uvicorn twice a second."""
        if signal.sigtimedwait({signal.SIGHUP}, 0) is not None:
            self.handle_hup()
        super().handle_signals()

    def handle_hup(self) -> None:
        """Sends SIGHUP to every process."""
        for pid in (process.pid for process in (*self.processes, self._staff) if process is not None):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Starts one more worker."""
        self.processes_num += 1
        self.processes.append(self._started())

    def _started(self) -> Process:
        worker = _ForkedWorker(self.config, self.sockets)
        _start(worker.process)
        return worker

    def _keep_staff_alive(self) -> None:
        if self._staff is None or self._staff.is_alive() or self.should_exit.is_set():
            return
        if time.monotonic() - self._staff_started >= RESTART_INTERVAL:
            LOG.error("staff_process_ended", extra={"pid": self._staff.pid, "status": self._staff.exitcode})
            self._start_staff()

    def _start_staff(self) -> None:
        if self._serve_staff is None:
            return
        self._staff = _FORK.Process(target=_run_forked, args=(self._serve_staff,))
        self._staff_started = time.monotonic()
        _start(self._staff)


def _responds(worker: Process, timeout: float) -> bool:
    """Whether a worker runs, and answers uvicorn's ping within `timeout` seconds.

    `worker.is_alive` waits that long for one that is killed after it was asked.
    """
    if not worker.process.is_alive():
        return False
    try:
        worker.parent_conn.send(b"ping")
        ready = wait([worker.parent_conn, worker.process.sentinel], timeout)
        if worker.parent_conn not in ready:
            return False
        worker.parent_conn.recv()
    except (OSError, EOFError):
        return False
    return True


class _ForkedWorker(Process):
    """uvicorn's worker process, forked."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        arguments = {"config": config, "target": self.target, "sockets": sockets, "stdin_fileno": None}
        self.process: Any = _FORK.Process(target=_run_forked, args=(subprocess_started,), kwargs=arguments)


def _start(process: Any) -> None:
    """Starts a process. A signal that would end it waits until it no longer has the supervisor's handlers."""
    if threading.active_count() != 1:
        raise RuntimeError("a process with threads may not fork")
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _run_forked(run: Callable[..., None], **arguments: Any) -> None:
    """The main function of a forked process. It begins with Python's own handlers of signals."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    run(**arguments)
