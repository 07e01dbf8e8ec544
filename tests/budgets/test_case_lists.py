"""Ten and ten thousand open cases: every list and the next case cost the same statements, rows and steps.

SQLite counts the instructions of its virtual machine, and PostgreSQL the rows that a plan reads: no clock is read.
"""

import asyncio
import json
import math
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod, Safety
from broker.assisted.case_row import COUNTED, CaseFilter, CaseFlag, CaseOrder
from broker.assisted.case_states import CaseState
from broker.assisted.queue import worker
from broker.crypto.seal import Sealer, sealer
from broker.model.assurance import Level
from broker.model.staff import StaffMember, StaffRole
from broker.platform.system import System
from broker.stores.sql.case_tables import cases
from broker.stores.sql.database import Prepared, Row
from broker.stores.sql.migrate import migrate
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.sqlite import SqliteDatabase
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.support.system import FakeClock
from tests.unit.assisted.cases import NOW, draft, walked

pytestmark = pytest.mark.store

FEW, OWN, MANY = 10, 60, 10_000
"""Open cases in the small database; those of the large one with a record of their own, and in all."""
LIMIT = 50
ALIKE = 1.1
"""How many times the steps of the small database the large one may take, for as many rows."""
STEPS, COUNTS = 40, 5
"""Instructions of a statement beside its rows, or for a row that it counts; the numbers that are counted."""
MEI = StaffMember("mei", "sub-mei", "Mei", frozenset({StaffRole.AGENT, StaffRole.REVIEWER}), languages=("en",))

LISTS: Mapping[str, tuple[CaseFilter, CaseOrder]] = {
    "by deadline": (CaseFilter(), CaseOrder.DEADLINE),
    "the oldest first": (CaseFilter(), CaseOrder.OLDEST),
    "the newest first": (CaseFilter(), CaseOrder.NEWEST),
    "of a state": (CaseFilter(state=CaseState.QUEUED), CaseOrder.DEADLINE),
    "of a state that few cases have": (CaseFilter(state=CaseState.HELD), CaseOrder.DEADLINE),
    "of a service": (CaseFilter(client_id="library"), CaseOrder.DEADLINE),
    "of a level": (CaseFilter(level=Level.SUBSTANTIAL), CaseOrder.DEADLINE),
    "of a channel": (CaseFilter(channel=Channel.VIDEO), CaseOrder.DEADLINE),
    "of a language": (CaseFilter(language="en"), CaseOrder.DEADLINE),
    "of a language that no case has": (CaseFilter(language="cy"), CaseOrder.DEADLINE),
    "of a member of staff": (CaseFilter(holder="carys"), CaseOrder.DEADLINE),
    "with a mark": (CaseFilter(flags=CaseFlag.STOPPED), CaseOrder.DEADLINE),
    "with a mark, closed or not": (CaseFilter(flags=CaseFlag.COMPLAINT, closed_too=True), CaseOrder.DEADLINE),
    "before a deadline": (CaseFilter(ends_before=NOW + 400 * 86400), CaseOrder.DEADLINE),
    "older than": (CaseFilter(before=NOW + 1e6), CaseOrder.OLDEST),
}


