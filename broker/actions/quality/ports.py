"""Ports of the quality sample and of made-up cases."""

from collections.abc import Sequence
from typing import Protocol

from broker.assisted.calibration import Exercise
from broker.assisted.quality import QualitySample, SampleCounts
from broker.model.audit import AuditEvent


class QualityStore(Protocol):
    """Decided cases that were drawn, which are written with their case, and made-up cases that staff were given."""

    async def open_samples(self, now: float, limit: int) -> Sequence[QualitySample]:
        """Drawn cases without a score sheet that can still get one, those that expire first first."""
        ...

    async def sample(self, sample_id: str) -> QualitySample | None:
        """A drawn case."""
        ...

    async def write_score(self, sample: QualitySample, event: AuditEvent) -> bool:
        """Writes the score sheet with its audit row. False, and nothing written, if there is one already."""
        ...

    async def scored(self, since: float, limit: int, agent: str | None = None) -> Sequence[QualitySample]:
        """Drawn cases that got a score sheet since a time, of one agent if one is named, the newest first."""
        ...

    async def sample_counts(self, since: float, now: float) -> SampleCounts:
        """How many cases were drawn since a time, and what became of them."""
        ...

    async def give(self, exercises: Sequence[Exercise], event: AuditEvent) -> None:
        """Writes made-up cases that members of staff are given, with one audit row."""
        ...

    async def exercise(self, exercise_id: str) -> Exercise | None:
        """A made-up case that a member of staff was given."""
        ...

    async def waiting_exercises(self, member: str) -> Sequence[Exercise]:
        """The made-up cases that a member of staff has not answered, the oldest first."""
        ...

    async def write_answer(self, exercise: Exercise, event: AuditEvent) -> bool:
        """Writes an answer with its audit row. False, and nothing written, if there is one already."""
        ...

    async def answered(self, since: float, limit: int, member: str | None = None) -> Sequence[Exercise]:
        """Made-up cases that were answered since a time, by one member of staff if one is named, the newest first."""
        ...
