"""Consent and the authorization code: claims are released once, as requested, permitted and agreed to."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from broker.account import release
from broker.account.browsers import browser_family
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.outbox.logout_tokens import logout_fan_out
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
from broker.actions.sign_in.shared_claims import claim_names, leave_out, shared_before
from broker.actions.views import DeadEnd
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
from broker.oidc.resume_value import resume_url
from broker.oidc.session_management import session_state
from broker.platform import base64url


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """The answer to a service: the redirect, and the cookies to set.

    `code_sent` is False if no code was sent: the session keeps the identity for the service's next request.
    """

    redirect: ClientRedirect
    account: str
    shared: BrowserUpdates
    code_sent: bool


async def linked_identity(context: SignInContext, identity: Identity, service: Service) -> LinkedIdentity | None:
    """Returns the account and subject of an identity for a service, and the claims released before."""
    return await context.stores.authorizations.linked_identity(
        identity.issuer, identity.subject, service.sector, service.client_id, identity.anchor
    )


async def submit_consent(
    context: SignInContext, cases: CaseLink, handle: str, browser: Browser, *, agree: bool, chosen: Collection[str] = ()
) -> BrowserUpdates | DeadEnd:
    """The citizen consents or declines. `chosen` are the optional claims to be shared: others end that were shared
    before. A repeated consent answers once."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if (
        transaction.state not in (TransactionState.IDENTIFIED, TransactionState.ANSWERED)
        or not transaction.request.to_client
    ):
        return BrowserUpdates()
    if not agree:
        if await advance_transaction(context, handle, transaction, SharingDeclined()) is not transaction:
            await context.stores.audit.write([audit_event(context, "sharing_declined", transaction)])
        return BrowserUpdates()
    answered = await answer(context, cases, handle, transaction, browser, chosen)
    return answered.shared if answered else BrowserUpdates()


async def answer(
    context: SignInContext,
    cases: CaseLink,
    handle: str,
    transaction: Transaction,
    browser: Browser,
    chosen: Collection[str] | None = None,
) -> ClientAnswer | None:
    """Answers the service of an identified transaction. Returns None if it was not answered: the page displays why.

    `chosen` are the optional claims that the citizen chose; None if they were not asked, and chose before.

    The database is written first. After a crash the transaction is unchanged: another answer writes the same code
    again, unless it was redeemed.
    """
    service, identity = context.service(transaction), transaction.identity
    if service is None or identity is None:
        return None
    before = await linked_identity(context, identity, service)
    if await recheck(context, handle, transaction, service, before, browser) is not None:
        return None
    session_update = await update_session(context, transaction, identity, before, browser)
    if session_update is None:
        ended = AttemptFailed(FailureClass.SESSION_ENDED, identity.provider)
        await advance_transaction(context, handle, transaction, ended)
        await record_failed_attempt(context, transaction, ended, request_id=browser.request_id)
        return None
    if chosen is None:
        chosen = shared_before(before)
    else:
        await leave_out(context, transaction, service, before, chosen)
    outcome = await issue_code(context, transaction, service, identity, session_update, chosen)
    if outcome is None:
        await advance_transaction(context, handle, transaction, AnsweredBefore())
        return None
    await advance_transaction(
        context, handle, transaction, ServiceAnswered(outcome.redirect, outcome.account, outcome.code_sent)
    )
    if transaction.case is not None:
        await cases.record_release(transaction.case)
    return outcome


async def recheck(
    context: SignInContext,
    handle: str,
    transaction: Transaction,
    service: Service,
    before: LinkedIdentity | None,
    browser: Browser,
) -> Transaction | None:
    """Checks the identity again. Returns the failed transaction, or None if the identity is still accepted.

    A provider, a service or an account may have been turned off while the citizen read the consent page.
    """
    identity = transaction.identity
    if identity is None:
        return transaction
    now, switches, candidate = (
        context.system.now(),
        await context.stores.kill_switches.current(),
        context.candidate_of(identity),
    )
    believed = accept_identity(transaction, identity, candidate, service, switches, now)
    person = (
        AccountMatch()
        if before is None
        else AccountMatch(
            before.account,
            before.subject,
            before.reassigned,
            before.blocked,
            before.outdated(identity.auth_time),
            before.refused,
            before.stopped,
        )
    )
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
    """The broker's session that an answer extends or starts. `cookie` is set only after a new sign-in.

    `replaced` is the digest of another person's session in this browser, which ends.
    """

    session: Session
    cookie: str | None
    replaced: str | None = None

    def state(self, context: SignInContext) -> str:
        """Returns the browser state of the session, for the cookie that scripts read (Session Management 1.0, 2).

        It is no credential, and the session cannot be derived from it.
        """
        mark = context.crypto.macs.mac("browser state", self.session.digest.encode())[:16]
        return base64url.encode(mark)


