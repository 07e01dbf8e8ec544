"""Measures in SQL: counted once, by one process at a time, from sealed rows alone."""

import asyncio
from collections.abc import Mapping

import pytest

from broker.assisted.measures import Key, Measure, Tally, add, count_all
from broker.model.audit import AuditEvent
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.database_dumps import query

pytestmark = pytest.mark.store

DAY = 1_800_000_000.0
"""2027-01-15, 08:00 UTC."""


def row(kind: str, case: str, minutes: float, source: str, target: str, reason: str = "") -> AuditEvent:
    """One audit row of a case."""
    details = {"from": source, "to": target, "role": "agent", "reason": reason, "channel": "video", "language": "en"}
    return AuditEvent(f"case_{kind}", DAY + 60 * minutes, "staff:ann", case=case, details=details)


def story(case: str) -> list[AuditEvent]:
    """A case from the request to an approval."""
    return [
        row("submitted", case, 0, "draft", "requested"),
        row("readied", case, 1, "requested", "queued"),
        row("claimed", case, 5, "queued", "claimed"),
        row("session_started", case, 11, "claimed", "in_session"),
        row("session_ended", case, 31, "in_session", "decision"),
        row("decided", case, 40, "decision", "approved", "approve"),
    ]


async def found(sql: SqlStores) -> Mapping[Key, Tally]:
    """Everything that was counted."""
    return await sql.measures.by_month("2027-01-01", "2028-01-01")


async def test_sealed_rows_are_counted_once_in_portions(sql: SqlStores) -> None:
    first, second = story("a"), story("b")
    await sql.audit.write(first[:3])
    assert await sql.measures.count_sealed(count_all) == 0
    await sql.audit_chain.seal_once()
    assert await sql.measures.count_sealed(count_all) == 3
    await sql.audit.write([*first[3:], AuditEvent("service_answered", DAY, "citizen"), *second])
    await sql.audit_chain.seal_once()
    while await sql.measures.count_sealed(count_all):
        pass
    assert await found(sql) == add(count_all({}, [*first, *second])[1])
    assert await sql.measures.durations(Measure.CONTACT_WAIT, "2027-01-01") == {"video": {1: 2}}
    assert await sql.measures.durations(Measure.CONTACT_WAIT, "2027-01-16") == {}


async def test_the_first_row_that_is_not_counted_says_until_when_everything_is(sql: SqlStores) -> None:
    assert await sql.measures.first_uncounted() is None
    await sql.audit.write(story("a"))
    await sql.audit_chain.seal_once()
    assert await sql.measures.first_uncounted() == DAY
    await sql.measures.count_sealed(count_all)
    assert await sql.measures.first_uncounted() is None
    await sql.audit.write([row("bound", "a", 50, "approved", "bound")])
    await sql.audit_chain.seal_once()
    assert await sql.measures.first_uncounted() == DAY + 3000


async def test_of_two_processes_one_counts(open_one: OpenSqlStores) -> None:
    one, other = await open_one(), await open_one()
    await one.audit.write(story("a"))
    await one.audit_chain.seal_once()
    await asyncio.gather(*(sql.measures.count_sealed(count_all) for sql in (one, other) for _ in range(3)))
    assert await found(one) == add(count_all({}, story("a"))[1])


async def test_what_is_remembered_of_a_case_is_deleted_with_it_or_by_the_sweep(sql: SqlStores, sql_url: str) -> None:
    await sql.audit.write([*story("a"), *story("b"), row("bound", "a", 50, "approved", "bound")])
    await sql.audit_chain.seal_once()
    await sql.measures.count_sealed(count_all)
    assert await query(sql_url, "SELECT case_id FROM measured_cases") == [("b",)]
    await sql.sweep(DAY + 151 * 86400)
    assert await query(sql_url, "SELECT case_id FROM measured_cases") == []
