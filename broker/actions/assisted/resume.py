"""Resume a case with its continuation code, in any browser, also after the transaction expired."""

from dataclasses import replace

from broker.actions.assisted.citizen import CODE_LENGTH, CitizenCases, continuation_key
from broker.actions.assisted.context import CaseChange, change_case, load_by_continuation, update_case
from broker.actions.browser import Browser
from broker.actions.results import ResumedTransaction, ResumeRefused
from broker.actions.sign_in.context import advance_transaction, create_transaction
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.codes import continuation_digest
from broker.journey.events import BrowserChanged, HelpRequested, HelpResumed
from broker.journey.transaction import Transaction, TransactionState
from broker.journey.transitions import TransactionIdentifiers, advance, begin
from broker.model import handle as handles
from broker.model.account import ACCOUNT_SERVICE, Errand, ErrandKind
from broker.model.request import AuthorizationRequest

NO_BROWSER = ""
"""The browser of a transaction that has none yet: no digest is empty."""


async def resume(cases: CitizenCases, code: str, browser: Browser) -> ResumedTransaction | ResumeRefused | None:
    """Resumes a case in this browser. Returns the next continuation code; None if no case has this code.

    BOUND_ELSEWHERE if the identity was bound in another browser, and this one would not reach the service's level: the
    case stays with the browser that can finish.

    The case redeems the code first, so that of two concurrent uses one succeeds. Then the transaction is transferred
    to this browser. If it expired, a new one replaces it, from which no authorization code can be sent: the service's
    `state` is gone.
    """
    sign_in_context = cases.sign_in_context
    plain = handles.normalize_user_code(code)
    case = await load_by_continuation(cases.context, continuation_digest(plain))
    if case is None or case.continuation != continuation_digest(plain):
        return None
    secret, following = (
        handles.new_handle(sign_in_context.system),
        handles.new_user_code(sign_in_context.system, CODE_LENGTH),
    )
    digest = continuation_digest(handles.normalize_user_code(following))
    worth = cases.context.rules.profiles.authentication

    def resumed(case: Case) -> CaseChange | ResumeRefused:
        asking = browser.asked_for(case.asker)
        if case.state is CaseState.BOUND and not asking and case.level > worth.code:
            return ResumeRefused.BOUND_ELSEWHERE
        return CaseChange((ev.Resumed(handles.sha256_hex(secret), continuation_digest(plain), digest, asking),))

    after = await change_case(cases.context, case, resumed)
    if not isinstance(after, Case):
        return after if isinstance(after, ResumeRefused) else None
    handle = await _transferred(cases, plain, after, secret) or await new_transaction(cases, after, secret)
    if handle is None:
        return None
    transaction = await sign_in_context.stores.transactions.load(handle)
    if transaction is not None:
        await sign_in_context.stores.continuations.put(continuation_key(following), handle, transaction.expires)
    return ResumedTransaction(handle, secret, following)


async def _transferred(cases: CitizenCases, code: str, case: Case, secret: str) -> str | None:
    """Transfers the transaction of the code, if it still exists, and lets it wait for the case again."""
    sign_in_context = cases.sign_in_context
    handle = await sign_in_context.stores.continuations.take(continuation_key(code))
    for _ in range(2):
        transaction = None if handle is None else await sign_in_context.stores.transactions.load(handle)
        if handle is None or transaction is None or not transaction.open:
            return None
        if case.id not in (transaction.case, transaction.ended_case):
            return None
        moved = await advance_transaction(
            sign_in_context, handle, transaction, BrowserChanged(handles.sha256_hex(secret)), HelpResumed()
        )
        if moved is not None and moved is not transaction:
            return handle
    return None


async def new_transaction(cases: CitizenCases, case: Case, secret: str) -> str | None:
    """A new transaction from what the case has of the service's request. None if the service was removed."""
    sign_in_context = cases.sign_in_context
    own = case.client_id == ACCOUNT_SERVICE
    service = sign_in_context.policy.account.service if own else sign_in_context.registry.services.get(case.client_id)
    if service is None:
        return None
    now, browser = sign_in_context.system.now(), handles.sha256_hex(secret)
    transaction: Transaction = begin(
        TransactionIdentifiers(handles.new_handle(sign_in_context.system, size=16), case.reference),
        browser=NO_BROWSER,
        request=AuthorizationRequest(
            client_id=case.client_id,
            redirect_uri=service.redirect_uris[0],
            scope=("openid",),
            min_level=case.level,
            requested_claims=case.claims,
            resume_value=case.resume_value,
            errand=Errand(ErrandKind.ACCOUNT) if own else None,
        ),
        language=case.language,
        seed=int.from_bytes(bytes.fromhex(browser)[:6]),
        now=now,
    )
    for event in (BrowserChanged(browser), HelpRequested(case.id)):
        transaction = advance(transaction, event, now)
    if not transaction.transferred or transaction.state is not TransactionState.WAITING:
        raise RuntimeError("a transaction made for a case must wait for it, and must never send a code")
    # the case names the transaction that may collect it before that transaction exists
    if not isinstance(await update_case(cases.context, case, ev.TransactionReplaced(transaction.id)), Case):
        return None
    handle = handles.new_handle(sign_in_context.system)
    made = await create_transaction(sign_in_context, handle, replace(transaction, version=1))
    return handle if made else None