async def issue_code(
    context: SignInContext,
    transaction: Transaction,
    service: Service,
    identity: Identity,
    session_update: SessionUpdate,
    chosen: Collection[str],
) -> ClientAnswer | None:
    """Writes the answer in one transaction with its audit rows. Returns None if the request was already answered.
    `chosen` are the optional claims that are released.

    No code is sent if the transaction was transferred to another browser, or the service has stopped waiting: then the
    redirect leads to where the service starts a new sign-in, which the broker's session answers.
    """
    now, request = context.system.now(), transaction.request
    plain_code = _authorization_code(context, transaction)
    late = transaction.transferred or now - transaction.created > service.resumption.answer_timeout
    account, subject = session_update.session.account, handles.new_handle(context.system, size=24)
    released = ReleasedIdentity(
        subject=subject,
        level=identity.level,
        amr=identity.amr,
        auth_time=identity.auth_time,
        claims=release.released_claims(identity, request, service, chosen),
        verification=identity.verification,
        asked_claims=request.claims,
        session=session_update.session.id,
        provider=identity.provider,
        max_age_asked=request.max_age is not None,
    )
    kind = "identity_kept" if late else "service_answered"
    level = identity.level.name.lower()
    done = await context.stores.authorizations.record(
        AuthorizationWrite(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            provider=identity.provider,
            level=identity.level,
            proved=identity.auth_time,
            anchor=identity.anchor,
            account=account,
            sector=service.sector,
            subject=subject,
            code=None if late else _code_record(context, plain_code, transaction, account, released),
            shared=tuple(released.claims),
            session=session_update.session,
            client_id=service.client_id,
            events=(
                audit_event(
                    context,
                    kind,
                    transaction,
                    provider=identity.provider,
                    level=level,
                    claims=claim_names(released.claims),
                ),
            ),
            fact=handles.sha256_hex(plain_code),
            replaced=None if session_update.replaced is None else replaced_session(context, session_update.replaced),
        )
    )
    if done is None:
        return None
    state = session_update.state(context)
    session_state_value = session_state(
        request.client_id, request.redirect_uri, state, handles.new_handle(context.system, size=12)
    )
    if late:
        leaving = ClientRedirect(resume_url(service, context.policy.issuer, request.resume_value))
    else:
        leaving = await encode_response(
            context, code_response(request, plain_code, context.policy.issuer, session_state_value)
        )
    proven = None if session_update.cookie is None else identity.provider
    return ClientAnswer(
        leaving,
        done.account,
        BrowserUpdates(handles.new_handle(context.system), session_update.cookie, state, proven),
        not late,
    )


def _authorization_code(context: SignInContext, transaction: Transaction) -> str:
    """Returns the authorization code of this version of a transaction: 256 bits, keyed with the broker's key.

    It is derived and not random, so that two concurrent answers (a double click) write the same code.
    """
    return "code_" + derive_secret(context, "authorization code", transaction)


def derive_secret(context: SignInContext, use: str, transaction: Transaction) -> str:
    """Returns 256 bits for one use, always the same for this version of a transaction."""
    mark = context.crypto.macs.mac(use, f"{transaction.id}:{transaction.version}".encode())
    return base64url.encode(mark)


def _code_record(
    context: SignInContext, plain: str, transaction: Transaction, account: str, released: ReleasedIdentity
) -> AuthorizationCode:
    request, now = transaction.request, context.system.now()
    return AuthorizationCode(
        digest=handles.sha256_hex(plain),
        transaction=transaction.id,
        client_id=request.client_id,
        account=account,
        redirect_uri=request.redirect_uri,
        scope=request.scope,
        release=released,
        created=now,
        expires=now + context.policy.limits.code_lifetime,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        dpop_jkt=request.dpop_jkt,
        pushed=request.par_digest,
    )


async def update_session(
    context: SignInContext,
    transaction: Transaction,
    identity: Identity,
    before: LinkedIdentity | None,
    browser: Browser,
) -> SessionUpdate | None:
    """Returns a session for a new sign-in; the existing one, read again, if it answered the request (single sign-on).

    After a new sign-in of the same citizen the session keeps its id under a new cookie: its services stay signed in.
    The session of another citizen ends. Returns None if the session that answered has ended, or is another
    citizen's.
    """
    now = context.system.now()
    if transaction.account is not None and transaction.state is TransactionState.IDENTIFIED:
        session = await live_session(context, browser)
        known = None if before is None else before.account  # None if the identity was unlinked meanwhile
        if session is None or not session.account == transaction.account == known:
            return None
        return SessionUpdate(replace(session, used=now), None)
    existing = await context.stores.sessions.load(handles.sha256_hex(browser.session)) if browser.session else None
    same = existing is not None and before is not None and existing.account == before.account
    cookie = "session_" + derive_secret(context, "session cookie", transaction)
    session = Session(
        digest=handles.sha256_hex(cookie),
        id=existing.id if existing is not None and same else derive_secret(context, "session id", transaction)[:22],
        account=handles.new_handle(context.system, size=16),
        identity=identity,
        created=now,
        used=now,
        expires=now + context.policy.limits.sessions.absolute,
        browser=browser_family(browser.agent),
    )
    return SessionUpdate(session, cookie, None if existing is None or same else existing.digest)


def replaced_session(context: SignInContext, digest: str) -> SupersededSession:
    """Ends the session of the previous user of this browser."""
    now = context.system.now()
    ended = AuditEvent("session_ended", now, "citizen", details={"why": "somebody_else"})
    return SupersededSession(digest, ended, logout_fan_out(context.registry.services, now))


async def live_session(context: SignInContext, browser: Browser) -> Session | None:
    """Returns the browser's session at the broker, if it has not expired."""
    session = await context.stores.sessions.load(handles.sha256_hex(browser.session)) if browser.session else None
    now = context.system.now()
    if session is None or now >= session.expires or now >= session.used + context.policy.limits.sessions.idle:
        return None
    return session
