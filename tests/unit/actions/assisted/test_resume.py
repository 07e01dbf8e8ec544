"""Actions of citizens: resuming a case by continuation code, in this browser or another one."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.browser import Browser
from broker.actions.results import ContinuationIssued
from broker.actions.views import CaseStatusView, ConsentView, DeadEnd, FailureView, RedirectAway
from broker.assisted.case import CaseState
from broker.journey.transaction import TransactionState as Journey
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.handle import normalize_user_code
from tests.unit.actions.assisted.case_harness import ME, Stage

pytestmark = pytest.mark.store


async def test_a_continuation_code_moves_the_case_and_the_first_browser_never_collects(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    resumed = await stage.citizen.resume(code.lower().replace("-", " "))
    assert resumed is not None
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


async def test_another_browser_sees_no_words_and_reaches_no_more_than_a_code_is_worth(stage: Stage) -> None:
    handle = await stage.arrives()
    resumed = await stage.citizen.resume(await stage.asks(handle))
    assert resumed is not None
    there = Browser(secrets=(resumed.secret,))
    view, _ = await stage.citizen.look(handle, there)
    assert isinstance(view, CaseStatusView)
    assert view.status.words is None
    await stage.approves()
    await stage.binds(handle, there)
    view, _ = await stage.citizen.look(handle, there)
    binding = (await stage.facts.cases.queue([CaseState.BOUND], 1))[0].binding
    assert binding is not None
    assert (binding.asking_browser, binding.level) == (False, Level.LOW)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.HELP_TOO_LOW
    assert (await stage.transaction(handle)).identity is None


async def test_a_continuation_code_is_used_up_by_the_first_who_types_it(stage: Stage) -> None:
    handle = await stage.arrives()
    code = await stage.asks(handle)
    outcomes = await asyncio.gather(*(stage.citizen.resume(code) for _ in range(4)))
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert await stage.citizen.resume(code) is None


async def test_each_use_gives_the_next_code_and_a_new_one_can_be_drawn(stage: Stage) -> None:
    handle = await stage.arrives()
    first = await stage.asks(handle)
    resumed = await stage.citizen.resume(first)
    assert resumed is not None
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
    handle = await stage.arrives(Level.LOW)
    code = await stage.asks(handle)
    stage.clock.advance(3 * 86400)
    assert isinstance((await stage.citizen.look(handle, ME))[0], DeadEnd)
    resumed = await stage.citizen.resume(code)
    assert resumed is not None
    assert resumed.handle != handle
    there = Browser(secrets=(resumed.secret,))
    transaction = await stage.transaction(resumed.handle)
    assert (transaction.state, transaction.transferred, transaction.request.state) == (Journey.WAITING, True, None)
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
    resumed = await stage.citizen.resume(code)
    assert resumed is not None
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
