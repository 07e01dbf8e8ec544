"""Quality of decisions in SQL: drawn cases with their score sheets, and made-up cases that staff were given.

A drawn case is written with the case. What it rests on is sealed, and erased with the score sheet or when its time is
over (`retention`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Double,
    Integer,
    LargeBinary,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from broker.assisted.calibration import Exercise, ExerciseAnswer
from broker.assisted.case import Case
from broker.assisted.quality import QualitySample, SampleCounts, ScoreSheet
from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql.centre_tables import exercises, quality_samples
from broker.stores.sql.database import AtomicWrite, Database, InsertRows, Row

_s: Final = quality_samples.c
_e: Final = exercises.c
_SAMPLE: Final = ("id", "case_id", "reference", "agent", "decision", "drawn", "expires")
_GIVEN: Final = tuple(name for name in _SAMPLE if name != "case_id")
_SCORE: Final = ("scorer", "scored", "score", "sealed")
_EXERCISE: Final = ("id", "member", "item", "asked_by", "asked")


@dataclass(frozen=True, slots=True)
class _Content:
    """The sealed part of a drawn case."""

    sheet: ScoreSheet | None = None
    rests_on: Case | None = None


def samples_written() -> InsertRows:
    """The step of an atomic write that inserts the drawn cases in the parameter `samples`."""
    return InsertRows(quality_samples, "samples", (*_SAMPLE, "sealed"), {}, ("id",))


class SampleRows:
    """Sealing of drawn cases."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(_Content))

    def rows(self, samples: Sequence[QualitySample]) -> Sequence[Mapping[str, object]]:
        """The parameter `samples` of the step."""
        return [{**_clear(one, _GIVEN), "case_id": one.case, "sealed": self.seal(one)} for one in samples]

    def seal(self, sample: QualitySample) -> bytes:
        """The sealed part of a drawn case."""
        return self._sealed.write(_Content(sample.sheet, sample.rests_on), f"quality_samples:{sample.id}")

    def read(self, row: Row) -> QualitySample:
        """A drawn case of its row."""
        *clear, sealed = row
        sample = QualitySample(*clear)
        content = None if sealed is None else self._sealed.read(sealed, f"quality_samples:{sample.id}")
        return sample if content is None else replace(sample, sheet=content.sheet, rests_on=content.rests_on)


