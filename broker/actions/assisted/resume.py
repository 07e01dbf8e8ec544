"""Resume a case with its continuation code, in any browser, also after the transaction expired."""

from dataclasses import replace

from broker.actions.assisted.citizen import CODE_LENGTH, CitizenCases, continuation_key
from broker.actions.assisted.context import load_case, update_case
from broker.actions.outcomes import Resumed
from broker.actions.sign_in.desk import step
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.words import continuation_digest
from broker.journey.events import BrowserChanged, HelpRequested, HelpResumed
from broker.journey.table import advance, begin
from broker.journey.transaction import State, Transaction
from broker.model import handle as handles
from broker.model.request import AuthorizationRequest

NO_BROWSER = ""
"""The browser of a transaction that has none yet: no digest is empty."""


async def resume(cases: CitizenCases, code: str) -> Resumed | None:
    """Resumes a case in this browser. Returns the next continuation code; None if no case has this code.

    The case redeems the code first, so that of two concurrent uses one succeeds. Then the transaction is transferred
    to this browser. If it expired, a new one replaces it, from which no authorization code can be sent: the service's
    `state` is gone.
    """
    desk = cases.desk
    plain = handles.plain(code)
    found = await cases.context.stores.cases.by_continuation(continuation_digest(plain))
    case = None if found is None else await load_case(cases.context, found.id)
    if case is None or case.continuation != continuation_digest(plain):
        return None
    secret, following = handles.fresh(desk.ambient), handles.readable(desk.ambient, CODE_LENGTH)
    digest = continuation_digest(handles.plain(following))
    resumed = ev.Resumed(handles.digest(secret), continuation_digest(plain), digest)
    after = await update_case(cases.context, case.id, resumed)
    if not isinstance(after, Case):
        return None
    handle = await _transferred(cases, plain, after, secret) or await _new_transaction(cases, after, secret)
    if handle is None:
        return None
    transaction = await desk.transactions.load(handle)
    if transaction is not None:
        await desk.continuations.put(continuation_key(following), handle, transaction.expires)
    return Resumed(handle, secret, following)


async def _transferred(cases: CitizenCases, code: str, case: Case, secret: str) -> str | None:
    """Transfers the transaction of the code, if it still exists, and lets it wait for the case again."""
    desk = cases.desk
    handle = await desk.continuations.take(continuation_key(code))
    for _ in range(2):
        transaction = None if handle is None else await desk.transactions.load(handle)
        if handle is None or transaction is None or not transaction.open or transaction.case != case.id:
            return None
        moved = await step(desk, handle, transaction, BrowserChanged(handles.digest(secret)), HelpResumed())
        if moved is not None and moved is not transaction:
            return handle
    return None


async def _new_transaction(cases: CitizenCases, case: Case, secret: str) -> str | None:
    """A new transaction from what the case has of the service's request. None if the service was removed."""
    desk = cases.desk
    service = desk.catalogue.services.get(case.client_id)
    if service is None:
        return None
    now, browser = desk.ambient.now(), handles.digest(secret)
    transaction: Transaction = begin(
        id=handles.fresh(desk.ambient, size=16),
        browser=NO_BROWSER,
        request=AuthorizationRequest(
            client_id=case.client_id,
            redirect_uri=service.redirect_uris[0],
            scope=("openid",),
            minimum=case.level,
            asked=case.claims,
        ),
        language=case.language,
        reference=handles.readable(desk.ambient, 8),
        seed=int.from_bytes(bytes.fromhex(browser)[:6]),
        now=now,
    )
    for event in (BrowserChanged(browser), HelpRequested(case.id)):
        transaction = advance(transaction, event, now)
    if not transaction.moved or transaction.state is not State.WAITING:
        raise RuntimeError("a transaction made for a case must wait for it, and must never send a code")
    # the case names the transaction that may collect it before that transaction exists
    if not isinstance(await update_case(cases.context, case.id, ev.Rejoined(transaction.id)), Case):
        return None
    handle = handles.fresh(desk.ambient)
    made = await desk.transactions.create(handle, replace(transaction, version=1), desk.limited.open_transactions)
    return handle if made else None
