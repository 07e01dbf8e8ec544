"""Confirmation on the citizen's own device of a CIBA request or a question of staff (CIBA Core 1.0, 8).

The answer goes to the pending request and not through the browser. So the browser gets no session, and no session
replaces the sign-in: the citizen proves their identity for each request.
"""

from collections.abc import Collection
from dataclasses import replace

from broker.account import release
from broker.actions.browser import Browser
from broker.actions.ports import AuthorizationWrite, LinkedIdentity
from broker.actions.results import LimitKind, RateLimited, StartedTransaction
from broker.actions.sign_in.authorize import new_transaction, start_transaction
from broker.actions.sign_in.case_link import CaseLink
from broker.actions.sign_in.consent import linked_identity, recheck
from broker.actions.sign_in.context import (
    SignInContext,
    advance_transaction,
    audit_event,
    code_already_issued,
    load_own_transaction,
)
from broker.actions.sign_in.shared_claims import claim_names, consent_items, shared_before
from broker.actions.views import ConfirmationView, DeadEnd, Ending, EndingView
from broker.journey.events import AnsweredBefore, GaveUp, ServiceAnswered
from broker.journey.transaction import Transaction, TransactionState
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelRequestRef, BackchannelState
from broker.model.grant import AuthorizationCode, ReleasedIdentity
from broker.model.identity import Identity
from broker.model.request import AuthorizationRequest
from broker.model.service import Service
from broker.provider import ProviderInfo

_ENDINGS = {
    BackchannelState.CONFIRMED: Ending.CONFIRMED,
    BackchannelState.DECLINED: Ending.DECLINED,
    BackchannelState.OTHER_PERSON: Ending.OTHER_PERSON,
}


async def claim_request(
    context: SignInContext, code: str, browser: Browser, language: str
) -> StartedTransaction | RateLimited | None:
    """Starts a transaction for the request with this user code. Returns None for a wrong code.

    A code may be used again, also in another browser: the first answer counts. Only wrong codes count against the rate
    limit of an address; beyond it every code is rejected, since user codes are short enough to be guessed.
    """
    rate, key = context.policy.limits.codes, f"confirm:{browser.address}"
    if not await context.stores.rate_limits.allow(key, rate.most, rate.window):
        return RateLimited(LimitKind.CODES, rate.ends(context.system.now()))
    question = await context.stores.backchannel_requests.by_code(code)
    started = None if question is None else await start_confirmation(context, question, browser, language)
    if started is not None:
        await context.stores.rate_limits.give_back(key, rate.window)
    return started


async def approve_here(
    context: SignInContext, cases: CaseLink, handle: str, browser: Browser
) -> StartedTransaction | RateLimited | DeadEnd | None:
    """Starts the answer to a question of staff in the browser that waits for the case, in the language of its pages.

    Returns None if no question is pending.
    """
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    question = await cases.pending_question(transaction)
    return None if question is None else await start_confirmation(context, question, browser, transaction.language)


async def start_confirmation(
    context: SignInContext, question: BackchannelRequest, browser: Browser, language: str
) -> StartedTransaction | RateLimited | None:
    """Starts a transaction for a request in this browser. Returns None if the request is no longer pending."""
    service = context.registry.services.get(question.client_id)
    now = context.system.now()
    if service is None or not question.is_pending(now):
        return None
    request = AuthorizationRequest(
        client_id=question.client_id,
        redirect_uri="",
        scope=question.scope,
        min_level=question.minimum,
        prompt=("login",),
        requested_claims=question.asked,
        expected_sub=question.subject,
        question=BackchannelRequestRef(question.id, question.message, question.case),
    )
    transaction, secret = new_transaction(context, request, browser, language)
    return await start_transaction(
        context, replace(transaction, chosen=now, expires=question.expires), service, browser, secret
    )


async def confirm_identity(
    context: SignInContext,
    handle: str,
    transaction: Transaction,
    service: Service,
    card: ProviderInfo | None,
    browser: Browser,
) -> ConfirmationView | Transaction:
    """Returns the confirmation page for the proved identity, or the transaction if the request cannot be confirmed."""
    identity = transaction.identity
    before = None if identity is None else await linked_identity(context, identity, service)
    over = await _other_person(context, handle, transaction, before)
    if over is None:
        over = await recheck(context, handle, transaction, service, before, browser)
    reference = transaction.request.question
    if over is not None or reference is None:
        return over or transaction
    # what can be left out is chosen where a sign-in shares it, not here
    items = consent_items(transaction, service, before)
    items = tuple(one for one in items if one.shared_before or not one.use.optional)
    return ConfirmationView(transaction, service, card, items, reference)


async def end_if_superseded(context: SignInContext, handle: str, transaction: Transaction) -> Transaction:
    """Returns the transaction, ended if its request was answered elsewhere, such as on another device."""
    reference = transaction.request.question
    if reference is None or not transaction.open:
        return transaction
    question = await context.stores.backchannel_requests.load(reference.id)
    if question is not None and question.is_pending(context.system.now()):
        return transaction
    return await advance_transaction(context, handle, transaction, AnsweredBefore()) or transaction


