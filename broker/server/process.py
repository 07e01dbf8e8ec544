"""The life of a serving process: garbage collection, its parent, SIGTERM and SIGHUP."""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from broker.web.operations import Readiness

GC_THRESHOLD = 10_000
"""Allocations minus deallocations after which Python looks for reference cycles. Its default is 700."""

DRAIN_DELAY = 2.0
"""Seconds between SIGTERM and the moment at which the process stops accepting connections."""


PARENT_INTERVAL = 0.5
"""Seconds between two looks of a worker whether its supervisor still runs."""


def freeze_gc() -> None:
    """Excludes the objects of the start from all later garbage collections, and raises the threshold.

    With Python's defaults the collections cost a twentieth of a request. Memory that the start freed goes back to the
    operating system if the C library can do that (glibc).
    """
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def end_with_parent() -> None:
    """Ends this process with SIGTERM if its supervisor was killed: it would keep the port from the next supervisor."""
    loop, supervisor = asyncio.get_running_loop(), multiprocessing.parent_process()

    def look() -> None:
        if supervisor is not None and os.getppid() != supervisor.pid:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            loop.call_later(PARENT_INTERVAL, look)

    look()


def drain_on_sigterm(readiness: Readiness) -> None:
    """Makes SIGTERM report "not ready" first, and run the previous handler `DRAIN_DELAY` seconds later.

    A load balancer sees that in time and sends new requests to other processes, so no request meets a closed port.
    """
    loop, previous = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        readiness.draining = True
        if callable(previous):
            loop.call_soon_threadsafe(loop.call_later, DRAIN_DELAY, previous, number, frame)

    signal.signal(signal.SIGTERM, drain)


def block_sighup() -> None:
    """Blocks SIGHUP here and in every process started from here, until `reload_on_sighup` handles it.

    A SIGHUP that arrives during the start stays pending; without this it would end the process.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def reload_on_sighup(reload: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs `reload` at every SIGHUP, and unblocks the signal."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def start() -> None:
        task = loop.create_task(reload())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, start)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
