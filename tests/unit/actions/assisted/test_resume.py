"""Actions of citizens: resuming a case by continuation code, in this browser or another one."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.browser import Browser
from broker.actions.results import AskingMark, ContinuationIssued, ProofResult, ResumeRefused
from broker.actions.views import ConsentView, DeadEnd, FailureView, RedirectAway
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage as Stands
from broker.assisted.transitions import TransitionRefused
from broker.journey.transaction import TransactionState as Journey
from broker.model.assurance import Level
from broker.model.handle import normalize_user_code, sha256_hex
from tests.unit.actions.assisted.case_harness import ANN, ME, STRANGER, WANTED, Stage, had

pytestmark = pytest.mark.store


async def test_a_continuation_code_moves_the_case_and_the_first_browser_never_collects(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    resumed = await stage.resumes(code.lower().replace("-", " "))
    assert resumed.handle == handle
    assert resumed.code != code
    there = Browser(secrets=(resumed.secret,))
    await stage.approves()
    assert isinstance((await stage.citizen.look(handle, ME))[0], DeadEnd)
    assert isinstance(await stage.citizen.bind(handle, ME, "123456", ""), DeadEnd)
    await stage.binds(handle, there)
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, ConsentView)
    await stage.citizen.share(handle, there, agree=True)
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, RedirectAway)
    assert view.url.startswith("https://library.example/start")


async def test_another_browser_sees_no_words_binds_nothing_below_the_need_and_loses_nothing(stage: Stage) -> None:
    handle = await stage.arrives()
    resumed = await stage.resumes(await stage.asks(handle))
    there = Browser(secrets=(resumed.secret,))
    assert (await stage.status(handle, there)).words is None
    await stage.approves()
    case = await stage.case(handle)
    status = await stage.status(handle, there)
    assert (status.stage, status.may_finish, status.may_send, status.may_meet) == (
        Stands.TO_TAKE_UP,
        False,
        False,
        True,
    )
    code, phrase = await stage.code(handle, there), f"{case.phrase.first} {case.phrase.second}"
    assert await stage.citizen.bind(handle, there, code, phrase) is ProofResult.BELOW_NEED
    assert await stage.facts.cases.attempts(case.id, "bind:1") == 0
    after = await stage.case(handle)
    assert (after.state, after.binding) == (CaseState.APPROVED, None)


async def test_the_asking_browser_is_recognized_after_it_was_closed(stage: Stage) -> None:
    handle = await stage.arrives()
    asked = await stage.citizen.ask_help(handle, ME, WANTED)
    assert isinstance(asked, ContinuationIssued)
    assert asked.mark is not None
    assert sha256_hex(asked.mark.value) == (await stage.case(handle)).asker
    assert asked.mark.value not in ME.secrets
    elsewhere = await stage.resumes(asked.code, Browser(asked=("another-mark",)))
    assert (await stage.case(handle)).moved
    assert elsewhere.code is not None
    resumed = await stage.resumes(elsewhere.code, Browser(asked=("another-mark", asked.mark.value)))
    again = Browser(secrets=(resumed.secret,), asked=(asked.mark.value,))
    assert (await stage.status(handle, again)).words is not None
    await stage.approves()
    await stage.binds(handle, again)
    assert isinstance((await stage.citizen.look(handle, again))[0], ConsentView)


async def test_after_another_meeting_the_other_browser_finishes(stage: Stage) -> None:
    handle = await stage.arrives()
    resumed = await stage.resumes(await stage.asks(handle))
    there = Browser(secrets=(resumed.secret,))
    await stage.approves()
    before = await stage.case(handle)
    mark = await stage.citizen.meet_again(handle, there)
    assert isinstance(mark, AskingMark)
    status = await stage.status(handle, there)
    assert (status.stage, status.other_meeting) == (Stands.IN_LINE, True)
    assert status.words is not None
    assert status.words != before.phrase
    met = await stage.meets(ANN)
    assert Decision.APPROVE in met.refused_decisions
    met = await stage.finishes(ANN, met)
    assert Decision.APPROVE not in met.refused_decisions
    assert had(await stage.console.decide(stage.present(ANN), met.ref, Decision.APPROVE, ()))
    await stage.binds(handle, there)
    assert isinstance((await stage.citizen.look(handle, there))[0], ConsentView)


async def test_meetings_after_approval_are_limited_and_belong_to_the_case(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    assert await stage.citizen.meet_again(handle, ME) is TransitionRefused.NOT_NOW
    assert isinstance(await stage.citizen.meet_again(handle, STRANGER), DeadEnd)
    for _ in range(2):
        await stage.approves()
        assert isinstance(await stage.citizen.meet_again(handle, ME), AskingMark)
    await stage.approves()
    assert await stage.citizen.meet_again(handle, ME) is TransitionRefused.NOT_NOW
    assert not (await stage.status(handle, ME)).may_meet


async def test_a_bound_case_stays_in_the_browser_that_can_finish(stage: Stage) -> None:
    handle = await stage.arrives()
    asked = await stage.citizen.ask_help(handle, ME, WANTED)
    assert isinstance(asked, ContinuationIssued)
    assert asked.mark is not None
    await stage.approves()
    await stage.binds(handle)
    assert await stage.citizen.resume(asked.code) is ResumeRefused.BOUND_ELSEWHERE
    resumed = await stage.resumes(asked.code, Browser(asked=(asked.mark.value,)))
    view, _ = await stage.citizen.look(resumed.handle, Browser(secrets=(resumed.secret,)))
    assert isinstance(view, ConsentView)


async def test_a_continuation_code_is_used_up_by_the_first_who_types_it(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    outcomes = await asyncio.gather(*(stage.citizen.resume(code) for _ in range(4)))
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert await stage.citizen.resume(code) is None


async def test_each_use_gives_the_next_code_and_a_new_one_can_be_drawn(stage: Stage) -> None:
    handle = await stage.arrives()
    first = await stage.asks(handle)
    resumed = await stage.resumes(first)
    assert resumed.code is not None
    there = Browser(secrets=(resumed.secret,), address="192.0.2.3")
    drawn = await stage.citizen.finish_later(handle, there)
    assert isinstance(drawn, ContinuationIssued)
    assert await stage.citizen.resume(resumed.code) is None
    assert await stage.citizen.resume(drawn.code) is not None


async def test_a_right_continuation_code_works_after_any_number_of_wrong_ones(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    for _ in range(200):
        assert await stage.citizen.resume("AAAA-BBBB-CCCC-DDDD") is None
    assert await stage.citizen.resume(code) is not None


async def test_a_case_outlives_its_transaction_and_sends_no_code_then(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW, resume="task-7")
    code = await stage.asks(handle)
    stage.clock.advance(3 * 86400)
    assert isinstance((await stage.citizen.look(handle, ME))[0], DeadEnd)
    resumed = await stage.resumes(code)
    assert resumed.handle != handle
    there = Browser(secrets=(resumed.secret,))
    transaction = await stage.transaction(resumed.handle)
    assert (transaction.state, transaction.transferred, transaction.request.state) == (Journey.WAITING, True, None)
    assert transaction.request.resume_value == "task-7"
    assert transaction.reference == (await stage.case(resumed.handle)).reference
    await stage.approves()
    await stage.binds(resumed.handle, there)
    await stage.citizen.look(resumed.handle, there)
    await stage.citizen.share(resumed.handle, there, agree=True)
    view, _ = await stage.citizen.look(resumed.handle, there)
    assert isinstance(view, RedirectAway)
    assert "code=" not in view.url
    assert view.url.startswith("https://library.example/start")


async def test_a_transaction_whose_case_went_on_elsewhere_collects_nothing(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    await stage.passing.continuations.take(
        f"case:{normalize_user_code(code)}"
    )  # passing state lost what it knew of the code
    resumed = await stage.resumes(code)
    assert resumed.handle != handle
    await stage.approves()
    await stage.binds(resumed.handle, Browser(secrets=(resumed.secret,)))
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView)
    assert (await stage.transaction(handle)).identity is None


async def test_a_provider_that_works_after_all_withdraws_the_case(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    transaction = replace(await stage.transaction(handle), case=None, case_to_withdraw=case.id)
    await stage.citizen_cases.withdraw_unneeded(transaction)
    await stage.citizen_cases.withdraw_unneeded(transaction)
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None
    assert (gone.state, gone.history[-1].reason) == (CaseState.WITHDRAWN, "another_way")


async def test_going_back_to_an_open_case_waits_for_it_again(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    transaction = await stage.transaction(handle)
    away = replace(transaction, state=Journey.FAILED, version=transaction.version + 1)
    assert await stage.passing.transactions.save(handle, away)
    await stage.citizen.resume_help(handle, ME)
    assert (await stage.transaction(handle)).state is Journey.WAITING
