"""The files in which several processes count: one for each kind of metric and process, in one folder."""

import os
from pathlib import Path

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that must name the folder before the first call of `open_metrics` in a process."""


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
