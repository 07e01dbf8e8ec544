"""Incident jobs: what a lead asked for with every case of a filter, and how far it is."""

from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case_row import CaseFilter


class IncidentState(StrEnum):
    """States of a job. STOPPED: a lead stopped it, or the one who asked is no lead any more."""

    OPEN = "open"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class IncidentProgress:
    """How far a job is.

    `done` cases were changed; in this pass `left` cases were looked at and left as they are, and `changed` says whether
    one was changed. `after` continues the list: "" at the start of a pass, None at its end. `batch` are cases with
    their edit versions that were read from it and may be changed already: they are looked at again after a crash.
    """

    done: int = 0
    left: int = 0
    changed: bool = False
    after: str | None = ""
    batch: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentJob:
    """What a lead asked for: `action` with the cases of `want`, for a reason. Times are seconds since 1970 UTC.

    `leased` is until when a worker has it; 0.0 for none.
    """

    id: str
    by: str
    asked: float
    action: str
    reason: str
    want: CaseFilter
    state: IncidentState = IncidentState.OPEN
    progress: IncidentProgress = IncidentProgress()
    leased: float = 0.0
    ended: float | None = None
