"""Leave a sign-in and resume it: return to the service, continuation codes, transfer to another device."""

from broker.actions.assisted import resume as case_resume
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser
from broker.actions.results import ContinuationIssued, ResumedTransaction, ResumeRefused
from broker.actions.sign_in.backchannel_confirmation import decline
from broker.actions.sign_in.client_response import error_redirect
from broker.actions.sign_in.context import (
    SignInContext,
    advance_transaction,
    audit_event,
    code_already_issued,
    load_own_transaction,
)
from broker.actions.views import DeadEnd
from broker.journey.events import AnsweredBefore, BrowserChanged, GaveUp
from broker.model import handle as handles

CODE_LENGTH = 16
"""Letters and digits of a continuation code: 78 bits."""


async def return_to_client(context: SignInContext, handle: str, browser: Browser) -> DeadEnd | None:
    """Returns the citizen to the service with the error response of the last failure.

    A backchannel request is declined instead.
    """
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if transaction.request.question is not None:
        await decline(context, handle, transaction)
        return None
    if await code_already_issued(context, transaction):
        await advance_transaction(context, handle, transaction, AnsweredBefore())
        return None
    failure = transaction.exit_failure
    leaving = await error_redirect(context, transaction.request, failure)
    done = await advance_transaction(context, handle, transaction, GaveUp(leaving))
    if done is not None and done is not transaction:
        await context.stores.audit.write([audit_event(context, "given_up", transaction, failure=failure)])
    return None


async def finish_later(
    context: SignInContext, cases: CitizenCases, handle: str, browser: Browser
) -> ContinuationIssued | DeadEnd | None:
    """Issues a continuation code, to be shown once. Returns None if there is nothing to continue.

    While a case is open the code is the case's, so that it works as long as the case lasts.
    """
    issued = await cases.new_code(handle, browser)
    return await _issue_for_transaction(context, handle, browser) if issued is None else issued


async def _issue_for_transaction(
    context: SignInContext, handle: str, browser: Browser
) -> ContinuationIssued | DeadEnd | None:
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if not transaction.open or not transaction.request.to_client:
        return None
    code = handles.new_user_code(context.system, CODE_LENGTH)
    await context.stores.continuations.put(handles.normalize_user_code(code), handle, transaction.expires)
    return ContinuationIssued(code)


async def transfer(context: SignInContext, handle: str) -> str | None:
    """Transfers an open transaction to another browser. Returns that browser's new secret.

    Returns None if the transaction is not open.
    """
    for _ in range(2):
        transaction = await context.stores.transactions.load(handle)
        if transaction is None or not transaction.open:
            return None
        secret = handles.new_handle(context.system)
        moved = await advance_transaction(context, handle, transaction, BrowserChanged(handles.sha256_hex(secret)))
        if moved is not None and moved is not transaction:
            return secret
    return None


async def resume(
    context: SignInContext, cases: CitizenCases, code: str, browser: Browser
) -> ResumedTransaction | ResumeRefused | None:
    """Moves the case or transaction of a continuation code to this browser. Returns None for an unknown code.

    A case comes first: it may outlive its transaction. The first use consumes the code. Wrong codes are not counted:
    78 bits cannot be guessed, and a rate limit would only block the owner of a valid code.
    """
    return await case_resume.resume(cases, code, browser) or await _resume_transaction(context, code)


async def _resume_transaction(context: SignInContext, code: str) -> ResumedTransaction | None:
    handle = await context.stores.continuations.take(handles.normalize_user_code(code))
    secret = None if handle is None else await transfer(context, handle)
    return None if handle is None or secret is None else ResumedTransaction(handle, secret)