@dataclass(slots=True)
class Watch:
    """The reading statements of one task with their values, and the records that were opened."""

    task: "asyncio.Task[Any] | None" = None
    read: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    rows: int = 0
    opened: int = 0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watches the databases and sealers of this process."""
    seen = Watch()

    def watched(kind: type[SqliteDatabase] | type[PostgresDatabase]) -> None:
        query = kind.query

        async def noted(self: Any, prepared: Prepared, parameters: Mapping[str, Any]) -> Sequence[Row]:
            found = await query(self, prepared, parameters)
            if asyncio.current_task() is not seen.task:  # the workers of a product that another test started
                return found
            step = prepared.steps[0]
            values = [parameters[name] if name in parameters else step.constants[name] for name in step.names]
            given = [json.dumps(v) if n in step.json else v for n, v in zip(step.names, values, strict=True)]
            seen.read.append(
                (step.sql, given if kind is PostgresDatabase else dict(zip(step.names, given, strict=True)))
            )
            seen.rows += len(found)
            return found

        monkeypatch.setattr(kind, "query", noted)

    opening = Sealer.open

    def opened(self: Sealer, value: bytes, place: str) -> bytes:
        seen.opened += 1
        return opening(self, value, place)

    watched(SqliteDatabase)
    watched(PostgresDatabase)
    monkeypatch.setattr(Sealer, "open", opened)
    return seen


def made(number: int) -> Case:
    """An open case: every fifth is held, the others wait in the queue."""
    new = replace(
        draft(),
        id=f"case-{number:05}",
        transaction=f"transaction-{number}",
        reference=f"BCDF{number:05}",
        continuation=None,
        created=NOW + number,
        changed=NOW + number,
        expires=NOW + 16 * 86400 + number,
    )
    contact = Contact(ContactMethod.EMAIL, "ada@example.org")
    waits = (ev.Submitted(contact, Channel.VIDEO, Safety()), ev.ReadyForSession())
    held = (ev.Held("rhys", "safeguarding"),) if number % 5 == 0 else ()
    return replace(walked(*waits, *held, case=new, now=NOW + number), version=1)


COPIED = [
    column.name
    for column in cases.columns
    if column.name not in ("id", "transaction_id", "reference", "continuation", "created", "ends")
]
COPY = (
    f"INSERT INTO cases (id, transaction_id, reference, created, ends, {', '.join(COPIED)}) "
    "SELECT 'copy-' || n, 'copied-' || n, 'COPY' || n, created + 100 + n, ends + 100 + n, "
    f"{', '.join(COPIED)} FROM cases, {{numbers}} WHERE cases.id = 'case-00001'"
)
NUMBERS = f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {MANY - OWN}) SELECT n FROM c)"
"""Copies one case, which waits in the queue, behind all others. The record of a copy cannot be opened."""


@asynccontextmanager
async def filled(url: str, clock: FakeClock, own: int) -> AsyncIterator[SqlStores]:
    """The stores with so many cases of their own."""
    system = System(now=clock.now, random_bytes=secrets.token_bytes, monotonic=clock.tick)
    stores = await open_sql_stores(url, sealer(b"\x07" * 32, (), secrets.token_bytes), system, tolerance=math.inf)
    for number in range(own):
        await stores.cases.create(made(number), ())
    yield stores
    await stores.close()


async def everything(stores: SqlStores, watch: Watch) -> Mapping[str, tuple[int, int, list[tuple[str, Any]]]]:
    """Rows, opened records and statements of each list, of its second page, of the counts and of the next case."""
    found = {}
    watch.task = asyncio.current_task()

    def noted(name: str) -> None:
        found[name] = (watch.rows, watch.opened, list(watch.read))
        watch.read, watch.rows, watch.opened = [], 0, 0

    noted("")
    for name, (want, order) in LISTS.items():
        page = await stores.case_lists.page(want, order, None, LIMIT)
        noted(name)
        await stores.case_lists.page(want, order, page.after or f"{NOW + 3}~case-00003", LIMIT)
        noted(f"{name}, continued")
    await stores.case_lists.counts()
    noted("the counts")
    assert await stores.case_lists.next_for(worker(MEI), NOW + 100, 5)
    noted("the next case")
    del found[""]
    return found


def steps(file: Path, reads: Sequence[tuple[str, Any]]) -> int:
    """The instructions of SQLite's virtual machine for some statements."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with sqlite3.connect(file) as connection:
        for sql, values in reads:
            connection.set_progress_handler(step, 1)
            connection.execute(sql, values).fetchall()
            connection.set_progress_handler(None, 0)
    return count


@pytest.fixture(scope="module")
async def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without cases."""
    file = tmp_path_factory.mktemp("empty") / "facts.db"
    await migrate(f"sqlite:{file}")
    return file


async def test_in_sqlite_lists_and_the_next_case_cost_the_same_with_ten_thousand_cases(
    empty: Path, tmp_path: Path, watch: Watch
) -> None:
    clock = FakeClock(NOW + 100)
    few, many = shutil.copy(empty, tmp_path / "few.db"), shutil.copy(empty, tmp_path / "many.db")
    async with filled(f"sqlite:{few}", clock, FEW) as stores:
        small = await everything(stores, watch)
    async with filled(f"sqlite:{many}", clock, OWN) as stores:
        with sqlite3.connect(many) as connection:
            connection.execute(COPY.format(numbers=NUMBERS))
        connection.close()
        large = await everything(stores, watch)
    for name, (rows, opened, reads) in large.items():
        compare(name, (rows, opened, reads), small[name])
        per_row = steps(few, small[name][2]) / max(small[name][0], 1)
        most = COUNTS * STEPS * COUNTED if name == "the counts" else ALIKE * per_row * max(rows, 1) + STEPS
        assert steps(many, reads) <= most, name


async def test_in_postgresql_lists_and_the_next_case_read_a_page_of_ten_thousand_cases(
    database: str, watch: Watch
) -> None:
    clock = FakeClock(NOW + 100)
    await migrate(database)
    async with filled(database, clock, OWN) as stores:
        connection = await asyncpg.connect(database)
        await connection.execute(COPY.format(numbers=f"generate_series(1, {MANY - OWN}) AS n"))
        await connection.execute("ANALYZE cases")
        large = await everything(stores, watch)
        for name, (rows, opened, reads) in large.items():
            compare(name, (rows, opened, reads), None)
            read = 0
            for sql, values in reads:
                [[plan]] = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values)
                read += scanned(json.loads(plan)[0]["Plan"])
            assert read <= (COUNTS * COUNTED if name == "the counts" else 2 * LIMIT), (name, plan)
        await connection.close()


def compare(name: str, large: tuple[int, int, Any], small: tuple[int, int, Any] | None) -> None:
    """The same statements as with few cases, a page of rows, and no opened record but for the next case."""
    rows, opened, reads = large
    assert rows <= LIMIT + 1, name
    assert opened == (5 if name == "the next case" else 0), name
    assert len(reads) == 1, name
    if small is not None:
        assert [sql for sql, _ in reads] == [sql for sql, _ in small[2]], name
        assert opened == small[1], name


def scanned(plan: Mapping[str, Any]) -> int:
    """The rows that the scans of a plan read, used or not."""
    inner = sum(scanned(part) for part in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"] or plan["Node Type"] == "Subquery Scan":
        return inner
    loops = plan["Actual Loops"]
    return inner + int(loops * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)))
