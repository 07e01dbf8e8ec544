"""Drawn cases and made-up cases in SQL: one score sheet and one answer each, in SQLite and in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.calibration import Exercise, ExerciseAnswer
from broker.assisted.case_records import Decision
from broker.assisted.case_work import CaseWork
from broker.assisted.quality import QualitySample, SampleCounts, ScoreSheet
from broker.model.audit import AuditEvent
from broker.model.store_results import CreateCaseResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import case as make_case
from tests.support.system import FakeClock

pytestmark = pytest.mark.store
DAY = 86400


def sample(now: float, name: str = "one", agent: str = "ann") -> QualitySample:
    """A drawn case."""
    rests_on = replace(make_case(now), id=name, transaction=f"t-{name}", reference=f"REF{name}", continuation=None)
    return QualitySample(name, name, f"REF{name}", agent, "approve", now, now + DAY, rests_on=rests_on)


async def drawn(sql: SqlStores, *samples: QualitySample) -> None:
    """Writes each with its case."""
    for one in samples:
        assert one.rests_on is not None
        assert await sql.cases.create(one.rests_on, (), CaseWork(samples=(one,))) is CreateCaseResult.DONE


def filled(one: QualitySample, scorer: str, now: float) -> QualitySample:
    """The same with a score sheet."""
    sheet = ScoreSheet("1", {"contact": "met"}, "well done")
    return replace(one, scorer=scorer, scored=now, score=90, sheet=sheet, rests_on=None)


async def test_of_two_score_sheets_at_once_one_is_written(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    one = sample(now)
    await drawn(stores[0], one)
    assert await stores[1].quality.sample("one") == one
    sheets = [filled(one, who, now + 1) for who in ("ben", "lea")]
    event = AuditEvent("quality_scored", now, "staff:x", case="one")
    done = await asyncio.gather(*(s.quality.write_score(f, event) for s, f in zip(stores, sheets, strict=True)))
    assert sorted(done) == [False, True]
    assert await stores[0].quality.sample("one") == sheets[done.index(True)]
    rows = [row for _, row in await stores[0].audit.read(0, 50) if row.kind == "quality_scored"]
    assert len(rows) == 1


async def test_samples_are_listed_counted_and_erased_when_their_time_is_over(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    one, two, other = sample(now), sample(now - 10, "two"), sample(now, "other", "ben")
    await drawn(sql, one, two, other)
    assert [found.id for found in await sql.quality.open_samples(now, 10)] == ["two", "one", "other"]
    assert [found.id for found in await sql.quality.open_samples(now, 1)] == ["two"]
    event = AuditEvent("quality_scored", now, "staff:lea", case="one")
    assert await sql.quality.write_score(filled(one, "lea", now + 5), event)
    assert await sql.quality.write_score(filled(other, "lea", now + 6), event)
    assert [found.id for found in await sql.quality.scored(now, 10)] == ["other", "one"]
    assert [found.id for found in await sql.quality.scored(now, 10, "ann")] == ["one"]
    assert await sql.quality.sample_counts(now - 20, now) == SampleCounts(3, 2, 0)
    assert await sql.quality.sample_counts(now - 20, now + DAY) == SampleCounts(3, 2, 1)
    await sql.sweep(now + DAY)
    left = await sql.quality.sample("two")
    assert left is not None
    assert left.rests_on is None
    assert (await sql.quality.scored(now, 10, "ann"))[0].sheet is not None
    while await sql.sweep(now + 401 * DAY):
        pass
    assert await sql.quality.sample("one") is None


async def test_a_made_up_case_is_answered_once(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first, second = Exercise("x1", "ann", "good", "lea", now), Exercise("x2", "ann", "bad", "ann", now + 1)
    given = AuditEvent("calibration_given", now, "staff:lea")
    await sql.quality.give([second, first], given)
    assert list(await sql.quality.waiting_exercises("ann")) == [first, second]
    assert list(await sql.quality.waiting_exercises("ben")) == []
    answer = ExerciseAnswer(
        Decision.DECLINE, ("face_differs",), {"0.face": "no"}, right=True, kinds={"passport": (1, 1)}
    )
    done, event = replace(first, answered=now + 2, answer=answer), AuditEvent("calibration_answered", now, "staff:ann")
    assert await sql.quality.write_answer(done, event)
    assert not await sql.quality.write_answer(replace(done, answered=now + 3), event)
    assert await sql.quality.exercise("x1") == done
    assert await sql.quality.exercise("unknown") is None
    assert list(await sql.quality.answered(now, 10)) == [done]
    assert list(await sql.quality.answered(now, 10, "ben")) == []
    assert [row.kind for _, row in await sql.audit.read(0, 50)] == ["calibration_given", "calibration_answered"]
    with pytest.raises(ValueError, match="no answer"):
        await sql.quality.write_answer(second, event)
    while await sql.sweep(now + 401 * DAY):
        pass
    assert await sql.quality.exercise("x1") is None
