"""What every SQL store guarantees about the records of evidence files, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FilePurpose, FileState
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import case
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

KEY = b"the key of the bytes of one file"


def file(now: float, name: str = "1", **changes: object) -> EvidenceFile:
    content = FileContent(FilePurpose.FRONT, KEY, "image/jpeg", 70_000, "ab" * 32, 640, 480)
    made = EvidenceFile(
        f"file-{name}", "case-1", FileKind.PHOTO, FileState.RECEIVING, now + len(name), now + 60, "folder", content
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def event(kind: str, now: float) -> AuditEvent:
    return AuditEvent(kind, now, "citizen", case="case-1", details={"file": "file-1"})


async def kinds(sql: SqlStores) -> list[str]:
    return [seen.kind for _, seen in await sql.audit.read(0, 100)]


@pytest.fixture(autouse=True)
async def opened(sql: SqlStores, clock: FakeClock) -> None:
    for name in ("1", "2"):
        await sql.cases.create(case(clock.now(), name), ())


async def test_a_record_is_found_by_its_id_and_its_case_until_it_expires(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first, second = file(now, state=FileState.READY), file(now, "22", state=FileState.READY)
    other = file(now, "3", case="case-2")
    for one in (second, first, other):
        assert await sql.evidence_files.begin(one, 8, now)
    assert await sql.evidence_files.load("file-1") == first
    assert await sql.evidence_files.load("file-9") is None
    assert await sql.evidence_files.of_case("case-1", now + 59) == [first, second]
    assert await sql.evidence_files.of_case("case-1", now + 60) == []
    assert {one.id for one in await sql.evidence_files.due(now + 60, 9)} == {"file-1", "file-22", "file-3"}
    assert await sql.evidence_files.due(now + 59, 9) == []


async def test_a_case_receives_one_file_at_a_time(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    begun = await asyncio.gather(*(sql.evidence_files.begin(file(now, str(n)), 8, now) for n in range(6)))
    assert sorted(begun) == [False] * 5 + [True]
    assert await sql.evidence_files.begin(file(now, "other", case="case-2"), 8, now)
    drawn = file(now, "drawn", state=FileState.PROMPTED)
    assert await sql.evidence_files.begin(drawn, 8, now)
    received = replace(drawn, state=FileState.RECEIVING)
    assert not await sql.evidence_files.save(received, FileState.PROMPTED)
    [running] = [one for one in await sql.evidence_files.of_case("case-1", now) if one.state is FileState.RECEIVING]
    assert await sql.evidence_files.save(replace(running, state=FileState.QUARANTINE), FileState.RECEIVING)
    assert await sql.evidence_files.save(received, FileState.PROMPTED)


async def test_a_case_has_no_more_files_than_allowed_and_prompts_do_not_count(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    for name in ("1", "2"):
        assert await sql.evidence_files.begin(file(now, name, state=FileState.READY), 2, now)
    assert not await sql.evidence_files.begin(file(now, "3"), 2, now)
    assert await sql.evidence_files.delete("file-1")
    assert await sql.evidence_files.begin(file(now, "4", state=FileState.PROMPTED), 2, now)
    assert await sql.evidence_files.begin(file(now, "5", state=FileState.READY), 2, now)
    assert not await sql.evidence_files.begin(file(now, "6"), 2, now)
    assert await sql.evidence_files.begin(file(now, "7"), 2, now + 60)


async def test_a_record_changes_only_from_the_state_that_was_read_and_with_its_audit_row(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    begun = file(now)
    assert await sql.evidence_files.begin(begun, 8, now)
    ready = replace(begun, state=FileState.READY, expires=now + 900)
    received = [event("evidence_file_received", now)]
    assert not await sql.evidence_files.save(ready, FileState.QUARANTINE, received)
    assert await kinds(sql) == []
    assert await sql.evidence_files.save(ready, FileState.RECEIVING, received)
    assert await sql.evidence_files.load("file-1") == ready
    assert await sql.evidence_files.delete("file-1", [event("evidence_file_erased", now)])
    assert not await sql.evidence_files.delete("file-1", [event("evidence_file_erased", now)])
    assert await kinds(sql) == ["evidence_file_received", "evidence_file_erased"]


async def test_nothing_is_begun_or_finished_once_the_case_is_closed(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    assert await sql.evidence_files.begin(file(now), 8, now)
    assert await sql.cases.save(case(now, version=2, state=CaseState.WITHDRAWN), ())
    assert not await sql.evidence_files.save(file(now, state=FileState.READY), FileState.RECEIVING)
    assert not await sql.evidence_files.begin(file(now, "2"), 8, now)
    assert not await sql.evidence_files.begin(file(now, "3", case="case-unknown"), 8, now)


async def test_files_expire_with_what_is_written_to_their_case(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    for one in (
        file(now, state=FileState.READY),
        file(now, "2"),
        file(now, "3", case="case-2", state=FileState.READY),
    ):
        assert await sql.evidence_files.begin(one, 8, now)

    async def expiries() -> list[float]:
        found = [await sql.evidence_files.load(f"file-{name}") for name in "123"]
        return [one.expires - now for one in found if one is not None]

    assert await sql.cases.save(case(now, version=2), ())
    assert await expiries() == [60, 60, 60]
    assert await sql.cases.save(case(now, version=3), (), CaseWork(files_until=now + 500))
    assert await expiries() == [500, 60, 60]
    assert not await sql.cases.save(case(now, version=3), (), CaseWork(files_until=now + 1))
    assert await expiries() == [500, 60, 60]
    withdrawn = case(now, version=4, state=CaseState.WITHDRAWN)
    assert await sql.cases.save(withdrawn, (), CaseWork(files_until=now))
    assert await expiries() == [0, 60, 60]


async def test_a_record_is_sealed_and_opens_only_in_its_own_row(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    now = clock.now()
    await sql.evidence_files.begin(file(now), 8, now)
    [[sealed]] = await query(sql_url, "SELECT sealed FROM evidence_files")
    assert KEY not in bytes(sealed)
    assert b"front" not in bytes(sealed)
    await query(sql_url, "UPDATE evidence_files SET id = 'file-2'")
    moved = await sql.evidence_files.load("file-2")
    assert moved is not None
    assert moved.content == FileContent()
