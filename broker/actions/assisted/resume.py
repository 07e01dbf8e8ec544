"""Coming back to a case with its continuation code, in whatever browser, also when the transaction is long gone."""

from dataclasses import replace

from broker.actions.assisted.citizen import CODE_LENGTH, CitizenCases, filed
from broker.actions.assisted.context import change, load_case
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
"""The browser of a transaction that was never in any: no digest is empty."""


async def resume(cases: CitizenCases, code: str) -> Resumed | None:
    """Takes a case up in this browser and gives its next code. None for a code of no case.

    The code is used up in the case first, where of two users one wins. Then the transaction is moved; where it is gone
    a new one takes its place, which can never send an authorization code (it has no `state` of the service's).
    """
    desk = cases.desk
    plain = handles.plain(code)
    found = await cases.context.cases.by_continuation(continuation_digest(plain))
    case = None if found is None else await load_case(cases.context, found.id)
    if case is None or case.continuation != continuation_digest(plain):
        return None
    secret, following = handles.fresh(desk.ambient), handles.readable(desk.ambient, CODE_LENGTH)
    digest = continuation_digest(handles.plain(following))
    taken = ev.Resumed(handles.digest(secret), continuation_digest(plain), digest)
    after = await change(cases.context, case.id, taken)
    if not isinstance(after, Case):
        return None
    handle = await _moved(cases, plain, after, secret) or await _new_transaction(cases, after, secret)
    if handle is None:
        return None
    transaction = await desk.transactions.load(handle)
    if transaction is not None:
        await desk.continuations.put(filed(following), handle, transaction.expires)
    return Resumed(handle, secret, following)


async def _moved(cases: CitizenCases, code: str, case: Case, secret: str) -> str | None:
    """Moves the transaction the code leads to, if it is still there, and lets it wait for the case again."""
    desk = cases.desk
    handle = await desk.continuations.take(filed(code))
    for _ in range(2):
        transaction = None if handle is None else await desk.transactions.load(handle)
        if handle is None or transaction is None or not transaction.open or transaction.case != case.id:
            return None
        moved = await step(desk, handle, transaction, BrowserChanged(handles.digest(secret)), HelpResumed())
        if moved is not None and moved is not transaction:
            return handle
    return None


async def _new_transaction(cases: CitizenCases, case: Case, secret: str) -> str | None:
    """A transaction made from what the case knows of the service's request. None if the service is gone."""
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
    # the case names who may collect it before there is anybody who could
    if not isinstance(await change(cases.context, case.id, ev.Rejoined(transaction.id)), Case):
        return None
    handle = handles.fresh(desk.ambient)
    made = await desk.transactions.create(handle, replace(transaction, version=1), desk.limited.open_transactions)
    return handle if made else None
