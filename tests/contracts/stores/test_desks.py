"""What every SQL store guarantees about partner desks, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case_work import CaseWork
from broker.model.audit import AuditEvent
from broker.model.desk import Counted, DeskAnswer, Use
from broker.model.store_results import CreateCaseResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import case
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def answer(now: float, key: str = "key-1", client_id: str = "post") -> DeskAnswer:
    """An answer that is stored for an hour."""
    return DeskAnswer(client_id, key, "digest", 200, b'{"state":"at_desk"}', now + 3600)


def use(call: str, most: int = 5) -> Use:
    """A use of a document."""
    return Use("document:d", call, most)


async def test_an_answer_is_found_by_desk_and_key_until_it_expires(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    for one in (answer(now), answer(now, "key-2"), answer(now, client_id="library")):
        await sql.desks.keep(one)
    assert await sql.desks.answer("post", "key-1", now + 3599) == answer(now)
    assert await sql.desks.answer("post", "key-3", now) is None
    assert await sql.desks.answer("post", "key-1", now + 3600) is None
    await sql.desks.keep(renewed := answer(now + 3600))
    assert await sql.desks.answer("post", "key-1", now + 3601) == renewed


async def test_the_first_answer_of_a_key_stays(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.desks.keep(answer(now))
    await sql.desks.keep(replace(answer(now), body=b"another"))
    assert await sql.desks.answer("post", "key-1", now) == answer(now)


async def test_a_case_and_its_answer_are_written_together_or_not_at_all(sql: SqlStores, clock: FakeClock) -> None:
    now, first = clock.now(), case(now=clock.now())
    assert await sql.cases.create(first, [], CaseWork(answers=(answer(now),))) is CreateCaseResult.DONE
    changed = replace(first, version=first.version + 1, edit_version=9)
    row = AuditEvent("case_noted", now, "desk:post:clerk", case=first.id)
    assert not await sql.cases.save(changed, [row], CaseWork(answers=(answer(now),)))
    assert await sql.cases.load(first.id) == first
    assert [event for _, event in await sql.audit.read(0, 100) if event.kind == "case_noted"] == []
    assert await sql.cases.save(changed, [row], CaseWork(answers=(answer(now, "key-2"),)))
    assert await sql.desks.answer("post", "key-2", now) == answer(now, "key-2")


async def test_uses_are_counted_up_to_the_limit_and_anew_after_their_time(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    made = await asyncio.gather(*(sql.desks.count(use(f"post:{call}"), now, now + 60) for call in range(20)))
    assert sorted(number for number in made if number is not None) == [1, 2, 3, 4, 5]
    assert await sql.desks.counted("document:d", now + 59) == Counted(5, now + 60)
    assert await sql.desks.counted("document:d", now + 60) == Counted(0, now + 60)
    assert await sql.desks.count(use("post:21"), now + 60, now + 120) == 1
    assert await sql.desks.counted("document:other", now) == Counted(0, now)


async def test_a_call_that_is_made_again_counts_once(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    made = await asyncio.gather(*(sql.desks.count(use("post:1", most=1), now, now + 60) for _ in range(10)))
    assert made == [1] * 10
    assert await sql.desks.count(use("post:2", most=1), now, now + 60) is None


async def test_answers_are_sealed_and_both_tables_are_swept(sql: SqlStores, sql_url: str, clock: FakeClock) -> None:
    now = clock.now()
    await sql.desks.keep(answer(now))
    await sql.desks.count(use("post:1"), now, now + 60)
    assert b"at_desk" not in bytes((await query(sql_url, "SELECT sealed FROM desk_answers"))[0][0])
    while await sql.sweep(now + 3601):
        pass
    for table in ("desk_answers", "desk_counts"):
        assert (await query(sql_url, f"SELECT count(*) FROM {table}"))[0][0] == 0
