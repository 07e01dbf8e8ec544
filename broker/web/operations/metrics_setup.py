"""Set-up of Prometheus metrics, for one process or for several that share a folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from broker.web.operations.metric_files import SHARED

if TYPE_CHECKING:
    from broker.web.operations.metrics import Metrics


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
