"""Actions of a call: the citizen asks, an agent reads out a code, the citizen types it in on their page."""

import asyncio

import pytest

from broker.actions.assisted.call_backs import call_missed, calls_wanted, next_call, view_call
from broker.actions.assisted.staff_results import ActionRefused, CaseView
from broker.actions.browser import Browser
from broker.actions.results import AskingMark, HelpRequest, IncompleteProof, ProofField, ProofResult
from broker.actions.views import ConsentView, DeadEnd
from broker.assisted.case_records import HoldReason
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage
from broker.assisted.deadlines import CasePolicy
from broker.assisted.transitions import TransitionRefused
from broker.model.handle import sha256_hex
from broker.model.staff import StaffRole
from tests.unit.actions.assisted.case_harness import ANN, BEN, LEA, ME, STRANGER, WANTED, Stage, had, member

pytestmark = pytest.mark.store
BY_PHONE = HelpRequest("phone", "07700 900982", "in_person")
CALLER = member("cara", StaffRole.AGENT)
TRIES = CasePolicy().max_code_attempts


async def approved(stage: Stage, browser: Browser = ME) -> tuple[str, str]:
    """A citizen whom an agent approved, and who can be called. Returns the handle and the continuation code."""
    handle = await stage.arrives(browser=browser)
    code = await stage.asks(handle, BY_PHONE, browser)
    await stage.approves()
    return handle, code


async def called(stage: Stage, handle: str, browser: Browser = ME) -> str:
    """The citizen asks for a call and an agent makes it. Returns the code that the agent reads out."""
    assert await stage.citizen.ask_call(handle, browser) is None
    taken = had(await next_call(stage.context, stage.present(CALLER)))
    call = await view_call(stage.context, stage.present(CALLER), taken.case.id)
    assert call is not None
    return call.code


def other(code: str) -> str:
    """Another code."""
    return "000000" if code != "000000" else "111111"


async def words(stage: Stage, handle: str) -> str:
    """The words of the case."""
    phrase = (await stage.case(handle)).phrase
    return f"{phrase.first} {phrase.second}"


async def test_words_that_were_forgotten_are_replaced_by_a_call(stage: Stage) -> None:
    handle, _ = await approved(stage)
    assert (await stage.status(handle)).may_call
    read_out = await called(stage, handle)
    code = await stage.code(handle)
    assert await stage.citizen.bind(handle, ME, code, "", read_out) is ProofResult.DONE
    binding = (await stage.case(handle)).binding
    assert binding is not None
    assert (binding.call_back, binding.words, binding.amr) == (True, False, ("otp", "tel"))
    assert isinstance((await stage.citizen.look(handle, ME))[0], ConsentView)


async def test_another_browser_finishes_with_code_words_and_call_and_is_recognized_from_then_on(stage: Stage) -> None:
    handle, continuation = await approved(stage)
    there = Browser(secrets=((await stage.resumes(continuation)).secret,))
    code = await stage.code(handle, there)
    said = await words(stage, handle)
    assert await stage.citizen.bind(handle, there, code, said) is ProofResult.BELOW_NEED
    read_out = await called(stage, handle, there)
    incomplete = IncompleteProof(None, ProofField.MISSING)
    assert await stage.citizen.bind(handle, there, code, "", read_out) == incomplete
    assert await stage.citizen.bind(handle, there, code, said) == IncompleteProof(None, None, ProofField.MISSING)
    case = await stage.case(handle)
    assert await stage.facts.cases.attempts(case.id, "bind:1") == 0
    mark = await stage.citizen.bind(handle, there, code, said, read_out)
    assert isinstance(mark, AskingMark)
    assert (await stage.case(handle)).asker == sha256_hex(mark.value)
    assert isinstance((await stage.citizen.look(handle, there))[0], ConsentView)


async def test_a_wrong_code_of_a_call_is_counted_with_the_others_and_the_case_is_held(stage: Stage) -> None:
    handle, _ = await approved(stage)
    read_out, code = await called(stage, handle), await stage.code(handle)
    for _ in range(TRIES - 1):
        assert await stage.citizen.bind(handle, ME, code, "", other(read_out)) is ProofResult.WRONG
    assert await stage.citizen.bind(handle, ME, code, "", other(read_out)) is ProofResult.ATTEMPTS_EXHAUSTED
    case = await stage.case(handle)
    assert (case.state, case.call) == (CaseState.HELD, None)
    assert await stage.citizen.bind(handle, ME, code, "", read_out) is ProofResult.NOT_ALLOWED


