"""Pytest plug-in: runs the collected tests in processes that are forked after the collection (`--workers N`).

The tests are imported and collected once, not once for each worker, and a report takes one message for each file: for
thousands of tests of a few milliseconds this is half of the time.

The unit of work is a group of tests that share expensive fixtures, such as a file. The groups stand in a pipe, from
which each worker takes the next one. Workers send the reports back, and the hooks of this process handle them as if
the tests had run here. Nothing may have started a thread or an event loop before the tests run.
"""

import os
import pickle
import selectors
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import pytest
from _pytest._io import TerminalWriter
from _pytest.config import create_terminal_writer

_LENGTH: Final = struct.Struct("!I")
_INDEX: Final = struct.Struct("!H")

Groups = Sequence[Sequence[pytest.Item]]


class ForkedWorkers:
    """Runs the tests in `number` workers. `group` names the group of a test; tests of one group are consecutive."""

    def __init__(self, number: int, group: Callable[[pytest.Item], str]) -> None:
        self._number, self._group = number, group

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Runs all tests, unless there is only something to list, or an error of the collection to report."""
        options = session.config.option
        if options.collectonly or (session.testsfailed and not options.continue_on_collection_errors):
            return None
        if threading.active_count() != 1:
            raise RuntimeError(f"threads run before the tests: {threading.enumerate()}")
        groups = [[*tests] for _, tests in groupby(session.items, self._group)]
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all workers
        queue = _queue(len(groups))
        workers = [_forked(session, groups, queue) for _ in range(self._number)]
        reported = self._report(session, [pipe for _, pipe in workers], queue)
        os.close(queue)
        for pid, _ in workers:
            os.waitpid(pid, 0)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if missing := [test.nodeid for test in session.items if test.nodeid not in reported]:
            raise RuntimeError(f"a worker ended before it reported {', '.join(missing[:20])} ({len(missing)} tests)")
        return True

    def _report(self, session: pytest.Session, pipes: Sequence[int], queue: int) -> set[str]:
        """Hands the reports of all workers to the hooks, until every worker has ended. Returns the tests reported.

        Once the session should stop (`-x`), the queue is emptied: each worker ends with the group that it runs.
        """
        hook, config, reported = session.config.hook, session.config, set[str]()
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                selector.register(pipe, selectors.EVENT_READ, open(pipe, "rb"))  # noqa: SIM115
            while selector.get_map():
                for key, _ in selector.select():
                    head = key.data.read(_LENGTH.size)
                    if not head:
                        selector.unregister(key.fileobj)
                        key.data.close()
                        continue
                    for data in pickle.loads(key.data.read(_LENGTH.unpack(head)[0])):
                        report = hook.pytest_report_from_serializable(config=config, data=data)
                        if report.when == "setup":
                            hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
                        hook.pytest_runtest_logreport(report=report)
                        if report.when == "teardown":
                            reported.add(report.nodeid)
                            hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
                    if session.shouldfail:
                        [*_taken(queue)]
        return reported


class _Sender:
    """Collects the reports of a worker, and sends those of a group together."""

    def __init__(self, config: pytest.Config, pipe: int) -> None:
        self._config, self._pipe = config, pipe
        self._reports: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called after each phase of each test."""
        self._reports.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def send(self) -> None:
        """Sends what was collected since the last time."""
        data = pickle.dumps(self._reports)
        self._reports = []
        with open(self._pipe, "wb", closefd=False) as stream:
            stream.write(_LENGTH.pack(len(data)) + data)


class _Terminal:
    """What stands in for the terminal in a worker: pytest-timeout writes stacks to it, and assertions ask it for
    colours. It writes to standard error, which is captured with the test's output.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @property
    def _tw(self) -> TerminalWriter:
        """The attribute that `pytest.Config.get_terminal_writer` reads."""
        return create_terminal_writer(self._config, sys.stderr)


def _queue(length: int) -> int:
    """Returns the reading end of a pipe that holds the numbers of all groups in order."""
    queue, end = os.pipe()
    os.write(end, b"".join(_INDEX.pack(number) for number in range(length)))
    os.close(end)
    return queue


def _taken(queue: int) -> Iterator[int]:
    """Takes numbers out of the queue until it is empty. A read of a pipe is atomic."""
    while number := os.read(queue, _INDEX.size):
        yield _INDEX.unpack(number)[0]


def _forked(session: pytest.Session, groups: Groups, queue: int) -> tuple[int, int]:
    """Starts a worker. Returns its process id, and the pipe from which its reports are read."""
    reports, pipe = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid != 0:
        os.close(pipe)
        return pid, reports
    status = 1
    try:
        os.close(reports)
        _work(session, groups, _taken(queue), pipe)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)


def _work(session: pytest.Session, groups: Groups, numbers: Iterator[int], pipe: int) -> None:
    """Runs groups of tests, and sends their reports. The last test tears down what the worker set up."""
    config = session.config
    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(_Terminal(config), "terminalreporter")
    capture = plugins.getplugin("capturemanager")
    # a buffer of its own: a file that is inherited has one position for all workers
    capture.stop_global_capturing()
    capture.start_global_capturing()
    sender = _Sender(config, pipe)
    plugins.register(sender)
    number = next(numbers, None)
    while number is not None and not session.shouldfail:
        following = next(numbers, None)
        tests = groups[number]
        after = groups[following][0] if following is not None else None
        for test, nextitem in zip(tests, [*tests[1:], after], strict=True):
            config.hook.pytest_runtest_protocol(item=test, nextitem=nextitem)
        sender.send()
        number = following
