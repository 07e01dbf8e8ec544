"""The citizen chooses a provider, goes there, and comes back."""

from collections.abc import Mapping

from broker.actions.attempt_log import Stray
from broker.actions.browser import Browser
from broker.actions.outcomes import Refusal
from broker.actions.sign_in.desk import Desk, Registered, mine, record_failed_attempt, step
from broker.actions.views import Lost
from broker.journey.events import AnswerReceived, AttemptFailed, IdentityProven, ProviderChosen
from broker.journey.judge import Believed, judge
from broker.journey.transaction import ATTEMPT_LIFE, Attempt, State, Transaction
from broker.model import handle as handles
from broker.model.failures import FailureClass, from_reason
from broker.provider import Answer, Ask, Departure, Failure


async def choose(desk: Desk, handle: str, browser: Browser, provider: str) -> Refusal | Lost | None:
    """Prepares the departure to a provider that is on offer. Any other is NOT_NOW, and changes nothing."""
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    service = desk.service(transaction)
    registered = desk.catalogue.providers.get(provider)
    if not transaction.open:
        return None
    if service is None or registered is None:
        return Refusal.NOT_NOW
    now = desk.ambient.now()
    if not desk.offer(transaction, service, await desk.switches.current(), now).has(provider):
        return Refusal.NOT_NOW
    attempt_id = handles.fresh(desk.ambient)
    outcome = await registered.provider.begin(_ask(transaction, registered, f"{handle}.{attempt_id}", browser))
    url, note = (outcome.url, outcome.note) if isinstance(outcome, Departure) else ("", {})
    chosen = ProviderChosen(Attempt(attempt_id, provider, url, now, now + ATTEMPT_LIFE, note))
    if isinstance(outcome, Departure):
        await step(desk, handle, transaction, chosen)
        return None
    failed = AttemptFailed(from_reason(outcome.reason), provider)
    if await step(desk, handle, transaction, chosen, failed):
        await record_failed_attempt(desk, transaction, failed, outcome, request_id=browser.request_id)
    return None


def _ask(transaction: Transaction, registered: Registered, state: str, browser: Browser) -> Ask:
    """What is asked of the provider: a new sign-in too, if the service wants one or a citizen signed out here."""
    request, provider = transaction.request, registered.provider.card.id
    anew = browser.asks_anew(provider)
    return Ask(
        level=request.minimum,
        state=state,
        callback=registered.callback,
        language=browser.language or transaction.language,
        fresh=request.fresh or anew,
        max_age=request.max_age,
        hint=request.login_hint,
        after=browser.departed.after.get(provider) if anew and browser.departed is not None else None,
    )


async def complete(
    desk: Desk, provider: str, parameters: Mapping[str, str] | None, browser: Browser, state: str = ""
) -> str | Lost:
    """Takes in what a provider sent back, and gives the handle of the transaction to look at.

    A stray callback (unknown state, other browser, other provider, replay, an issuer that is not the one asked)
    changes nothing but leaves a trace; `parameters` is None for a query that cannot be read, and `state` names the
    transaction to look at then. The answer is claimed before the provider is asked to redeem it: of two copies one
    wins.
    """
    registered = desk.catalogue.providers.get(provider)

    def stray(why: Stray, reference: str = "") -> None:
        known = "" if registered is None else provider
        desk.attempts.stray(known, why, reference=reference, request_id=browser.request_id)

    if parameters is None:
        stray(Stray.UNREADABLE)
        handle, _, attempt_id = state.partition(".")
        named = await mine(desk, handle, browser) if attempt_id else Lost(FailureClass.LOST_PLACE)
        return named if isinstance(named, Lost) else handle
    handle, _, attempt_id = parameters.get("state", "").partition(".")
    transaction = await mine(desk, handle, browser) if attempt_id else Lost(FailureClass.LOST_PLACE)
    if isinstance(transaction, Lost):
        stray(Stray.UNKNOWN)
        return transaction
    attempt, answer = transaction.attempt, Answer(parameters, "" if registered is None else registered.callback)
    if attempt is None or transaction.state is not State.AWAY:
        stray(Stray.NOT_AWAITED, transaction.reference)
    elif registered is None or attempt.provider != provider:
        stray(Stray.OTHER_PROVIDER, transaction.reference)
    elif attempt.id != attempt_id:
        stray(Stray.OTHER_ATTEMPT, transaction.reference)
    elif not registered.provider.belongs(attempt.note, answer):
        stray(Stray.OTHER_ISSUER, transaction.reference)
    else:
        claimed = await step(desk, handle, transaction, AnswerReceived(attempt_id))
        if claimed is None or claimed is transaction:
            stray(Stray.TAKEN, transaction.reference)
        else:
            await _take_in(desk, handle, claimed, registered, attempt, answer, browser)
    return handle


async def _take_in(
    desk: Desk,
    handle: str,
    transaction: Transaction,
    registered: Registered,
    attempt: Attempt,
    answer: Answer,
    browser: Browser,
) -> None:
    provider = attempt.provider
    outcome = await registered.provider.complete(attempt.note, answer)
    service, candidate = desk.service(transaction), desk.candidate(provider)
    failure: FailureClass
    detail: Failure | None = None
    if isinstance(outcome, Failure):
        failure, detail = from_reason(outcome.reason), outcome
    elif service is None:
        failure = FailureClass.SERVICE_OFF
    else:
        switches = await desk.switches.current()
        believed = judge(transaction, outcome, candidate, service, switches, desk.ambient.now())
        if isinstance(believed, Believed):
            await step(desk, handle, transaction, IdentityProven(believed.identity))
            return
        failure = believed
    failed = AttemptFailed(failure, provider)
    if await step(desk, handle, transaction, failed):
        await record_failed_attempt(desk, transaction, failed, detail, request_id=browser.request_id)
