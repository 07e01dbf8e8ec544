"""Figures of sign-ins in SQL: counted once from sealed rows, published once, and never changed by an older record."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from broker.actions.open_data.publishing import OpenData, count_and_publish, publish_days
from broker.actions.open_data.verifying import FigureDifference, correct_day, verify_day
from broker.journey.figures import FigureLine, PublishedDay, SignInPath, count_all, publish, start_events
from broker.model.audit import AuditEvent
from broker.stores.figure_archive import FigureArchive
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.database_dumps import query

pytestmark = pytest.mark.store

DAY = "2027-01-15"
AT = 1_800_000_000.0
"""2027-01-15, 08:00 UTC."""
LATER = AT + 3 * 86400


def rows(number: int, day: str = DAY, at: float = AT) -> list[AuditEvent]:
    """Rows of sign-ins of which as many ended as did not."""
    details = {"started": day, "language": "en", "asked": "low", "path": SignInPath.FIRST_CHOICE.value}
    ended = [AuditEvent("service_answered", at, "citizen", provider="bank", details=details)] * number
    return [*start_events({("library", day, "en"): 2 * number}, at), *ended]


async def write(sql: SqlStores, events: list[AuditEvent]) -> None:
    """Writes and seals rows."""
    await sql.audit.write(events)
    while await sql.audit_chain.seal_once():
        pass


def at(sql: SqlStores, now: float, checkpoints: Path | None = None) -> OpenData:
    """Publishing, at a time."""
    archive = None if checkpoints is None else FigureArchive(checkpoints)
    return OpenData(sql.figures, replace(sql.system, now=lambda: now), archive)


async def test_sealed_rows_are_counted_once_in_any_portions(sql: SqlStores) -> None:
    events = rows(20)
    await sql.audit.write(events[:5])
    assert await sql.figures.count_sealed(count_all) == 0
    await sql.audit_chain.seal_once()
    assert await sql.figures.count_sealed(count_all) == 5
    await write(sql, [*events[5:], AuditEvent("code_redeemed", AT, "service:library")])
    while await sql.figures.count_sealed(count_all):
        pass
    assert await sql.figures.counted(DAY) == count_all(events)
    assert await sql.figures.first_uncounted() is None


async def test_a_day_is_published_when_its_sign_ins_have_ended_and_then_never_changes(
    sql: SqlStores, sql_url: str
) -> None:
    await write(sql, rows(20))
    await count_and_publish(at(sql, AT + 2 * 86400))
    assert await sql.figures.published(DAY) == []
    await count_and_publish(at(sql, LATER))
    (published,) = await sql.figures.published(DAY)
    assert (published.day, published.revision, published.published) == (DAY, 1, LATER)
    assert published.lines == publish(count_all(rows(20)))
    assert (await query(sql_url, "SELECT count(*) FROM figures"))[0][0] == 0
    # rows of that day that are sealed late, a second run, and the record of an older backup change nothing
    await write(sql, rows(30))
    await count_and_publish(at(sql, LATER + 60))
    await query(sql_url, "DELETE FROM audit")
    await query(sql_url, "DELETE FROM measured_rows")
    await write(sql, rows(12))
    await count_and_publish(at(sql, LATER + 120))
    assert await sql.figures.published(DAY) == [published]


async def test_days_are_published_in_order_without_gaps(sql: SqlStores) -> None:
    await write(sql, [*rows(20), *rows(15, "2027-01-17", AT + 2 * 86400)])
    await count_and_publish(at(sql, AT + 5 * 86400))
    assert [(one.day, bool(one.lines)) for one in await sql.figures.published("2027-01-01")] == [
        (DAY, True),
        ("2027-01-16", False),
        ("2027-01-17", True),
    ]
    assert [one.day for one in await sql.figures.published("2027-01-17")] == ["2027-01-17"]


async def test_a_day_waits_for_rows_that_are_not_counted_yet(sql: SqlStores) -> None:
    await write(sql, rows(20))
    await sql.figures.count_sealed(count_all)
    await write(sql, rows(1, at=AT + 86400))
    context = at(sql, LATER)
    before = await sql.figures.published(DAY)
    # a process that counts at present leaves rows uncounted
    await publish_days(context)
    assert before == await sql.figures.published(DAY) == []
    await count_and_publish(context)
    assert len(await sql.figures.published(DAY)) == 1


async def test_of_two_processes_one_publishes(open_one: OpenSqlStores) -> None:
    one, other = await open_one(), await open_one()
    await write(one, rows(20))
    await asyncio.gather(*(count_and_publish(at(sql, LATER)) for sql in (one, other) for _ in range(3)))
    assert [(day.day, day.revision) for day in await one.figures.published("")] == [(DAY, 1)]
    written = [event.kind for _, event in await one.audit.read(0, 100)]
    assert written.count("figures_published") == 1


async def test_a_correction_is_another_revision(sql: SqlStores) -> None:
    first = PublishedDay(DAY, 1, LATER, "", (FigureLine("started", "", 40),))
    corrected = replace(first, revision=2, reason="rows were lost", lines=(FigureLine("started", "", 45),))
    assert await sql.figures.publish(first)
    assert not await sql.figures.publish(replace(first, lines=()))
    assert await sql.figures.publish(corrected)
    assert await sql.figures.published(DAY) == [first, corrected]
    assert await sql.figures.last_day() == DAY


async def test_sealed_rows_of_a_time_are_read_in_portions(sql: SqlStores) -> None:
    await write(sql, [*rows(3, at=AT - 86400), *rows(4), *rows(2, at=AT + 86400)])
    found = [event async for portion in sql.figures.sealed(AT, AT + 1) for event in portion]
    assert found == rows(4)
    assert [portion async for portion in sql.figures.sealed(AT + 2 * 86400, LATER)] == []


async def test_a_published_day_is_proven_by_the_audit_record(sql: SqlStores) -> None:
    await write(sql, [*rows(20), *rows(30, "2027-01-16", AT + 86400)])
    context = at(sql, LATER)
    await count_and_publish(context)
    report = await verify_day(context, date(2027, 1, 15))
    assert (report.rows, report.differences) == (21, ())
    assert report.published is not None
    assert (await verify_day(context, date(2027, 1, 16))).published is None
    # rows that were sealed after the publication
    await write(sql, rows(30))
    report = await verify_day(context, date(2027, 1, 15))
    assert FigureDifference("started", "", 40, 100) in report.differences
    corrected = await correct_day(context, report, "sealed late", "olu")
    assert corrected is not None
    assert (corrected.revision, corrected.reason) == (2, "sealed late")
    assert (await verify_day(context, date(2027, 1, 15))).differences == ()
    assert await correct_day(context, report, "sealed late", "olu") is None


async def test_a_restored_database_publishes_what_was_published_before(
    open_one: OpenSqlStores, sql_url: str, tmp_path: Path
) -> None:
    sql, checkpoints = await open_one(), tmp_path / "checkpoints"
    await write(sql, rows(20))
    await count_and_publish(at(sql, LATER, checkpoints))
    await write(sql, rows(30))
    context = at(sql, LATER + 60, checkpoints)
    assert await correct_day(context, await verify_day(context, date(2027, 1, 15)), "sealed late", "olu")
    published = await sql.figures.published(DAY)
    assert len(published) == 2
    # a backup from before most of the day, and a crash that truncated the last line of the archive
    for table in ("audit", "measured_rows", "published_days", "figures"):
        await query(sql_url, f"DELETE FROM {table}")
    with FigureArchive(checkpoints).file.open("ab") as archive:
        archive.write(b'{"day":"2027-01-1')
    await write(sql, rows(12))
    await count_and_publish(at(sql, LATER + 120, checkpoints))
    assert await sql.figures.published(DAY) == published
