"""The service is answered: once, with what was asked, may be had and was agreed to."""

from dataclasses import dataclass, replace

from broker.account import release
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.logout_fan_out import logout_fan_out
from broker.actions.ports import AuthorizationWrite, LinkedIdentity, SupersededSession
from broker.actions.sign_in.case_link import CaseLink
from broker.actions.sign_in.client_response import encode_response
from broker.actions.sign_in.context import (
    SignInContext,
    advance_transaction,
    audit_event,
    load_own_transaction,
    record_failed_attempt,
)
from broker.actions.views import DeadEnd, SharedItem
from broker.journey.acceptance import AcceptedIdentity, AccountMatch, accept_identity, check_account
from broker.journey.events import AnsweredBefore, AttemptFailed, ServiceAnswered, SharingDeclined
from broker.journey.transaction import Transaction, TransactionState
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.grant import AuthorizationCode, ReleasedIdentity
from broker.model.identity import Identity
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.model.session import Session
from broker.oidc.authorization_response import code_response
from broker.oidc.session_state import session_state
from broker.oidc.third_party_login import initiate_login
from broker.platform import base64url


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """A service was answered: where the citizen goes now, and what the browser is to remember.

    `told` is False if no code was sent: the identity is kept for the service's next request.
    """

    leaving: ClientRedirect
    account: str
    shared: BrowserUpdates
    told: bool


async def linked_identity(context: SignInContext, identity: Identity, service: Service) -> LinkedIdentity | None:
    """What is known of an identity for a service."""
    return await context.stores.authorizations.linked_identity(
        identity.issuer, identity.subject, service.sector, service.client_id
    )


def consent_items(transaction: Transaction, service: Service, before: LinkedIdentity | None) -> tuple[SharedItem, ...]:
    """What the service is about to receive, with the service's reasons."""
    identity = transaction.identity
    if identity is None:
        return ()
    seen = frozenset((before.shared or ()) if before else ())
    return tuple(
        SharedItem(item.claim, item.value, item.reason, item.claim in seen)
        for item in release.consent_items(identity, transaction.request, service)
    )


def consent_required(transaction: Transaction, service: Service, before: LinkedIdentity | None) -> bool:
    """Whether the citizen is to be asked before anything is shared (first sharing, more than before, or asked for)."""
    identity = transaction.identity
    if identity is None or "consent" in transaction.request.prompt:
        return True
    return release.consent_required(None if before is None else before.shared, identity, transaction.request, service)


