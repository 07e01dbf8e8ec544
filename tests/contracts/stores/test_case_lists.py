"""What every SQL store guarantees about lists of cases and the next case, in SQLite or in PostgreSQL."""

from dataclasses import replace
from typing import Any

import pytest

from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Flag, HistoryEntry, Role
from broker.assisted.case_row import CaseFilter, CaseFlag, CaseOrder, CaseRow
from broker.assisted.case_states import CaseState
from broker.assisted.queue import Worker
from broker.model.assurance import Level
from broker.model.handle import normalize_user_code
from broker.model.staff import SavedViews
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.samples import case as sample
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

BOTH = Worker("member-1", agent=True, reviewer=True, languages=(), channels=(), skilled=False)
ALL, DEADLINE = CaseFilter(), CaseOrder.DEADLINE


def case(now: float, name: str = "1", **changes: Any) -> Case:
    """A case in English."""
    return sample(now, name, **{"language": "en", **changes})


async def stored(sql: SqlStores, *cases: Case) -> None:
    """Creates cases."""
    for one in cases:
        await sql.cases.create(one, ())


async def ids(sql: SqlStores, want: CaseFilter = ALL) -> list[str]:
    """The names of the cases of a list."""
    return [row.id.removeprefix("case-") for row in (await sql.case_lists.page(want, DEADLINE, None, 50)).rows]


async def test_a_list_shows_each_case_as_it_was_last_saved(sql: SqlStores, clock: FakeClock) -> None:
    made = case(clock.now(), state=CaseState.QUEUED, channel=Channel.VIDEO)
    await stored(sql, made)
    changed = replace(made, version=2, state=CaseState.CLAIMED, agent="agent-1", lease=clock.now() + 60)
    assert await sql.cases.save(changed, ())
    page = await sql.case_lists.page(CaseFilter(), DEADLINE, None, 50)
    assert page.rows == (replace(CaseRow.of(changed), reference=normalize_user_code(made.reference)),)
    assert page.after is None


