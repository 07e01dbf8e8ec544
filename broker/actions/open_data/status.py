"""Status: records when providers or the broker did not work, for everybody to read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from broker.model.disruption import SPAN, Condition, Disruption, StatusRecord, changes
from broker.model.status_note import StatusNote
from broker.platform.system import System

EVERY: Final = 30.0
"""Seconds between two records."""


class Disruptions(Protocol):
    """Recorded disruptions."""

    async def record(
        self, now: float, decide: Callable[[Sequence[Disruption], float | None], Sequence[Disruption]]
    ) -> Sequence[Disruption]:
        """Records what `decide` says of the lasting disruptions and the time of the last record. Returns what changed:
        nothing also if another process records at present.
        """
        ...

    async def recent(self, since: float) -> StatusRecord:
        """The disruptions that last or ended after a time, the newest first, and from when to when was recorded."""
        ...


class StatusNotes(Protocol):
    """Notes of the operator."""

    async def recent(self, since: float) -> Sequence[StatusNote]:
        """The notes that last or ended after a time, the newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """What the status works with. `notes` is None for what only records."""

    disruptions: Disruptions
    system: System
    notes: StatusNotes | None = None


async def record_status(context: Status, conditions: Mapping[str, Condition]) -> None:
    """Records how the providers are now."""
    now = context.system.now()
    await context.disruptions.record(now, lambda lasting, last: changes(lasting, conditions, last, now))


async def read_status(context: Status) -> StatusRecord:
    """The disruptions and notes of the last 90 days."""
    since = context.system.now() - SPAN
    record = await context.disruptions.recent(since)
    return record if context.notes is None else replace(record, notes=tuple(await context.notes.recent(since)))