async def submit_consent(
    context: SignInContext, cases: CaseLink, handle: str, browser: Browser, agree: bool
) -> BrowserUpdates | DeadEnd:
    """The citizen agrees to share, or does not. Agreeing twice answers once."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if (
        transaction.state not in (TransactionState.IDENTIFIED, TransactionState.ANSWERED)
        or transaction.request.question is not None
    ):
        return BrowserUpdates()
    if not agree:
        if await advance_transaction(context, handle, transaction, SharingDeclined()) is not transaction:
            await context.stores.audit.write([audit_event(context, "sharing_declined", transaction)])
        return BrowserUpdates()
    answered = await answer(context, cases, handle, transaction, browser)
    return answered.shared if answered else BrowserUpdates()


async def answer(
    context: SignInContext, cases: CaseLink, handle: str, transaction: Transaction, browser: Browser
) -> ClientAnswer | None:
    """Answers the service of an identified transaction. None when nothing was answered: the page says why.

    The facts are written first. A crash after that leaves the transaction where it was: answering once more writes the
    same code again, unless it was redeemed.
    """
    service, identity = context.service(transaction), transaction.identity
    if service is None or identity is None:
        return None
    before = await linked_identity(context, identity, service)
    if await recheck(context, handle, transaction, service, before, browser) is not None:
        return None
    kept = await _session(context, transaction, identity, before, browser)
    if kept is None:
        ended = AttemptFailed(FailureClass.SESSION_ENDED, identity.provider)
        await advance_transaction(context, handle, transaction, ended)
        await record_failed_attempt(context, transaction, ended, request_id=browser.request_id)
        return None
    outcome = await issue_code(context, transaction, service, identity, kept)
    if outcome is None:
        await advance_transaction(context, handle, transaction, AnsweredBefore())
        return None
    await advance_transaction(
        context, handle, transaction, ServiceAnswered(outcome.leaving, outcome.account, outcome.told)
    )
    if transaction.case is not None:
        await cases.released(transaction.case)
    return outcome


async def recheck(
    context: SignInContext,
    handle: str,
    transaction: Transaction,
    service: Service,
    before: LinkedIdentity | None,
    browser: Browser,
) -> Transaction | None:
    """The transaction as it stands after a refusal; None where the identity is still believed.

    Everything is read again: a provider, a service or an account may have been turned off while the citizen was
    reading.
    """
    identity = transaction.identity
    if identity is None:
        return transaction
    now, switches, candidate = (
        context.system.now(),
        await context.stores.kill_switches.current(),
        context.candidate(identity.provider),
    )
    believed = accept_identity(transaction, identity, candidate, service, switches, now)
    person = AccountMatch() if before is None else AccountMatch(before.account, before.subject)
    refusal = (
        check_account(transaction, person, candidate, switches, now)
        if isinstance(believed, AcceptedIdentity)
        else believed
    )
    if refusal is None:
        return None
    failed = AttemptFailed(refusal, identity.provider)
    after = await advance_transaction(context, handle, transaction, failed)
    if after is not None and after is not transaction:
        await record_failed_attempt(context, transaction, failed, request_id=browser.request_id)
    return after or transaction


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """The broker's session that an answer keeps or begins; `cookie` is set only where it begins, or is proven anew.

    `replaced` is the digest of somebody else's session that this browser held until now.
    """

    session: Session
    cookie: str | None
    replaced: str | None = None


async def issue_code(
    context: SignInContext, transaction: Transaction, service: Service, identity: Identity, kept: SessionUpdate
) -> ClientAnswer | None:
    """Writes the answer in one transaction with its audit rows. None when this request was already answered.

    No code is sent when the transaction was taken to another browser, or when the service has stopped waiting: then
    the citizen is sent to where the service starts anew, and the broker's session answers that new request.
    """
    now, request = context.system.now(), transaction.request
    plain_code = _stored_code(context, transaction)
    late = transaction.transferred or now - transaction.created > service.answer_timeout
    account, subject = kept.session.account, handles.new_handle(context.system, size=24)
    told = ReleasedIdentity(
        subject=subject,
        level=identity.level,
        amr=identity.amr,
        auth_time=identity.auth_time,
        claims=release.released_claims(identity, request, service),
        verification=identity.verification,
        asked_claims=request.claims,
        session=kept.session.id,
        provider=identity.provider,
        max_age_asked=request.max_age is not None,
    )
    kind = "identity_kept" if late else "service_answered"
    level = identity.level.name.lower()
    done = await context.stores.authorizations.record(
        AuthorizationWrite(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            account=account,
            sector=service.sector,
            subject=subject,
            code=None if late else _code(context, plain_code, transaction, account, told),
            shared=tuple(told.claims),
            session=kept.session,
            client_id=service.client_id,
            events=(audit_event(context, kind, transaction, provider=identity.provider, level=level),),
            fact=handles.sha256_hex(plain_code),
            replaced=None if kept.replaced is None else _replaced(context, kept.replaced),
        )
    )
    if done is None:
        return None
    state = _browser_state(context, kept.session)
    shown = session_state(request.client_id, request.redirect_uri, state, handles.new_handle(context.system, size=12))
    if late:
        leaving = ClientRedirect(_other_session(service, context.policy.issuer))
    else:
        leaving = await encode_response(context, code_response(request, plain_code, context.policy.issuer, shown))
    proven = None if kept.cookie is None else identity.provider
    return ClientAnswer(
        leaving,
        done.account,
        BrowserUpdates(handles.new_handle(context.system), kept.cookie, state, proven),
        not late,
    )


def _browser_state(context: SignInContext, session: Session) -> str:
    """What the browser's readable cookie says while this session lives under this digest (Session Management 1.0, 2).

    It opens nothing, and from it nobody comes to the session or its cookie.
    """
    mark = context.crypto.macs.mac("browser state", session.digest.encode())[:16]
    return base64url.encode(mark)


def _stored_code(context: SignInContext, transaction: Transaction) -> str:
    """The code of this transaction as it stands now: 256 bits that nobody can guess without the broker's key.

    Drawn from the record and not by chance, so that two answers at the same moment (a double click) write one and the
    same code, whichever of them the citizen is sent away with.
    """
    return "code_" + _new_code(context, "authorization code", transaction)


def _new_code(context: SignInContext, use: str, transaction: Transaction) -> str:
    """256 bits for one use, the same whenever they are asked for while the transaction stands as it is."""
    mark = context.crypto.macs.mac(use, f"{transaction.id}:{transaction.version}".encode())
    return base64url.encode(mark)


def _code(
    context: SignInContext, plain: str, transaction: Transaction, account: str, told: ReleasedIdentity
) -> AuthorizationCode:
    request, now = transaction.request, context.system.now()
    return AuthorizationCode(
        digest=handles.sha256_hex(plain),
        transaction=transaction.id,
        client_id=request.client_id,
        account=account,
        redirect_uri=request.redirect_uri,
        scope=request.scope,
        release=told,
        created=now,
        expires=now + context.policy.limits.code_lifetime,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        dpop_jkt=request.dpop_jkt,
        pushed=request.par_digest,
    )


async def _session(
    context: SignInContext,
    transaction: Transaction,
    identity: Identity,
    before: LinkedIdentity | None,
    browser: Browser,
) -> SessionUpdate | None:
    """A session after a new sign-in; the same one, read again, where a session brought the identity.

    A citizen who proves anew who they are keeps the session, and its id, under a new cookie: the services that take
    part in it are still signed in. Somebody else's session ends. None when the session that brought the identity has
    ended, or holds somebody else by now.
    """
    now = context.system.now()
    if transaction.account is not None and transaction.state is TransactionState.IDENTIFIED:
        session = await live_session(context, browser)
        if session is None or session.account != transaction.account:
            return None
        return SessionUpdate(replace(session, used=now), None)
    held = await context.stores.sessions.load(handles.sha256_hex(browser.session)) if browser.session else None
    same = held is not None and before is not None and held.account == before.account
    cookie = "session_" + _new_code(context, "session cookie", transaction)
    session = Session(
        digest=handles.sha256_hex(cookie),
        id=held.id if held is not None and same else _new_code(context, "session id", transaction)[:22],
        account=handles.new_handle(context.system, size=16),
        identity=identity,
        created=now,
        used=now,
        expires=now + context.policy.limits.session_absolute,
    )
    return SessionUpdate(session, cookie, None if held is None or same else held.digest)


def _replaced(context: SignInContext, digest: str) -> SupersededSession:
    """Somebody else's session ends: whoever it was, they are not at this browser any more."""
    now = context.system.now()
    ended = AuditEvent("session_ended", now, "citizen", details={"why": "somebody_else"})
    return SupersededSession(digest, ended, logout_fan_out(context.registry.services, now))


async def live_session(context: SignInContext, browser: Browser) -> Session | None:
    """The browser's session at the broker if it is neither idle too long nor too old."""
    session = await context.stores.sessions.load(handles.sha256_hex(browser.session)) if browser.session else None
    now = context.system.now()
    if session is None or now >= session.expires or now >= session.used + context.policy.limits.session_idle:
        return None
    return session


def _other_session(service: Service, issuer: str) -> str:
    """Where the citizen goes when no code may be sent: the service starts anew, if it can (OpenID Connect Core 4)."""
    return initiate_login(service, issuer, service.resume_uri) or service.resume_uri or service.home
