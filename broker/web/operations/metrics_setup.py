"""How the counters of a process are made, for one process or for several that share a folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.web.operations.metrics import Metrics

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that must name the folder before the first call of `open_meters` in a process."""


def open_metrics(folder: Path | None) -> "Metrics":
    """The counters of this process; with a folder, those of every process that was given the same one.

    The library of counters decides once, when it is first imported, whether counters are shared, and takes the folder
    from the environment. So it is imported here and not at the head of a file: whoever starts the process sets
    `SHARED` to the folder before. Raises RuntimeError where that was forgotten, or the folder cannot be written.
    """
    from broker.web.operations.metrics import Metrics

    try:
        meters = Metrics(folder)
    except OSError as error:
        raise RuntimeError(f"counters cannot be written to {folder}: {error.strerror}") from error
    if folder is not None and not any(folder.glob(f"*_{os.getpid()}.db")):
        raise RuntimeError(f"counters are not shared: {SHARED} must name {folder} when the process starts")
    return meters


def clear(folder: Path) -> None:
    """Makes the folder, and takes out what processes that have ended left in it. Called before workers start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        if not runs(process(file)):
            file.unlink(missing_ok=True)


def process(file: Path) -> int:
    """The process that a file of counters belongs to; 0 if its name says none."""
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def runs(process: int) -> bool:
    """Whether there is a process with this id."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