async def ending_of(context: SignInContext, transaction: Transaction, service: Service) -> EndingView:
    """Returns the ending by the state of the request, if it was answered in this transaction."""
    reference = transaction.request.question
    question = None if reference is None else await context.stores.backchannel_requests.load(reference.id)
    answered = transaction.state in (TransactionState.ANSWERED, TransactionState.REFUSED) or await code_already_issued(
        context, transaction
    )
    ending = _ENDINGS.get(question.state, Ending.OVER) if question and answered else Ending.OVER
    return EndingView(service, ending, None, transaction.language)


async def submit_confirmation(
    context: SignInContext, cases: CaseLink, handle: str, browser: Browser, *, agree: bool
) -> DeadEnd | None:
    """The citizen confirms or declines. The page of the transaction displays the result."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    identity, service = transaction.identity, context.service(transaction)
    if transaction.state is not TransactionState.IDENTIFIED or identity is None or service is None:
        return None
    if not agree:
        await decline(context, handle, transaction)
        return None
    before = await linked_identity(context, identity, service)
    if await _other_person(context, handle, transaction, before) is not None:
        return None
    if await recheck(context, handle, transaction, service, before, browser) is not None:
        return None
    account = await _confirmed(context, cases, transaction, service, identity, before)
    over = AnsweredBefore() if account is None else ServiceAnswered(None, account)
    await advance_transaction(context, handle, transaction, over)
    return None


async def decline(context: SignInContext, handle: str, transaction: Transaction) -> None:
    """The citizen declines. The asking service or staff learn only that, unless the request was answered before."""
    first = await _settle(context, transaction, BackchannelState.DECLINED)
    await advance_transaction(context, handle, transaction, GaveUp(None) if first else AnsweredBefore())


async def _settle(context: SignInContext, transaction: Transaction, state: BackchannelState) -> bool:
    reference = transaction.request.question
    if reference is None:
        return False
    return await context.stores.backchannel_requests.end(
        reference.id, state, context.system.now(), [_settled_event(context, transaction, state)]
    )


def _settled_event(context: SignInContext, transaction: Transaction, state: BackchannelState) -> AuditEvent:
    reference, identity = transaction.request.question, transaction.identity
    details = {"question": reference.id} if reference else {}
    if identity is not None:
        details |= {"provider": identity.provider, "level": identity.level.name.lower()}
    made = audit_event(context, f"question_{state}", transaction, **details)
    return made if reference is None or reference.case is None else replace(made, case=reference.case)


async def _other_person(
    context: SignInContext, handle: str, transaction: Transaction, before: LinkedIdentity | None
) -> Transaction | None:
    """Returns the ended transaction if the request is for another person than the citizen; else None."""
    wanted = transaction.request.expected_sub
    if wanted is None or (before is not None and before.subject == wanted):
        return None
    first = await _settle(context, transaction, BackchannelState.OTHER_PERSON)
    return (
        await advance_transaction(context, handle, transaction, GaveUp(None) if first else AnsweredBefore())
        or transaction
    )


async def _confirmed(
    context: SignInContext,
    cases: CaseLink,
    transaction: Transaction,
    service: Service,
    identity: Identity,
    before: LinkedIdentity | None,
) -> str | None:
    """Stores the confirmation. Returns the account, or None if the request is no longer pending."""
    reference = transaction.request.question
    question = None if reference is None else await context.stores.backchannel_requests.load(reference.id)
    if question is None or not question.is_pending(context.system.now()):
        return None
    if question.case is not None:
        if not await cases.record_confirmation(question, identity):
            return None
        return "" if await _settle(context, transaction, BackchannelState.CONFIRMED) else None
    return await _answered(context, transaction, service, identity, question, shared_before(before))


async def _answered(
    context: SignInContext,
    transaction: Transaction,
    service: Service,
    identity: Identity,
    question: BackchannelRequest,
    chosen: Collection[str],
) -> str | None:
    """Stores the authorization code that the service's next poll redeems, with the optional claims that were chosen
    before. Returns the account."""
    now, request = context.system.now(), transaction.request
    released = ReleasedIdentity(
        subject=question.subject or "",
        level=identity.level,
        amr=identity.amr,
        auth_time=identity.auth_time,
        claims=release.released_claims(identity, request, service, chosen),
        verification=identity.verification,
        provider=identity.provider,
    )
    code = AuthorizationCode(
        digest=handles.sha256_hex(question.handle),
        transaction=transaction.id,
        client_id=question.client_id,
        account=question.account or "",
        redirect_uri="",
        scope=request.scope,
        release=released,
        created=now,
        expires=max(question.expires, now + context.policy.limits.code_lifetime),
    )
    settled = _settled_event(context, transaction, BackchannelState.CONFIRMED)
    done = await context.stores.authorizations.record(
        AuthorizationWrite(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            provider=identity.provider,
            level=identity.level,
            proved=identity.auth_time,
            anchor=identity.anchor,
            account=handles.new_handle(context.system, size=16),
            sector=service.sector,
            subject=handles.new_handle(context.system, size=24),
            code=code,
            shared=tuple(released.claims),
            session=None,
            events=(replace(settled, details={**settled.details, "claims": claim_names(released.claims)}),),
            fact=code.digest,
            client_id=service.client_id,
            question=question.id,
        )
    )
    return None if done is None else done.account
