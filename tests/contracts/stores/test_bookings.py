"""Appointments in SQL: a room at a time belongs to one case, whoever comes first, in SQLite and in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case import Case
from broker.assisted.case_records import Appointment
from broker.assisted.case_states import CaseState
from broker.model.appointment import Booking
from broker.model.store_results import CreateCaseResult, RoomTaken
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import case as sample
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def booked(case: Case, booking: str, begins: float, room: int = 0) -> Case:
    """The next version of a case, with an appointment."""
    made = Appointment(booking, "central", room, begins, begins + 1800)
    return replace(case, version=case.version + 1, state=CaseState.SCHEDULED, appointment=made)


async def opened(sql: SqlStores, now: float, name: str) -> Case:
    """A stored case."""
    made = replace(sample(now), id=name, transaction=f"t-{name}", reference=f"REF{name}", continuation=None)
    assert await sql.cases.create(made, ()) is CreateCaseResult.DONE
    return made


async def taken(sql: SqlStores, since: float) -> list[tuple[str, float, int]]:
    """The live bookings of the office."""
    return [(one.case, one.begins, one.room) for one in await sql.bookings.live("central", since, since + 86400)]


async def test_of_many_who_take_the_last_room_at_once_one_gets_it(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores, now = [await open_one() for _ in range(3)], clock.now()
    cases = [await opened(stores[0], now, f"c{n}") for n in range(6)]
    tries = [stores[n % 3].cases.save(booked(case, f"b{n}", now + 60), ()) for n, case in enumerate(cases)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(map(repr, done)) == sorted([*["RoomTaken()"] * 5, "True"])
    winner = cases[done.index(True)]
    assert await taken(stores[0], now) == [(winner.id, now + 60, 0)]
    for case in cases:
        found = await stores[0].cases.load(case.id)
        assert found is not None
        assert (found.appointment is not None) == (case is winner)


async def test_a_booking_moves_with_its_case_and_ends_with_it(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first, other = await opened(sql, now, "a"), await opened(sql, now, "b")
    at_nine = booked(first, "one", now + 60)
    assert await sql.cases.save(at_nine, ())
    assert await sql.bookings.live("central", now, now + 61) == [
        Booking("one", "a", "central", 0, now + 60, now + 1860)
    ]
    moved = booked(at_nine, "two", now + 120)
    assert await sql.cases.save(moved, ())
    assert await taken(sql, now) == [("a", now + 120, 0)]
    assert await sql.cases.save(booked(other, "three", now + 60), ())
    with pytest.raises(RoomTaken):
        await sql.cases.save(booked(moved, "four", now + 60), ())
    waiting = replace(moved, version=4, state=CaseState.QUEUED)
    assert await sql.cases.save(waiting, ())
    assert await taken(sql, now) == [("b", now + 60, 0), ("a", now + 120, 0)]
    assert await sql.cases.save(replace(waiting, version=5, state=CaseState.WITHDRAWN, appointment=None), ())
    assert await taken(sql, now) == [("b", now + 60, 0)]


async def test_a_write_that_comes_too_late_books_nothing(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    case = await opened(sql, now, "a")
    assert await sql.cases.save(replace(case, version=2), ())
    assert not await sql.cases.save(booked(case, "late", now + 60), ())
    assert await taken(sql, now) == []


async def test_old_bookings_are_deleted_by_the_sweep(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    now = clock.now()
    await sql.cases.save(booked(await opened(sql, now, "a"), "one", now + 60), ())
    await sql.sweep(now + 100 * 86400)
    assert await query(sql_url, "SELECT count(*) FROM bookings") == [(1,)]
    await sql.sweep(now + 151 * 86400)
    assert await query(sql_url, "SELECT count(*) FROM bookings") == [(0,)]


async def test_the_cases_before_one_in_line_are_counted(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    for number, (deadline, queued) in enumerate(((5, 1), (5, 2), (9, 0))):
        made = await opened(sql, now, f"c{number}")
        waiting = replace(made, version=2, state=CaseState.QUEUED, deadline=now + deadline, queued=now + queued)
        assert await sql.cases.save(waiting, ())
        assert await sql.cases.count_before(waiting) == number
    held = replace(await opened(sql, now, "held"), version=2, state=CaseState.HELD, deadline=now, queued=now)
    assert await sql.cases.save(held, ())
    assert await sql.cases.count_before(replace(held, state=CaseState.QUEUED, deadline=now + 6)) == 2
