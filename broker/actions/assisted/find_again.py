"""Finding an open case again in the browser that asked for it, by the marks that the browser keeps."""

from dataclasses import dataclass

from broker.actions.assisted.citizen import CODE_LENGTH, CitizenCases, continuation_key
from broker.actions.assisted.context import CaseChange, change_case, load_case
from broker.actions.assisted.resume import new_transaction
from broker.actions.browser import Browser
from broker.actions.results import ContinuationIssued, ResumedTransaction
from broker.actions.sign_in.context import advance_transaction, load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.codes import continuation_digest
from broker.journey.events import HelpRequested
from broker.journey.transaction import Transaction, TransactionState
from broker.model import handle as handles
from broker.model.service import Service

_BEFORE_A_CHOICE = frozenset({TransactionState.CHOOSING, TransactionState.FAILED})


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case that was asked for in this browser."""

    case: Case
    service: Service | None


async def open_cases(cases: CitizenCases, browser: Browser) -> tuple[OpenCase, ...]:
    """The open cases that were asked for in this browser, the newest first. Without a mark nothing is looked up."""
    marks = [handles.sha256_hex(mark) for mark in browser.asked]
    if not marks or not cases.enabled:
        return ()
    services, found = cases.sign_in_context.registry.services, []
    for case in await cases.context.stores.cases.by_askers(marks):
        current = await load_case(cases.context, case.id)
        if current is not None and current.open:
            found.append(OpenCase(current, services.get(current.client_id)))
    return tuple(found)


async def case_for(cases: CitizenCases, transaction: Transaction, browser: Browser) -> Case | None:
    """The open case that can complete the transaction: of the same service, and for no lower level."""
    if transaction.state not in _BEFORE_A_CHOICE or transaction.case is not None:
        return None
    request = transaction.request
    for one in await open_cases(cases, browser):
        if one.case.client_id == request.client_id and one.case.level >= request.min_level:
            return one.case
    return None


async def go_on(cases: CitizenCases, handle: str, browser: Browser) -> ContinuationIssued | DeadEnd | None:
    """Lets the transaction wait for the open case of this browser. Returns the next continuation code.

    None if there is no such case any more. Of two transactions that do it at once, the case names the later one.
    """
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = await case_for(cases, transaction, browser)
    if case is None:
        return None
    code = await _moved(cases, case, transaction.browser, ev.TransactionReplaced(transaction.id))
    if code is None:
        return None
    await cases.sign_in_context.stores.continuations.put(continuation_key(code), handle, transaction.expires)
    await advance_transaction(cases.sign_in_context, handle, transaction, HelpRequested(case.id))
    return ContinuationIssued(code)


async def continue_case(cases: CitizenCases, browser: Browser, reference: str) -> ResumedTransaction | None:
    """Continues an open case of this browser in a transaction of its own, as its continuation code would."""
    plain = handles.normalize_user_code(reference)
    wanted = [one.case for one in await open_cases(cases, browser) if _same(one.case, plain)]
    if not wanted:
        return None
    secret = handles.new_handle(cases.context.system)
    code = await _moved(cases, wanted[0], handles.sha256_hex(secret))
    case = None if code is None else await load_case(cases.context, wanted[0].id)
    handle = None if case is None else await new_transaction(cases, case, secret)
    if code is None or handle is None:
        return None
    transaction = await cases.sign_in_context.stores.transactions.load(handle)
    if transaction is not None:
        await cases.sign_in_context.stores.continuations.put(continuation_key(code), handle, transaction.expires)
    return ResumedTransaction(handle, secret, code)


def _same(case: Case, plain: str) -> bool:
    return handles.normalize_user_code(case.reference) == plain


async def _moved(cases: CitizenCases, case: Case, browser: str, *more: ev.Event) -> str | None:
    """Gives the case to a transaction of the asking browser, with a new continuation code; None if it is over.

    The old code would lead to a transaction that the case does not wait for any more.
    """
    code = handles.new_user_code(cases.context.system, CODE_LENGTH)
    digest = continuation_digest(handles.normalize_user_code(code))

    def moved(case: Case) -> CaseChange | None:
        if not case.open or case.continuation is None:
            return None
        return CaseChange((ev.Resumed(browser, case.continuation, digest, asking=True), *more))

    return code if isinstance(await change_case(cases.context, case, moved), Case) else None
