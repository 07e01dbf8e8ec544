"""What every SQL store guarantees about verification cases and notices, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.model.handle import sha256_hex
from broker.model.store_results import CreateCaseResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import case, event, notice
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


async def test_a_case_is_loaded_by_its_id_reference_transaction_or_code(sql: SqlStores, clock: FakeClock) -> None:
    made = case(clock.now(), reference="abcd-efgh")
    assert await sql.cases.create(made, ()) is CreateCaseResult.DONE
    assert await sql.cases.load(made.id) == made
    assert await sql.cases.by_reference("ABCD efgh") == made
    assert await sql.cases.by_continuation(sha256_hex("continuation-1")) == made
    assert await sql.cases.by_transaction(made.transaction) == made


async def test_an_unknown_key_loads_no_case(sql: SqlStores, clock: FakeClock) -> None:
    await sql.cases.create(case(clock.now()), ())
    assert await sql.cases.load("case-2") is None
    assert await sql.cases.by_reference("CASE-2") is None
    assert await sql.cases.by_continuation(sha256_hex("continuation-2")) is None
    assert await sql.cases.by_transaction("transaction-2") is None


async def test_a_transaction_has_one_open_case_and_nothing_of_another_is_written(
    sql: SqlStores, clock: FakeClock
) -> None:
    first, second = case(clock.now(), "1"), case(clock.now() + 1, "2", transaction="transaction-1")
    await sql.cases.create(first, ())
    refused = await sql.cases.create(second, [event(clock.now())], CaseWork((notice(clock.now()),)))
    assert refused is CreateCaseResult.ONE_OPEN_ALREADY
    assert await sql.cases.load(second.id) is None
    assert await sql.audit.read(0, 10) == []
    assert await sql.notices.lane("email").claim(clock.now(), clock.now() + 60, 10) == []
    await sql.cases.save(replace(first, version=2, state=CaseState.WITHDRAWN), ())
    assert await sql.cases.create(second, ()) is CreateCaseResult.DONE
    assert await sql.cases.by_transaction("transaction-1") == second


async def test_concurrent_requests_for_help_in_one_transaction_open_one_case(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    made = [case(clock.now(), f"{number}", transaction="same") for number in range(9)]
    outcomes = await asyncio.gather(*(stores[n % 3].cases.create(one, ()) for n, one in enumerate(made)))
    assert outcomes.count(CreateCaseResult.DONE) == 1
    assert outcomes.count(CreateCaseResult.ONE_OPEN_ALREADY) == 8


async def test_a_reference_names_one_case(sql: SqlStores, clock: FakeClock) -> None:
    await sql.cases.create(case(clock.now(), "1", reference="ABCD"), ())
    taken = await sql.cases.create(case(clock.now(), "2", reference="ab-cd"), ())
    assert taken is CreateCaseResult.REFERENCE_TAKEN


async def test_of_two_concurrent_writes_of_staff_one_wins(open_one: OpenSqlStores, clock: FakeClock) -> None:
    one, other = await open_one(), await open_one()
    made = case(clock.now(), state=CaseState.QUEUED)
    await one.cases.create(made, ())
    rivals = [replace(made, version=2, state=CaseState.CLAIMED, agent=f"agent-{n}", lease=1.0) for n in range(10)]
    saving = (
        (one, other)[n % 2].cases.save(
            rival, [event(clock.now(), f"claimed_{n}")], CaseWork((notice(clock.now(), f"{n}"),))
        )
        for n, rival in enumerate(rivals)
    )
    saved = await asyncio.gather(*saving)
    assert saved.count(True) == 1
    winner = saved.index(True)
    assert await one.cases.load(made.id) == rivals[winner]
    assert [row.kind for _, row in await one.audit.read(0, 50)] == [f"claimed_{winner}"]
    sent = await one.notices.lane("email").claim(clock.now(), clock.now() + 60, 50)
    assert [waiting.id for waiting in sent] == [f"notice-{winner}"]


async def test_a_save_on_top_of_another_version_changes_nothing(sql: SqlStores, clock: FakeClock) -> None:
    made = case(clock.now())
    await sql.cases.create(made, ())
    for version in (0, 1, 3):
        assert not await sql.cases.save(replace(made, version=version, state=CaseState.HELD), ())
    assert not await sql.cases.save(case(clock.now(), "2", version=2), ())
    assert await sql.cases.load(made.id) == made


async def test_a_used_continuation_code_names_no_case(sql: SqlStores, clock: FakeClock) -> None:
    made = case(clock.now())
    await sql.cases.create(made, ())
    await sql.cases.save(replace(made, version=2, continuation=None), ())
    assert await sql.cases.by_continuation(sha256_hex("continuation-1")) is None


async def test_a_case_is_found_by_its_holder(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    mine = case(now, "1", state=CaseState.CLAIMED, agent="agent-1", lease=now + 60)
    reviewed = case(now, "2", state=CaseState.REVIEW, agent="agent-2", reviewer="agent-1", lease=now + 60)
    let_go = case(now, "3", state=CaseState.QUEUED, agent="agent-1")
    for made in (mine, reviewed, let_go):
        await sql.cases.create(made, ())
    assert await sql.cases.by_holder("agent-1") == [mine, reviewed]
    assert await sql.cases.by_holder("agent-2") == []


async def test_cases_whose_time_has_come_are_found_the_earliest_first(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    first = case(now, "1", deadline=now + 20)
    second = case(now, "2", deadline=now + 10)
    third = case(now, "3", deadline=now + 30)
    for made in (first, second, third):
        await sql.cases.create(made, ())
    assert await sql.cases.due(now + 9, 10) == []
    assert await sql.cases.due(now + 20, 10) == [second, first]
    assert await sql.cases.due(now + 20, 1) == [second]


async def test_concurrent_attempts_are_numbered_uniquely_up_to_the_limit(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    await stores[0].cases.create(case(clock.now()), ())
    counted = await asyncio.gather(*(stores[n % 3].cases.count_attempt("case-1", "confirmation", 5) for n in range(20)))
    assert sorted(number for number in counted if number is not None) == [1, 2, 3, 4, 5]
    assert await stores[1].cases.attempts("case-1", "confirmation") == 5


async def test_attempts_are_counted_for_each_purpose_and_case(sql: SqlStores) -> None:
    assert await sql.cases.attempts("case-1", "words") == 0
    assert await sql.cases.count_attempt("case-1", "words", 5) == 1
    assert await sql.cases.count_attempt("case-1", "confirmation", 5) == 1
    assert await sql.cases.count_attempt("case-2", "words", 5) == 1
    assert await sql.cases.count_attempt("case-1", "words", 5) == 2
    assert await sql.cases.count_attempt("case-1", "words", 2) is None
    assert await sql.cases.attempts("case-1", "words") == 2
    assert await sql.cases.count_attempt("case-3", "words", 0) is None


async def test_cases_that_bear_the_same_mark_are_counted_also_after_erasure(sql: SqlStores, clock: FakeClock) -> None:
    marks: list[tuple[str, ...]] = [("a", "b"), ("b", "c"), ("c",), ()]
    made: list[Case] = [case(clock.now(), f"{n}", fingerprints=mark) for n, mark in enumerate(marks)]
    for one in made:
        await sql.cases.create(one, ())
    assert await sql.cases.count_similar(["a", "b"], "case-0") == 1
    assert await sql.cases.count_similar(["b", "c"], "case-3") == 3
    assert await sql.cases.count_similar(["z"], "case-0") == 0
    assert await sql.cases.count_similar([], "case-0") == 0
    await sql.cases.save(replace(made[3], version=2, fingerprints=("a",)), ())
    await sql.cases.save(replace(made[1], version=2, fingerprints=("b", "c"), erased=True), ())
    assert await sql.cases.count_similar(["a", "b"], "case-0") == 2


# --- notices ---


async def test_a_notification_is_written_with_its_case(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    later = notice(now, "2", created=now + 1)
    await sql.cases.create(case(now), (), CaseWork((later, notice(now, "1"))))
    first = replace(notice(now, "1"), tries=1)
    assert await sql.notices.lane("email").claim(now, now + 60, 10) == [first, replace(later, tries=1)]


async def test_a_claimed_notification_is_not_claimed_again_before_its_lease_ends(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    one, other = await open_one(), await open_one()
    now = clock.now()
    await one.cases.create(case(now), (), CaseWork(tuple(notice(now, f"{number}") for number in range(10))))
    lanes = [process.notices.lane("email") for process in (one, other)]
    claimed = await asyncio.gather(*(lanes[n % 2].claim(now, now + 60, 3) for n in range(6)))
    ids = [waiting.id for batch in claimed for waiting in batch]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 9
    await one.notices.lane("email").claim(now, now + 60, 10)
    assert await one.notices.lane("email").claim(now + 59, now + 120, 10) == []
    assert len(await one.notices.lane("email").claim(now + 60, now + 120, 20)) == 10


async def test_a_notice_that_went_out_does_not_go_out_again(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.cases.create(case(now), (), CaseWork((notice(now),)))
    await sql.notices.lane("email").claim(now, now + 1, 10)
    await sql.notices.lane("email").mark_sent("notice-1", now)
    assert await sql.notices.lane("email").claim(now + 2, now + 3, 10) == []


@pytest.mark.parametrize("swept", [True, False])
async def test_an_expired_notice_does_not_go_out_swept_or_not(sql: SqlStores, clock: FakeClock, *, swept: bool) -> None:
    now = clock.now()
    await sql.cases.create(case(now), (), CaseWork((notice(now),)))
    if swept:
        await sql.sweep(now + 600)
    assert await sql.notices.lane("email").claim(now + 600, now + 660, 10) == []
    assert len(await sql.notices.lane("email").claim(now, now + 660, 10)) == (0 if swept else 1)
