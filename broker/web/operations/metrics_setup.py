"""Set-up of Prometheus metrics, for one process or for several that share a folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.web.operations.metrics import Metrics

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that must name the folder before the first call of `open_metrics` in a process."""


def open_metrics(folder: Path | None) -> "Metrics":
    """Creates the metrics of this process; with a folder, they are merged with those of every process that uses it.

    prometheus_client reads the environment variable `SHARED` once, at its first import. So it is imported here and not
    at module level, after the parent process has set the variable to the folder.

    Raises RuntimeError if the variable was not set, or if the folder cannot be written.
    """
    from broker.web.operations.metrics import Metrics

    try:
        metrics = Metrics(folder)
    except OSError as error:
        raise RuntimeError(f"metrics cannot be written to {folder}: {error.strerror}") from error
    if folder is not None and not any(folder.glob(f"*_{os.getpid()}.db")):
        raise RuntimeError(f"metrics are not shared: {SHARED} must name {folder} when the process starts")
    return metrics


def clear(folder: Path) -> None:
    """Creates the folder and deletes the files of ended processes. Called before workers start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        if not runs(process(file)):
            file.unlink(missing_ok=True)


def process(file: Path) -> int:
    """The process id in the name of a metrics file; 0 if there is none."""
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def runs(process: int) -> bool:
    """Whether a process with this id exists."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
