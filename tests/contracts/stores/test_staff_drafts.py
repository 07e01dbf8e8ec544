"""What every SQL store guarantees about drafts of staff, in SQLite or in PostgreSQL."""

from dataclasses import replace

import pytest

from broker.assisted.case_states import CaseState
from broker.model.staff import StaffDraft
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import case
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def draft(now: float, member: str = "ann", case_id: str = "case-1", form: str = "decision") -> StaffDraft:
    """A draft that lives for an hour."""
    return StaffDraft(member, case_id, form, {"decision": "approve", "note": "calm and clear"}, now + 3600)


async def test_a_draft_is_found_by_its_member_and_case_until_it_expires(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    made = [draft(now), draft(now, form="person")]
    for one in (*made, draft(now, member="ben"), draft(now, case_id="case-2")):
        await sql.staff_drafts.keep(one)
    assert await sql.staff_drafts.of_case("ann", "case-1", now + 3599) == made
    assert await sql.staff_drafts.of_case("ann", "case-1", now + 3600) == []


async def test_a_newer_draft_replaces_an_older_one_of_the_same_form(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    newer = replace(draft(now), fields={"decision": "decline"}, expires=now + 7200)
    await sql.staff_drafts.keep(draft(now))
    await sql.staff_drafts.keep(newer)
    assert await sql.staff_drafts.of_case("ann", "case-1", now) == [newer]


async def test_a_discarded_draft_is_gone_and_others_stay(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.staff_drafts.keep(draft(now))
    await sql.staff_drafts.keep(draft(now, member="ben"))
    await sql.staff_drafts.discard("ann", "case-1", "decision")
    await sql.staff_drafts.discard("ann", "case-1", "nothing")
    assert await sql.staff_drafts.of_case("ann", "case-1", now) == []
    assert await sql.staff_drafts.of_case("ben", "case-1", now) == [draft(now, member="ben")]


async def test_a_draft_is_sealed_and_opens_only_in_its_own_row(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    now = clock.now()
    await sql.staff_drafts.keep(draft(now))
    [[content]] = await query(sql_url, "SELECT sealed FROM staff_drafts")
    assert b"calm" not in bytes(content)
    await query(sql_url, "UPDATE staff_drafts SET member = 'ben'")
    assert await sql.staff_drafts.of_case("ben", "case-1", now) == []


async def test_drafts_of_a_case_go_when_it_is_closed_and_not_before(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    open_case = case(now)
    await sql.cases.create(open_case, ())
    other = draft(now, case_id="another-case")
    await sql.staff_drafts.keep(draft(now, case_id=open_case.id))
    await sql.staff_drafts.keep(other)
    assert await sql.cases.save(replace(open_case, version=2), ())
    assert len(await sql.staff_drafts.of_case("ann", open_case.id, now)) == 1
    assert not await sql.cases.save(replace(open_case, version=2, state=CaseState.WITHDRAWN), ())
    assert len(await sql.staff_drafts.of_case("ann", open_case.id, now)) == 1
    assert await sql.cases.save(replace(open_case, version=3, state=CaseState.WITHDRAWN), ())
    assert await sql.staff_drafts.of_case("ann", open_case.id, now) == []
    assert await sql.staff_drafts.of_case("ann", "another-case", now) == [other]


async def test_an_expired_draft_is_deleted_by_the_sweep(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    await sql.staff_drafts.keep(draft(clock.now()))
    await sql.sweep(clock.now() + 3599)
    assert await query(sql_url, "SELECT count(*) FROM staff_drafts") == [(1,)]
    await sql.sweep(clock.now() + 3600)
    assert await query(sql_url, "SELECT count(*) FROM staff_drafts") == [(0,)]
