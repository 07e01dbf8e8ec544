"""Incident jobs in SQL: one worker has a job, another takes over after its lease, in SQLite and in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case_row import CaseFilter, CaseFlag
from broker.assisted.case_states import CaseState
from broker.assisted.incidents import IncidentJob, IncidentProgress, IncidentState
from broker.model.audit import AuditEvent
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def event(kind: str = "incident_asked") -> AuditEvent:
    return AuditEvent(kind, 1.0, "staff:rhys", details={"job": "one"})


def job(now: float, name: str = "one") -> IncidentJob:
    """A job with every filter."""
    flags = CaseFlag.FRAUD | CaseFlag.SAFEGUARDING
    want = CaseFilter(CaseState.QUEUED, "tax", 2, "video", "cy", "", flags, now, now + 1, closed_too=True, going=True)
    return IncidentJob(name, "rhys", now, "hold", "incident", want)


async def test_of_many_workers_one_has_a_job_until_its_lease_is_over(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores, now = [await open_one() for _ in range(4)], clock.now()
    await stores[0].incidents.add(job(now), event())
    found = await asyncio.gather(*(one.incidents.claim(now, now + 60) for one in stores))
    [claimed] = [one for one in found if one is not None]
    assert claimed == replace(job(now), leased=now + 60)
    assert await stores[1].incidents.claim(now + 59, now + 120) is None
    over = await stores[1].incidents.claim(now + 60, now + 120)
    assert over is not None
    progress = IncidentProgress(3, 1, changed=True, after="next", batch=(("case-1", 4), ("case-2", 9)))
    assert not await stores[0].incidents.save(replace(claimed, progress=progress), now + 130)
    assert await stores[1].incidents.save(replace(over, progress=progress), now + 130)
    [kept] = await stores[2].incidents.recent(5)
    assert kept == replace(over, progress=progress, leased=now + 130)
    assert not await stores[0].incidents.end(replace(claimed, state=IncidentState.DONE), event("incident_ended"))
    done = replace(kept, state=IncidentState.DONE, ended=now + 5)
    assert await stores[1].incidents.end(done, event("incident_ended"))
    assert await stores[0].incidents.claim(now + 500, now + 560) is None
    kinds = [row.kind for _, row in await stores[0].audit.read(0, 10)]
    assert kinds == ["incident_asked", "incident_ended"]


async def test_jobs_are_done_in_their_order_and_a_stopped_one_is_written_no_more(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    for number, name in enumerate(("one", "two")):
        await sql.incidents.add(job(now + number, name), event())
    first = await sql.incidents.claim(now + 2, now + 60)
    assert first is not None
    assert first.id == "one"
    assert await sql.incidents.claim(now + 2, now + 60) is None
    assert await sql.incidents.stop("one", now + 3, event("incident_stopped"))
    assert not await sql.incidents.stop("one", now + 3, event("incident_stopped"))
    assert not await sql.incidents.save(first, now + 90)
    second = await sql.incidents.claim(now + 4, now + 60)
    assert second is not None
    assert second.id == "two"
    newest = await sql.incidents.recent(5)
    assert [(one.id, one.state, one.ended) for one in newest] == [
        ("two", IncidentState.OPEN, None),
        ("one", IncidentState.STOPPED, now + 3),
    ]
