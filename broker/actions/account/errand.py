"""Errand: completes a sign-in for the broker's own pages. It starts a session, or links a second way to the account."""

from dataclasses import replace

from broker.account.links import LinkRefusal, refuse_link
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.ports import AuthorizationWrite
from broker.actions.sign_in.consent import (
    derive_secret,
    linked_identity,
    live_session,
    recheck,
    replaced_session,
    update_session,
)
from broker.actions.sign_in.context import (
    SignInContext,
    advance_transaction,
    audit_event,
    load_own_transaction,
    record_failed_attempt,
)
from broker.actions.views import DeadEnd, LinkView, ProvedWay
from broker.journey.events import AttemptFailed, GaveUp, ServiceAnswered
from broker.journey.transaction import Transaction, TransactionState
from broker.model import handle as handles
from broker.model.account import Errand, ErrandKind, LinkResult, LinkWrite
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.model.session import Session

LINKED, MOVED = "linked", "moved"
"""What was done, as the parameter `done` of the account's page."""


async def complete(
    context: SignInContext, handle: str, transaction: Transaction, errand: Errand, browser: Browser
) -> LinkView | tuple[Transaction, BrowserUpdates]:
    """Completes the errand of an identified transaction.

    Returns the page that shows both identities before they are linked; else the transaction, which was answered or has
    failed, with the cookies to set.
    """
    service, identity = context.policy.account.service, transaction.identity
    if identity is None:
        return transaction, BrowserUpdates()
    before = await linked_identity(context, identity, service)
    failed = await recheck(context, handle, transaction, service, before, browser)
    if failed is not None:
        return failed, BrowserUpdates()
    if errand.kind is ErrandKind.LINK:
        return await _view(context, transaction, errand, identity, browser)
    session_update = await update_session(context, transaction, identity, before, browser)
    if session_update is None or session_update.cookie is None:
        ended = AttemptFailed(FailureClass.SESSION_ENDED, identity.provider)
        after = await advance_transaction(context, handle, transaction, ended)
        await record_failed_attempt(context, transaction, ended, request_id=browser.request_id)
        return after or transaction, BrowserUpdates()
    done = await context.stores.authorizations.record(
        AuthorizationWrite(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            provider=identity.provider,
            level=identity.level,
            proved=identity.auth_time,
            anchor=identity.anchor,
            account=session_update.session.account,
            sector=None,
            subject="",
            code=None,
            shared=(),
            session=session_update.session,
            events=(audit_event(context, "account_opened", transaction, provider=identity.provider),),
            fact=handles.sha256_hex(session_update.cookie),
            replaced=None if session_update.replaced is None else replaced_session(context, session_update.replaced),
        )
    )
    if done is None:  # the provider reported something since the check before
        before = await linked_identity(context, identity, service)
        failed = await recheck(context, handle, transaction, service, before, browser)
        return failed or transaction, BrowserUpdates()
    leaving = ServiceAnswered(ClientRedirect(f"{context.policy.account.home}{errand.page}"), done.account)
    after = await advance_transaction(context, handle, transaction, leaving)
    updates = BrowserUpdates(
        handles.new_handle(context.system), session_update.cookie, session_update.state(context), identity.provider
    )
    return after or transaction, updates


