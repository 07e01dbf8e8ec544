"""A write of a citizen reads and opens the case once; and once more only if another process saved it in between."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from broker.actions.results import AskingMark, ContinuationIssued, ProofResult, ResumedTransaction
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequest
from broker.model.identity import Identity
from tests.unit.actions.assisted.case_harness import ANN, DETAILS, ME, WANTED, Stage, had
from tests.unit.actions.citizen_driver import CitizenDriver

pytestmark = pytest.mark.store

READS = ("load", "by_reference", "by_continuation", "by_transaction", "queue", "held", "due")


@dataclass
class CountingCases:
    """A store of cases that counts readings of a case, and lets something happen before the first save."""

    inner: Any
    read: int = 0
    before_save: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """The store's own method; a reading is counted."""
        if name in READS:
            self.read += 1
        return getattr(self.inner, name)

    async def save(self, *arguments: Any) -> bool:
        """Saves, after what happens in between."""
        while self.before_save:
            await self.before_save.pop()()
        saved: bool = await self.inner.save(*arguments)
        return saved


def counted(stage: Stage) -> tuple[CitizenDriver, CountingCases]:
    """The citizens' side of the stage over a counting store."""
    store = CountingCases(stage.facts.cases)
    context = replace(stage.context, stores=replace(stage.context.stores, cases=store))
    cases = replace(stage.citizen_cases, context=context)
    return replace(stage.citizen, cases=cases), store


@dataclass(frozen=True)
class WaitingCase:
    """A case in the state in which a write is made; `words` are those that the citizen reads out."""

    stage: Stage
    handle: str
    continuation: str
    code: str = ""
    words: str = ""


IDENTITY = Identity("bank", "https://bank.example", "s1", Level.SUBSTANTIAL, ("pwd",), 1, DETAILS)

Write = Callable[[CitizenDriver, WaitingCase], Awaitable[object]]


async def exhaust(driver: CitizenDriver, waiting: WaitingCase) -> object:
    """The last wrong code; the ones before are counted by the store alone."""
    case = await waiting.stage.case(waiting.handle)
    most = waiting.stage.context.rules.policy.max_code_attempts
    for _ in range(most - 1):
        await waiting.stage.facts.cases.count_attempt(case.id, f"bind:{case.queue_round}", most)
    return await driver.bind(waiting.handle, ME, "000000", waiting.words)


async def resume_after_expiry(driver: CitizenDriver, waiting: WaitingCase) -> object:
    """The transaction is gone, so that the case names another one."""
    await waiting.stage.passing.continuations.take(f"case:{waiting.continuation.replace('-', '')}")
    return await driver.resume(waiting.continuation)


async def tidy(driver: CitizenDriver, waiting: WaitingCase) -> object:
    """A sign-in with a provider makes the case unnecessary."""
    transaction = await waiting.stage.transaction(waiting.handle)
    await driver.cases.withdraw_unneeded(replace(transaction, case_to_withdraw=transaction.case))
    return (await waiting.stage.case(waiting.handle)).state


WRITES: dict[str, tuple[Write, object]] = {
    "withdraw": (lambda driver, waiting: driver.cases.withdraw(waiting.handle, ME), None),
    "ready": (lambda driver, waiting: driver.cases.ready(waiting.handle, ME), None),
    "new code": (lambda driver, waiting: driver.cases.new_code(waiting.handle, ME), ContinuationIssued),
    "resume": (lambda driver, waiting: driver.resume(waiting.continuation), ResumedTransaction),
    "resume after expiry": (resume_after_expiry, ResumedTransaction),
    "tidy": (tidy, CaseState.WITHDRAWN),
    "send code": (lambda driver, waiting: driver.send_code(waiting.handle, ME), None),
    "bind": (lambda driver, waiting: driver.bind(waiting.handle, ME, waiting.code, waiting.words), ProofResult.DONE),
    "bind wrongly": (
        lambda driver, waiting: driver.bind(waiting.handle, ME, "000000", waiting.words),
        ProofResult.WRONG,
    ),
    "meet again": (lambda driver, waiting: driver.meet_again(waiting.handle, ME), AskingMark),
    "bind wrongly too often": (exhaust, ProofResult.ATTEMPTS_EXHAUSTED),
}


async def approved(stage: Stage) -> WaitingCase:
    """An approved case whose confirmation code was sent a while ago."""
    handle = await stage.arrives()
    continuation = await stage.asks(handle)
    await stage.approves()
    code, words = await stage.code(handle), (await stage.case(handle)).phrase
    stage.clock.advance(120)
    return WaitingCase(stage, handle, continuation, code, f"{words.first} {words.second}")


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_of_a_citizen_reads_the_case_once(stage: Stage, write: str) -> None:
    waiting = await approved(stage)
    driver, store = counted(stage)
    make, expected = WRITES[write]
    outcome = await make(driver, waiting)
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected
    assert store.read == 1


async def test_asking_for_help_reads_no_case(stage: Stage) -> None:
    driver, store = counted(stage)
    outcome = await driver.ask_help(await stage.arrives(), ME, WANTED)
    assert isinstance(outcome, ContinuationIssued)
    assert store.read == 0


async def test_a_confirmation_on_an_own_device_reads_the_case_once(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    who, console = stage.present(ANN), stage.console
    view = had(await console.start_session(who, had(await console.next_case(who)).ref, Channel.IN_PERSON))
    view = had(await console.record_details(who, view.ref, DETAILS))
    driver, store = counted(stage)
    now = stage.clock.now()
    question = BackchannelRequest("q1", "library", now, now + 600, "BCDF-GHJK", Level.LOW, case=view.case.id)
    assert await driver.cases.record_confirmation(question, IDENTITY)
    assert store.read == 1


async def test_a_case_that_moved_to_another_browser_before_the_save_is_judged_again(stage: Stage) -> None:
    waiting = await approved(stage)
    driver, store = counted(stage)

    async def move() -> None:
        assert isinstance(await stage.citizen.resume(waiting.continuation), ResumedTransaction)

    store.before_save = [move]
    assert await driver.bind(waiting.handle, ME, waiting.code, waiting.words) is ProofResult.BELOW_NEED
    assert store.read == 2
    case = await stage.facts.cases.by_transaction(f"transaction-{waiting.handle}")
    assert case is not None
    assert (case.state, case.binding) == (CaseState.APPROVED, None)
    assert await stage.audit("case_proof_failed") == []
    assert await stage.facts.cases.attempts(case.id, f"bind:{case.queue_round}") == 1