class SqlQuality:
    """Drawn cases and made-up cases in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._rows = SampleRows(sealer)
        self._answers = SealedCodec(sealer, RecordCodec(ExerciseAnswer))
        self._prepare_samples(database)
        self._prepare_exercises(database)

    def _prepare_samples(self, database: Database) -> None:
        sample_id, now = bindparam("id", type_=Text), bindparam("now", type_=Double)
        since, limit = bindparam("since", type_=Double), bindparam("limit", type_=Integer)
        found: Select[Any] = select(*(_s[name] for name in (*_SAMPLE, *_SCORE)))
        waiting = (_s.scored.is_(None), _s.expires > now)
        self._open = database.prepare(found.where(*waiting).order_by(_s.expires, _s.id).limit(limit))
        self._sample = database.prepare(found.where(_s.id == sample_id))
        score = {
            "scorer": bindparam("scorer", type_=Text),
            "scored": bindparam("scored", type_=Double),
            "score": bindparam("score", type_=BigInteger),
            "sealed": bindparam("sealed", type_=LargeBinary),
        }
        filled = update(quality_samples).where(_s.id == sample_id, _s.scored.is_(None)).values(**score)
        self._fill = database.prepare(AtomicWrite(filled.returning(_s.id), (audit.insert_rows(),)))
        done = found.where(_s.scored >= since).order_by(_s.scored.desc(), _s.id).limit(limit)
        self._scored = database.prepare(done)
        self._scored_of = database.prepare(done.where(_s.agent == bindparam("agent", type_=Text)))

        def counted(*conditions: Any) -> Any:
            number = select(func.count()).select_from(quality_samples)
            return number.where(_s.drawn >= since, *conditions).scalar_subquery()

        missed = counted(_s.scored.is_(None), _s.expires <= now)
        self._counts = database.prepare(select(counted(), counted(_s.scored.is_not(None)), missed))

    def _prepare_exercises(self, database: Database) -> None:
        exercise_id, member = bindparam("id", type_=Text), bindparam("member", type_=Text)
        since, limit = bindparam("since", type_=Double), bindparam("limit", type_=Integer)
        found: Select[Any] = select(*(_e[name] for name in (*_EXERCISE, "answered", "sealed")))
        self._given = database.prepare(
            AtomicWrite(
                None,
                (InsertRows(exercises, "exercises", _EXERCISE), audit.insert_rows()),
                select(literal_column("1")),
            )
        )
        self._exercise = database.prepare(found.where(_e.id == exercise_id))
        mine = found.where(_e.member == member)
        self._waiting = database.prepare(mine.where(_e.answered.is_(None)).order_by(_e.asked, _e.id))
        answer = {
            "answered": bindparam("answered", type_=Double),
            "sealed": bindparam("sealed", type_=LargeBinary),
        }
        answered = update(exercises).where(_e.id == exercise_id, _e.answered.is_(None)).values(**answer)
        self._answer = database.prepare(AtomicWrite(answered.returning(_e.id), (audit.insert_rows(),)))
        newest = (_e.answered.desc(), _e.id)
        self._answered = database.prepare(found.where(_e.answered >= since).order_by(*newest).limit(limit))
        self._answered_by = database.prepare(mine.where(_e.answered >= since).order_by(*newest).limit(limit))

    # --- drawn cases ---

    async def open_samples(self, now: float, limit: int) -> Sequence[QualitySample]:
        """Drawn cases without a score sheet whose time is not over, those that expire first first."""
        return [self._rows.read(row) for row in await self._database.query(self._open, {"now": now, "limit": limit})]

    async def sample(self, sample_id: str) -> QualitySample | None:
        """A drawn case."""
        rows = await self._database.query(self._sample, {"id": sample_id})
        return self._rows.read(rows[0]) if rows else None

    async def write_score(self, sample: QualitySample, event: AuditEvent) -> bool:
        """Writes the score sheet and erases what the decision rests on. False if there is a sheet already."""
        values = {**_clear(sample, ("id", "scorer", "scored", "score")), "sealed": self._rows.seal(sample)}
        return bool(await self._audit.perform(self._fill, values, [event]))

    async def scored(self, since: float, limit: int, agent: str | None = None) -> Sequence[QualitySample]:
        """Drawn cases with a score sheet of a time since, of one agent if one is named, the newest first."""
        values: dict[str, object] = {"since": since, "limit": limit}
        prepared = self._scored if agent is None else self._scored_of
        return [self._rows.read(row) for row in await self._database.query(prepared, values | _named("agent", agent))]

    async def sample_counts(self, since: float, now: float) -> SampleCounts:
        """How many cases were drawn since a time, have a score sheet, and can get none any more."""
        [row] = await self._database.query(self._counts, {"since": since, "now": now})
        return SampleCounts(*(int(number) for number in row))

    # --- made-up cases ---

    async def give(self, exercises: Sequence[Exercise], event: AuditEvent) -> None:
        """Writes made-up cases, with one audit row."""
        await self._audit.perform(self._given, {"exercises": [_clear(one, _EXERCISE) for one in exercises]}, [event])

    async def exercise(self, exercise_id: str) -> Exercise | None:
        """A made-up case that a member of staff was given."""
        return next(iter(await self._exercises(self._exercise, {"id": exercise_id})), None)

    async def waiting_exercises(self, member: str) -> Sequence[Exercise]:
        """The made-up cases without an answer, the oldest first."""
        return await self._exercises(self._waiting, {"member": member})

    async def write_answer(self, exercise: Exercise, event: AuditEvent) -> bool:
        """Writes an answer with its audit row. False if there is one already."""
        if exercise.answer is None:
            raise ValueError("the exercise has no answer")
        sealed = self._answers.write(exercise.answer, f"exercises:{exercise.id}")
        values = {"id": exercise.id, "answered": exercise.answered, "sealed": sealed}
        return bool(await self._audit.perform(self._answer, values, [event]))

    async def answered(self, since: float, limit: int, member: str | None = None) -> Sequence[Exercise]:
        """Made-up cases that were answered since a time, by one member of staff if one is named, the newest first."""
        values: dict[str, object] = {"since": since, "limit": limit}
        prepared = self._answered if member is None else self._answered_by
        return await self._exercises(prepared, values | _named("member", member))

    async def _exercises(self, prepared: Any, values: Mapping[str, object]) -> Sequence[Exercise]:
        found = []
        for *clear, sealed in await self._database.query(prepared, values):
            one = Exercise(*clear)
            answer = None if sealed is None else self._answers.read(sealed, f"exercises:{one.id}")
            found.append(replace(one, answer=answer))
        return found


def _clear(record: QualitySample | Exercise, names: Sequence[str]) -> dict[str, object]:
    """Fields of a record by name, those that are columns of the same name."""
    return {name: getattr(record, name) for name in names}


def _named(name: str, value: str | None) -> dict[str, object]:
    return {} if value is None else {name: value}
