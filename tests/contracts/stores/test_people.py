"""Members of staff in SQL: writes at the same moment, and hostile values, in SQLite and in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.audit import AuditEvent
from broker.model.staff import UNSAID, StaffSession
from broker.model.staff import StaffRole as R
from broker.model.staff_people import (
    ChangeReason,
    ChangeState,
    PeopleWrite,
    StaffChange,
    StaffEntry,
    StaffSource,
    WriteOutcome,
)
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.support.system import FakeClock

pytestmark = pytest.mark.store
MANY = 6


def event(kind: str, member: str = "kit") -> AuditEvent:
    return AuditEvent(kind, 1.0, "scim", details={"member": member})


def entry(member: str = "kit", **changes: object) -> StaffEntry:
    """A person of the directory."""
    made = StaffEntry(member, StaffSource.SCIM, subject=f"sub-{member}", user_name=f"{member}@x.example", created=1.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def change(now: float, number: int, member: str = "kit") -> StaffChange:
    """A change that waits."""
    roles = frozenset({R.AGENT})
    return StaffChange(f"c{number}", member, frozenset(), roles, ChangeReason.JOINED, "ada", now, now + 60)


async def at_once(stores: Sequence[SqlStores], *writes: PeopleWrite) -> list[WriteOutcome]:
    """The outcomes of writes at the same moment, each through a connection of its own."""
    return await asyncio.gather(*(one.people.write(write) for one, write in zip(stores, writes, strict=True)))


async def kinds(sql: SqlStores) -> list[str]:
    return [row.kind for _, row in await sql.audit.read(0, 200)]


@pytest.fixture
async def stores(open_one: OpenSqlStores) -> list[SqlStores]:
    return [await open_one() for _ in range(MANY)]


async def test_of_many_first_entries_of_one_person_one_is_written(stores: list[SqlStores], clock: FakeClock) -> None:
    of_file = StaffEntry("kit", StaffSource.FILE, frozenset({R.AGENT}), created=1.0)
    writes = [PeopleWrite((event("made"),), clock.now(), entry=of_file) for _ in range(MANY)]
    done = await at_once(stores, *writes)
    assert sorted(done) == [WriteOutcome.DONE, *[WriteOutcome.STALE] * (MANY - 1)]
    assert len(await stores[0].people.entries()) == 1
    assert await kinds(stores[0]) == ["made"]


@pytest.mark.parametrize("taken", ["user_name", "subject"])
async def test_of_many_people_with_one_name_or_subject_one_is_written(
    stores: list[SqlStores], clock: FakeClock, taken: str
) -> None:
    both = {"user_name": "KIT@x.example" if taken == "user_name" else "", "subject": "sub"}
    writes = [
        PeopleWrite(
            (event("made"),),
            clock.now(),
            entry=entry(
                f"kit-{n}",
                user_name=both["user_name"] or f"kit-{n}",
                subject="sub" if taken == "subject" else f"sub-{n}",
            ),
        )
        for n in range(MANY)
    ]
    done = await at_once(stores, *writes)
    assert sorted(done) == [WriteOutcome.DONE, *[WriteOutcome.TAKEN] * (MANY - 1)]
    assert len(await stores[0].people.entries()) == 1
    assert await kinds(stores[0]) == ["made"]


async def test_of_many_changes_of_one_version_one_is_written_and_ends_the_sessions_with_it(
    stores: list[SqlStores], clock: FakeClock
) -> None:
    now, [first, *_] = clock.now(), stores
    assert await first.people.write(PeopleWrite((event("made"),), now, entry=entry())) is WriteOutcome.DONE
    session = StaffSession("digest", "kit", "sub-kit", "", (), int(now), now, now, now + 600)
    await first.staff_sessions.start(session, None, [event("staff_signed_in")])
    read = (await first.people.entries())[0]
    writes = [
        PeopleWrite((event("left"),), now, entry=replace(read, name=f"Kit {n}", active=False), ends_sessions="kit")
        for n in range(MANY)
    ]
    done = await at_once(stores, *writes)
    assert sorted(done) == [WriteOutcome.DONE, *[WriteOutcome.STALE] * (MANY - 1)]
    [kept] = await first.people.entries()
    assert kept.name == f"Kit {done.index(WriteOutcome.DONE)}"
    assert kept.version == 2
    assert await first.staff_sessions.load("digest") is None
    assert await kinds(first) == ["made", "staff_signed_in", "left"]


async def test_a_person_has_one_change_that_waits_and_it_is_decided_once(
    stores: list[SqlStores], clock: FakeClock
) -> None:
    now, first = clock.now(), stores[0]
    asked = [PeopleWrite((event("asked"),), now, proposed=change(now, n)) for n in range(MANY)]
    done = await at_once(stores, *asked)
    assert sorted(done) == [WriteOutcome.DONE, *[WriteOutcome.TAKEN] * (MANY - 1)]
    [waiting] = await first.people.changes(now)
    states = [ChangeState.APPROVED if n % 2 else ChangeState.REFUSED for n in range(MANY)]
    answers = [
        PeopleWrite(
            (event(state.value),), now, decided=replace(waiting, state=state, decided_by=f"bea-{n}", decided=now)
        )
        for n, state in enumerate(states)
    ]
    answered = await at_once(stores, *answers)
    assert sorted(answered) == [WriteOutcome.DONE, *[WriteOutcome.STALE] * (MANY - 1)]
    [decided] = await first.people.decided(5)
    which = answered.index(WriteOutcome.DONE)
    assert (decided.state, decided.decided_by) == (states[which], f"bea-{which}")
    assert await kinds(first) == ["asked", states[which].value]


async def test_of_writes_that_take_admins_away_each_sees_the_one_before(
    stores: list[SqlStores], clock: FakeClock
) -> None:
    """Every write was made from the same reading, of other people: one of them is written."""
    now, first = clock.now(), stores[0]
    for n in range(MANY):
        made = PeopleWrite((event("made"),), now, entry=entry(f"kit-{n}", roles=frozenset({R.ADMIN})))
        assert await first.people.write(made) is WriteOutcome.DONE
    read, mark = await first.people.entries(), await first.people.mark()
    writes = [
        PeopleWrite((event("taken"),), now, entry=replace(one, roles=frozenset()), ends_sessions=one.id, mark=mark)
        for one in read
    ]
    done = await at_once(stores, *writes)
    assert sorted(done) == [WriteOutcome.DONE, *[WriteOutcome.STALE] * (MANY - 1)]
    assert sum(one.roles == {R.ADMIN} for one in await first.people.entries()) == MANY - 1
    assert (await kinds(first)).count("taken") == 1


HOSTILE = (
    "Robert'); DROP TABLE staff_people;--",
    "  \u202eevil\u202c \U0001f600 é",
    "ß" * 256,
    "{\"$ne\": 1}",
    "a\nb\tc",
    "%00 \\x00 \\u0000",
)  # fmt: skip


async def test_hostile_values_are_kept_as_they_are_and_sealed(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    can = replace(UNSAID, in_training=True, skills=("chip",), capacity=3, training={"chip": "2030-06-01"})
    for n, value in enumerate(HOSTILE):
        said = entry(f"kit-{n}", user_name=value, subject=value, external_id=value, name=value, abilities=can)
        assert await sql.people.write(PeopleWrite((event("made"),), now, entry=said)) is WriteOutcome.DONE
    kept = {one.id: one for one in await sql.people.entries()}
    for n, value in enumerate(HOSTILE):
        one = kept[f"kit-{n}"]
        assert (one.user_name, one.subject, one.external_id, one.name, one.abilities) == (*[value] * 4, can)
    upper = entry("other", user_name=HOSTILE[2].upper(), subject="free")
    assert await sql.people.write(PeopleWrite((event("made"),), now, entry=upper)) is WriteOutcome.TAKEN


async def test_what_is_deleted_leaves_no_name_and_frees_it(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    assert await sql.people.write(PeopleWrite((event("made"),), now, entry=entry())) is WriteOutcome.DONE
    before = await sql.people.mark()
    gone = StaffEntry("kit", StaffSource.SCIM, active=False, created=1.0, version=1)
    assert await sql.people.write(PeopleWrite((event("gone"),), now, entry=gone)) is WriteOutcome.DONE
    assert await sql.people.entries() == []
    assert await sql.people.mark() != before
    again = entry("kit-2", user_name="kit@x.example", subject="sub-kit")
    assert await sql.people.write(PeopleWrite((event("made"),), now, entry=again)) is WriteOutcome.DONE
