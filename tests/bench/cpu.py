"""What processes used of the processor, to the nanosecond, and of the memory."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

SCHEDULED = 2
"""The clock of a process that counts the time in which it ran, user and system (`CPUCLOCK_SCHED` of Linux)."""


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def used(pids: Iterable[int]) -> float:
    """Seconds of processor time of these processes, threads that ended included."""
    return sum(time.clock_gettime((~pid << 3) | SCHEDULED) for pid in pids)


def resident(pid: int) -> float:
    """Memory that a process holds, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


def cores() -> tuple[set[int], set[int]]:
    """The core of the server, and those of everything else."""
    first, *rest = sorted(os.sched_getaffinity(0))
    return {first}, set(rest) or {first}