async def test_wrong_words_beside_a_right_call_are_wrong(stage: Stage) -> None:
    handle, _ = await approved(stage)
    read_out, code = await called(stage, handle), await stage.code(handle)
    assert await stage.citizen.bind(handle, ME, code, "lemon table", read_out) is ProofResult.WRONG
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_parallel_guesses_of_a_call_are_compared_as_often_as_allowed(stage: Stage) -> None:
    handle, _ = await approved(stage)
    read_out, code = await called(stage, handle), await stage.code(handle)
    guesses = (stage.citizen.bind(handle, ME, code, "", other(read_out)) for _ in range(40))
    outcomes = await asyncio.gather(*guesses)
    case = await stage.case(handle)
    assert outcomes.count(ProofResult.WRONG) <= TRIES - 1
    assert await stage.facts.cases.attempts(case.id, "bind:1") == TRIES
    assert (case.state, case.binding) == (CaseState.HELD, None)


async def test_the_code_of_a_call_expires_and_another_call_has_another_code(stage: Stage) -> None:
    handle, _ = await approved(stage)
    first = await called(stage, handle)
    taken = await stage.case(handle)
    stage.clock.advance(CasePolicy().call_code)
    assert await view_call(stage.context, stage.present(CALLER), taken.id) is None
    code = await stage.code(handle)
    assert await stage.citizen.bind(handle, ME, code, "", first) is ProofResult.CALL_OVER
    second = await called(stage, handle)
    assert second != first
    assert await stage.citizen.bind(handle, ME, code, "", first) is ProofResult.WRONG
    assert await stage.citizen.bind(handle, ME, code, "", second) is ProofResult.DONE


async def test_a_code_that_was_read_to_the_wrong_person_counts_nowhere_else(stage: Stage) -> None:
    mine, _ = await approved(stage)
    theirs, _ = await approved(stage, STRANGER)
    read_out = await called(stage, mine)
    await called(stage, theirs, STRANGER)
    code = await stage.code(theirs, STRANGER)
    assert isinstance(await stage.citizen.bind(mine, STRANGER, code, "", read_out), DeadEnd)
    assert await stage.citizen.bind(theirs, STRANGER, code, "", read_out) is ProofResult.WRONG
    case = await stage.case(mine)
    assert isinstance(await call_missed(stage.context, stage.present(CALLER), case.id, "other_person"), CaseView)
    own = await stage.code(mine)
    assert await stage.citizen.bind(mine, ME, own, "", read_out) is ProofResult.CALL_OVER
    assert [row.details["reason"] for row in await stage.audit("case_call_back_missed")] == ["other_person"]


async def test_only_the_agent_who_calls_sees_number_and_code_and_two_agents_never_make_one_call(stage: Stage) -> None:
    handle, _ = await approved(stage)
    assert await stage.citizen.ask_call(handle, ME) is None
    assert await stage.citizen.ask_call(handle, ME) is TransitionRefused.NOT_NOW
    assert await calls_wanted(stage.context) == 1
    agents = (stage.present(CALLER), stage.present(BEN))
    taken = await asyncio.gather(*(next_call(stage.context, who) for who in agents))
    assert sorted(isinstance(one, CaseView) for one in taken) == [False, True]
    case = await stage.case(handle)
    assert case.call is not None
    views = [await view_call(stage.context, who, case.id) for who in agents]
    assert [view is not None for view in views] == [case.call.by == who.member.id for who in agents]
    [seen] = [view for view in views if view is not None]
    assert (seen.number, seen.reference) == ("+447700900982", case.reference)
    assert await calls_wanted(stage.context) == 0
    for who in (LEA, ANN):
        assert await call_missed(stage.context, stage.present(who), case.id, "no_answer") in (
            ActionRefused.NOT_ALLOWED,
            TransitionRefused.NOT_HOLDER,
        )
    assert seen.code not in repr(case)


async def test_an_email_address_is_not_called(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle, WANTED)
    await stage.approves()
    assert not (await stage.status(handle)).may_call
    assert await stage.citizen.ask_call(handle, ME) is TransitionRefused.NOT_NOW


async def test_a_lead_gives_new_tries_after_which_the_citizen_finishes(stage: Stage) -> None:
    handle, _ = await approved(stage)
    code, said = await stage.code(handle), await words(stage, handle)
    for _ in range(TRIES):
        await stage.citizen.bind(handle, ME, other(code), said)
    held = await stage.case(handle)
    assert held.hold is not None
    assert held.hold.reason is HoldReason.BINDING
    status = await stage.status(handle)
    assert (status.stage, status.looked_at, status.tries) == (CaseStage.STOPPED, held.hold.until, 0)
    lead = stage.present(LEA)
    view = had(await stage.console.open_by_reference(lead, held.reference, "follow_up"))
    had(await stage.console.give_new_tries(lead, view.ref, "cleared"))
    again = await stage.case(handle)
    assert (again.state, again.verdict, again.bind_round) == (CaseState.APPROVED, held.verdict, 1)
    status = await stage.status(handle)
    assert (status.stage, status.tries, status.words, status.may_send) == (CaseStage.TO_TAKE_UP, TRIES, None, True)
    stage.clock.advance(60)
    await stage.binds(handle)
    assert isinstance((await stage.citizen.look(handle, ME))[0], ConsentView)