async def test_each_filter_selects_and_filters_combine(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    flag = Flag("agent-1", now, "fraud_signals")
    await stored(
        sql,
        case(now, "1", state=CaseState.QUEUED, channel=Channel.VIDEO, deadline=now + 10),
        case(now + 1, "2", state=CaseState.CLAIMED, agent="ann", lease=now + 60, language="cy", deadline=now + 20),
        case(now + 2, "3", state=CaseState.HELD, client_id="tax", level=Level.HIGH, flags=(flag,), deadline=now + 30),
        case(now + 3, "4", state=CaseState.WITHDRAWN),
    )
    assert await ids(sql) == ["1", "2", "3"]
    found = {
        CaseFilter(state=CaseState.HELD): ["3"],
        CaseFilter(state=CaseState.WITHDRAWN): ["4"],
        CaseFilter(client_id="tax"): ["3"],
        CaseFilter(level=Level.HIGH): ["3"],
        CaseFilter(channel=Channel.VIDEO): ["1"],
        CaseFilter(language="cy"): ["2"],
        CaseFilter(holder="ann"): ["2"],
        CaseFilter(holder=""): ["1", "3"],
        CaseFilter(flags=CaseFlag.FRAUD | CaseFlag.SPENT): ["3"],
        CaseFilter(flags=CaseFlag.SAFEGUARDING): [],
        CaseFilter(before=now + 2): ["1", "2"],
        CaseFilter(ends_before=now + 25): ["1", "2"],
        CaseFilter(client_id="tax", flags=CaseFlag.RAISED, holder=""): ["3"],
        CaseFilter(client_id="tax", language="cy"): [],
    }
    assert {want: await ids(sql, want) for want in found} == found


@pytest.mark.parametrize("order", list(CaseOrder))
async def test_pages_follow_each_other_without_a_gap_though_cases_come_and_go(
    sql: SqlStores, clock: FakeClock, order: CaseOrder
) -> None:
    now = clock.now()
    made = [case(now + n // 2, f"{n}", deadline=now + 99 + n // 2) for n in range(7)]
    await stored(sql, *made)
    wanted = [row.id for row in (await sql.case_lists.page(CaseFilter(), order, None, 50)).rows]
    first = await sql.case_lists.page(CaseFilter(), order, None, 3)
    await sql.cases.save(
        replace(next(one for one in made if one.id == wanted[0]), version=2, state=CaseState.EXPIRED), ()
    )
    second = await sql.case_lists.page(CaseFilter(), order, first.after, 3)
    third = await sql.case_lists.page(CaseFilter(), order, second.after, 3)
    assert [row.id for page in (first, second, third) for row in page.rows] == wanted
    assert third.after is None


@pytest.mark.parametrize("after", ["", "x", "~case-1", "nan~case-1", "inf~case-1", "12~", "1e999~x"])
async def test_a_malformed_place_in_a_list_begins_it_anew(sql: SqlStores, clock: FakeClock, after: str) -> None:
    await stored(sql, case(clock.now()))
    assert len((await sql.case_lists.page(CaseFilter(), DEADLINE, after, 50)).rows) == 1


async def test_what_waits_is_counted_with_the_longest_wait(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await stored(
        sql,
        case(now, "1", state=CaseState.QUEUED, queued=now + 5),
        case(now, "2", state=CaseState.QUEUED, queued=now + 3),
        case(now, "3", state=CaseState.REVIEW, late=True),
        case(now, "4", state=CaseState.HELD),
    )
    counts = await sql.case_lists.counts()
    assert (counts.queued, counts.reviews, counts.late, counts.stopped, counts.oldest) == (2, 1, 1, 2, now + 3)


async def turn(sql: SqlStores, now: float, worker: Worker = BOTH) -> list[str]:
    """The cases that may be next, read two at a time."""
    found: list[str] = []
    last = None
    while some := await sql.case_lists.next_for(worker, now, 2, last):
        found += [one.id.removeprefix("case-") for one in some]
        last = some[-1]
    return found


async def test_the_turn_is_late_reviews_then_deadline_then_wait_over_all_pages(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await stored(
        sql,
        case(now, "third", state=CaseState.QUEUED, deadline=now + 20, queued=now + 1),
        case(now, "fourth", state=CaseState.QUEUED, deadline=now + 20, queued=now + 2),
        case(now, "second", state=CaseState.REVIEW, agent="other", deadline=now + 10, queued=now),
        case(now, "first", state=CaseState.REVIEW, agent="other", deadline=now + 90, queued=now, late=True),
        case(now, "fifth", state=CaseState.QUEUED, deadline=None, queued=now),
        case(now, "held", state=CaseState.HELD, deadline=now, queued=now),
    )
    assert await turn(sql, now) == ["first", "second", "third", "fourth", "fifth"]


async def test_the_next_case_suits_role_language_channel_training_and_no_other_part(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    returned = HistoryEntry(now, "put_back", "x", Role.AGENT, CaseState.CLAIMED, CaseState.QUEUED, "other_skill")
    common: dict[str, Any] = {"queued": now, "deadline": None}
    await stored(
        sql,
        case(now, "welsh", state=CaseState.QUEUED, language="cy", channel=Channel.VIDEO, **common),
        case(now, "desk", state=CaseState.QUEUED, channel=Channel.IN_PERSON, **common),
        case(now, "skill", state=CaseState.QUEUED, channel=Channel.VIDEO, history=(returned,), **common),
        case(now, "opened", state=CaseState.QUEUED, channel=Channel.VIDEO, requester="member-1", **common),
        case(now, "review", state=CaseState.REVIEW, agent="other", **common),
        case(now, "own", state=CaseState.REVIEW, agent="member-1", **common),
        case(now, "taken", state=CaseState.REVIEW, agent="other", reviewer="third", lease=now + 60, **common),
        case(now, "lapsed", state=CaseState.REVIEW, agent="other", reviewer="third", lease=now, **common),
    )
    everything = {"welsh", "desk", "review", "lapsed"}
    assert set(await turn(sql, now)) == everything
    assert set(await turn(sql, now, replace(BOTH, skilled=True))) == everything | {"skill"}
    assert set(await turn(sql, now, replace(BOTH, languages=("en",)))) == everything - {"welsh"}
    assert set(await turn(sql, now, replace(BOTH, channels=("video",)))) == everything - {"desk"}
    assert set(await turn(sql, now, replace(BOTH, reviewer=False))) == {"welsh", "desk"}
    assert set(await turn(sql, now, replace(BOTH, agent=False))) == {"review", "lapsed"}
    assert await turn(sql, now, replace(BOTH, agent=False, reviewer=False)) == []


async def test_a_case_whose_deadline_has_passed_is_not_next(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await stored(sql, case(now, "1", state=CaseState.QUEUED, deadline=now + 10, queued=now))
    assert await turn(sql, now + 9) == ["1"]
    assert await turn(sql, now + 10) == []


async def test_saved_views_belong_to_their_member_and_replace_those_of_before(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.saved_views.load("ann") == SavedViews()
    for views in (SavedViews({"a": "/cases?stands=held"}), SavedViews({"b": "/queue?"})):
        await sql.saved_views.save("ann", views, clock.now())
        assert await sql.saved_views.load("ann") == views
    assert await sql.saved_views.load("ben") == SavedViews()
    clock.advance(401 * 86_400)
    await sql.sweep(clock.now())
    assert await sql.saved_views.load("ann") == SavedViews()
