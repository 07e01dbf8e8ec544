"""Leaving without an answer, and coming back to one: giving up, finishing later, continuing on another device."""

from broker.actions.browser import Browser
from broker.actions.outcomes import Resumed
from broker.actions.sign_in.confirm import decline
from broker.actions.sign_in.desk import Desk, answered_before, event, mine, step
from broker.actions.sign_in.way_back import without_answer
from broker.actions.views import Lost
from broker.journey.events import AnsweredBefore, BrowserChanged, GaveUp
from broker.model import handle as handles

CODE_LENGTH = 16
"""Letters and digits of a continuation code: 78 bits."""


async def give_up(desk: Desk, handle: str, browser: Browser) -> Lost | None:
    """The citizen goes back to the service without an answer. The service learns the class's registered error.

    Where the answer goes to a question, giving up is declining.
    """
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    if transaction.request.question is not None:
        await decline(desk, handle, transaction)
        return None
    if await answered_before(desk, transaction):
        await step(desk, handle, transaction, AnsweredBefore())
        return None
    failure = transaction.parting
    leaving = await without_answer(desk, transaction.request, failure)
    done = await step(desk, handle, transaction, GaveUp(leaving))
    if done is not None and done is not transaction:
        await desk.audit.write([event(desk, "given_up", transaction, failure=failure)])
    return None


async def finish_later(desk: Desk, handle: str, browser: Browser) -> str | Lost | None:
    """A continuation code for this transaction, to be shown once. None when it has ended."""
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    if not transaction.open or transaction.request.question is not None:
        return None
    code = handles.readable(desk.ambient, CODE_LENGTH)
    await desk.continuations.put(handles.plain(code), handle, transaction.expires)
    return code


async def take_up(desk: Desk, handle: str) -> str | None:
    """Moves an open transaction to the browser that continues it, and gives that browser's new secret.

    None when there is nothing open to move.
    """
    for _ in range(2):
        transaction = await desk.transactions.load(handle)
        if transaction is None or not transaction.open:
            return None
        secret = handles.fresh(desk.ambient)
        moved = await step(desk, handle, transaction, BrowserChanged(handles.digest(secret)))
        if moved is not None and moved is not transaction:
            return secret
    return None


async def resume(desk: Desk, code: str) -> Resumed | None:
    """Moves what a continuation code leads to into this browser. None for a code that leads nowhere.

    The code is used up by the first who types it. Tries are not counted: 78 bits cannot be guessed, and a limit would
    only keep a right code from its owner.
    """
    handle = await desk.continuations.take(handles.plain(code))
    secret = None if handle is None else await take_up(desk, handle)
    return None if handle is None or secret is None else Resumed(handle, secret)
