"""Actions of staff: the next case, search by reference, who may open a case, and the overview for leads."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseRole, CaseView, StaffAction
from broker.actions.console.lists import WorkLists
from broker.assisted.case_records import Channel
from broker.assisted.case_row import CaseFlag
from broker.assisted.case_states import CaseState
from broker.assisted.opening import ChannelSettings
from broker.model.staff import StaffRole
from broker.web.citizens.page_context import readable
from tests.unit.actions.assisted.case_harness import ANN, BEN, LEA, PAT, TIM, UMA, Stage, had, member
from tests.unit.actions.assisted.staff_cases import in_review, waiting

pytestmark = pytest.mark.store


async def test_the_next_case_is_the_one_due_first_and_a_holder_gets_their_own_case(stage: Stage) -> None:
    first = await waiting(stage)
    stage.clock.advance(60)
    await waiting(stage)
    folder = had(await stage.console.next_case(stage.present(ANN)))
    assert folder.case.id == (await stage.case(first)).id
    assert (folder.role, folder.case.state) == (CaseRole.AGENT, CaseState.CLAIMED)
    again = had(await stage.console.next_case(stage.present(ANN)))
    assert again.case.id == folder.case.id


async def test_late_reviews_come_before_everything_else(stage: Stage) -> None:
    handle = await in_review(stage)
    await waiting(stage)
    stage.clock.advance(20 * 3600)
    folder = had(await stage.console.next_case(stage.present(BEN)))
    assert folder.case.id == (await stage.case(handle)).id
    assert folder.case.late


async def test_the_next_case_suits_the_roles_languages_and_channels_of_the_member(stage: Stage) -> None:
    await waiting(stage)
    for who in (
        member("una", StaffRole.AGENT, languages=("cy",)),
        member("vic", StaffRole.AGENT, channels=("phone",)),
        LEA,
        PAT,
        UMA,
        member("rex", StaffRole.REVIEWER),
    ):
        assert await stage.console.next_case(stage.present(who)) is ActionRefused.NOTHING


async def test_of_two_agents_one_gets_the_case(stage: Stage) -> None:
    await waiting(stage)
    outcomes = await asyncio.gather(*(stage.console.next_case(stage.present(who)) for who in (ANN, BEN, TIM)))
    assert sum(isinstance(outcome, CaseView) for outcome in outcomes) == 1
    assert len(await stage.audit("case_claimed")) == 1


async def test_a_case_is_found_by_its_exact_reference_with_a_reason_that_is_recorded(stage: Stage) -> None:
    handle = await waiting(stage)
    reference = (await stage.case(handle)).reference
    who, console = stage.present(LEA), stage.console
    assert await console.open_by_reference(who, reference, "curious") is ActionRefused.REASON
    assert await console.open_by_reference(who, reference[:-1], "complaint") is ActionRefused.UNKNOWN
    folder = had(await console.open_by_reference(who, reference.lower().replace("-", " "), "complaint"))
    assert (folder.role, folder.case.contact is None) == (CaseRole.OVERSEER, False)
    opened, missed = await stage.audit("case_opened"), await stage.audit("case_not_found")
    assert [(e.actor, e.details["reason"]) for e in (*opened, *missed)] == [("staff:lea", "complaint")] * 2


async def test_an_administrator_opens_no_case(stage: Stage) -> None:
    handle = await waiting(stage)
    reference = (await stage.case(handle)).reference
    assert await stage.console.open_by_reference(stage.present(PAT), reference, "audit") is ActionRefused.NOT_ALLOWED


async def test_a_case_is_closed_to_staff_who_neither_hold_it_nor_looked_it_up(stage: Stage) -> None:
    handle = await waiting(stage)
    case = await stage.case(handle)
    for who in (ANN, LEA, UMA):
        assert await stage.console.view_case(stage.present(who), case.id) is ActionRefused.UNKNOWN
        assert await stage.console.flag(stage.present(who), case.id, "coached") in (
            ActionRefused.UNKNOWN,
            ActionRefused.NOT_ALLOWED,
        )
    had(await stage.console.open_by_reference(stage.present(UMA), case.reference, "audit"))
    had(await stage.console.view_case(stage.present(UMA), case.id))
    stage.clock.advance(1800)
    assert await stage.console.view_case(stage.present(UMA), case.id) is ActionRefused.UNKNOWN


async def test_a_visitor_sees_no_personal_data(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.session(ANN)
    case = await stage.case(handle)
    folder = had(await stage.console.open_by_reference(stage.present(BEN), case.reference, "citizen_called"))
    assert folder.role is CaseRole.VISITOR
    for secret in ("Ada", "X123", "ada@example.org", case.phrase.first):
        assert secret in repr(case)
        assert secret not in repr(folder)


async def test_an_auditor_replays_a_case_and_changes_nothing(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.approves()
    case = await stage.case(handle)
    folder = had(await stage.console.open_by_reference(stage.present(UMA), case.reference, "audit"))
    assert folder.role is CaseRole.OVERSEER
    assert folder.actions == {StaffAction.OPEN}
    assert [move.event for move in folder.case.history][-2:] == ["decided", "opened"]
    assert (
        await stage.console.hold(stage.present(UMA), CaseRef(case.id, case.edit_version), "doubt")
        is ActionRefused.NOT_ALLOWED
    )


async def test_leads_see_what_is_stopped_and_what_is_late_without_personal_data(stage: Stage) -> None:
    late = await in_review(stage)
    handle = await waiting(stage)
    case = await stage.case(handle)
    had(await stage.console.open_by_reference(stage.present(LEA), case.reference, "safeguarding"))
    had(await stage.console.hold(stage.present(LEA), CaseRef(case.id, case.edit_version), "safeguarding"))
    stage.clock.advance(20 * 3600)
    lists = WorkLists(stage.context)
    cases = await lists.stopped(stage.present(LEA))
    assert not isinstance(cases, ActionRefused)
    assert {(readable(one.reference), one.why, CaseFlag.LATE in one.flags) for one in cases} == {
        (readable(case.reference), "held safeguarding", True),
        (readable((await stage.case(late)).reference), "decided approve drawn", True),
    }
    assert await lists.stopped(stage.present(ANN)) is ActionRefused.NOT_ALLOWED


async def test_the_workload_counts_what_waits(stage: Stage) -> None:
    await in_review(stage)
    begun, lists = stage.clock.now(), WorkLists(stage.context)
    await waiting(stage)
    stage.clock.advance(10)
    await waiting(stage)
    load = await lists.counts()
    assert (load.queued, load.reviews, load.late, load.stopped, load.oldest) == (2, 1, 0, 0, begun)


async def test_a_case_whose_promise_has_passed_is_given_out_without_waiting_for_a_clock(stage: Stage) -> None:
    rules = stage.context.rules
    promised = replace(rules.policy, channels={Channel.IN_PERSON: ChannelSettings(promise=3600)})
    context = replace(stage.context, rules=replace(rules, policy=promised))
    cases = replace(stage.citizen_cases, context=context)
    busy = replace(stage, context=context, citizen_cases=cases, console=replace(stage.console, context=context))
    busy = replace(busy, citizen=replace(stage.citizen, cases=cases))
    handle = await waiting(busy)
    case = await busy.case(handle)
    assert case.promise is not None
    stage.clock.advance(case.promise.until + 60 - stage.clock.now())
    taken = had(await busy.console.next_case(stage.present(ANN)))
    assert taken.case.id == case.id
    assert taken.case.promise is not None
    assert taken.case.promise.missed