async def submit_link(
    context: SignInContext, handle: str, browser: Browser, *, agree: bool
) -> BrowserUpdates | DeadEnd:
    """The citizen agrees to link the identities that were shown, or not. The page of the transaction says the rest."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    errand, identity = transaction.request.errand, transaction.identity
    if transaction.state is not TransactionState.IDENTIFIED or errand is None or errand.kind is not ErrandKind.LINK:
        return BrowserUpdates()
    home, service = f"{context.policy.account.home}/ways", context.policy.account.service
    if not agree or identity is None:
        await advance_transaction(context, handle, transaction, GaveUp(ClientRedirect(home)))
        return BrowserUpdates()
    before = await linked_identity(context, identity, service)
    if await recheck(context, handle, transaction, service, before, browser) is not None:
        return BrowserUpdates()
    session = await live_session(context, browser)
    if session is None or await _refusal(context, transaction, errand, identity, session) is not None:
        return BrowserUpdates()
    write, cookie = _write(context, transaction, errand, identity, session)
    if await context.stores.links.link(write) in (LinkResult.CONFLICT, LinkResult.GONE, LinkResult.OUTDATED):
        return BrowserUpdates()
    done = LINKED if errand.replaced is None else MOVED
    leaving = ServiceAnswered(ClientRedirect(f"{home}?done={done}"), session.account)
    await advance_transaction(context, handle, transaction, leaving)
    return BrowserUpdates(session=cookie, provider=identity.provider)


async def _view(
    context: SignInContext, transaction: Transaction, errand: Errand, identity: Identity, browser: Browser
) -> LinkView:
    """Returns the page that shows both identities, with the reason if they cannot be linked."""
    second = ProvedWay(context.card(identity.provider), identity)
    service, session = context.policy.account.service, await live_session(context, browser)
    if session is None:
        return LinkView(transaction, service, None, second, LinkRefusal.SIGNED_OUT)
    first = ProvedWay(context.card(session.identity.provider), session.identity)
    refusal = await _refusal(context, transaction, errand, identity, session)
    known = await _known_twice(context, identity, session) if refusal is None else ()
    if known:
        refusal = LinkRefusal.KNOWN_TWICE
    replaced = await _replaced_way(context, errand, session)
    return LinkView(transaction, service, first, second, refusal, known, replaced)


async def _refusal(
    context: SignInContext, transaction: Transaction, errand: Errand, identity: Identity, session: Session
) -> LinkRefusal | None:
    """Returns why the identity is not linked to the account of the session, as far as the rules say."""
    if session.account != errand.account:
        return LinkRefusal.SIGNED_OUT
    ways = await context.stores.links.ways(session.account)
    fresh_for = context.policy.account.fresh_for
    refusal = refuse_link(session.identity, identity, ways, transaction.created, fresh_for)
    key = context.stores.links.key(identity.issuer, identity.subject)
    linked = key in [way.key for way in ways]
    return LinkRefusal.SAME_WAY if refusal is None and linked and errand.replaced in (None, key) else refusal


async def _known_twice(context: SignInContext, identity: Identity, session: Session) -> tuple[Service, ...]:
    """Returns the services that know both accounts, of which one would have to be given up."""
    sectors = await context.stores.links.common_sectors(session.account, identity.issuer, identity.subject)
    return tuple(service for service in context.registry.services.values() if service.sector in sectors)


async def _replaced_way(context: SignInContext, errand: Errand, session: Session) -> str | None:
    """Returns the id of the provider whose way is replaced, "" if its provider is not known."""
    if errand.replaced is None:
        return None
    ways = await context.stores.links.ways(session.account)
    return next((way.provider or "" for way in ways if way.key == errand.replaced), None)


def _write(
    context: SignInContext, transaction: Transaction, errand: Errand, identity: Identity, session: Session
) -> tuple[LinkWrite, str | None]:
    """Returns the link to write. If it replaces the way that proved this browser's session, the session goes on with
    the new identity and under a new cookie, which is returned too."""
    now, links = context.system.now(), context.stores.links
    kind = "identity_linked" if errand.replaced is None else "identity_moved"
    event = audit_event(context, kind, transaction, provider=identity.provider, level=identity.level.name.lower())
    cookie, renewed = None, None
    if errand.replaced == links.key(session.identity.issuer, session.identity.subject):
        cookie = "session_" + derive_secret(context, "session cookie", transaction)
        renewed = replace(session, digest=handles.sha256_hex(cookie), identity=identity, used=now)
    write = LinkWrite(
        account=session.account,
        first=session,
        identity=identity,
        event=replace(event, account=session.account),
        ended=unlinked_session(now),
        logout_fan_out=logout_fan_out(context.registry.services, now),
        replaced=errand.replaced,
        session=renewed,
    )
    return write, cookie


def unlinked_session(now: float) -> AuditEvent:
    """Returns the audit event of a session that ends because the way that proved it was unlinked."""
    return AuditEvent("session_ended", now, "citizen", details={"why": "unlinked"})
