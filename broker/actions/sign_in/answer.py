"""The service is answered: once, with what was asked, may be had and was agreed to."""

import base64
from dataclasses import dataclass, replace

from broker.account import release
from broker.actions.browser import Browser, Shared
from broker.actions.farewell import farewell
from broker.actions.needs import Known, NewAnswer, Replaced
from broker.actions.sign_in.desk import Desk, event, mine, record_failed_attempt, step
from broker.actions.sign_in.help import Help
from broker.actions.sign_in.way_back import written
from broker.actions.views import Lost, SharedItem
from broker.journey.events import AnsweredBefore, AttemptFailed, ServiceAnswered, SharingDeclined
from broker.journey.judge import Believed, Person, judge, judge_person
from broker.journey.transaction import State, Transaction
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.grant import Code, Release
from broker.model.identity import Identity
from broker.model.request import WayBack
from broker.model.service import Service
from broker.model.session import Session
from broker.oidc.initiation import initiate_login
from broker.oidc.response import code_response
from broker.oidc.session_state import session_state


@dataclass(frozen=True, slots=True)
class Answered:
    """A service was answered: where the citizen goes now, and what the browser is to remember.

    `told` is False if no code was sent: the identity is kept for the service's next request.
    """

    leaving: WayBack
    account: str
    shared: Shared
    told: bool


async def known(desk: Desk, identity: Identity, service: Service) -> Known | None:
    """What is known of an identity for a service."""
    return await desk.answers.known(identity.issuer, identity.subject, service.sector, service.client_id)


def items(transaction: Transaction, service: Service, before: Known | None) -> tuple[SharedItem, ...]:
    """What the service is about to receive, with the service's reasons."""
    identity = transaction.identity
    if identity is None:
        return ()
    seen = frozenset((before.shared or ()) if before else ())
    return tuple(
        SharedItem(item.claim, item.value, item.reason, item.claim in seen)
        for item in release.items(identity, transaction.request, service)
    )


def must_agree(transaction: Transaction, service: Service, before: Known | None) -> bool:
    """Whether the citizen is to be asked before anything is shared (first sharing, more than before, or asked for)."""
    identity = transaction.identity
    if identity is None or "consent" in transaction.request.prompt:
        return True
    return release.agreement_needed(None if before is None else before.shared, identity, transaction.request, service)


async def share(desk: Desk, help: Help, handle: str, browser: Browser, agree: bool) -> Shared | Lost:
    """The citizen agrees to share, or does not. Agreeing twice answers once."""
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction
    if transaction.state not in (State.IDENTIFIED, State.ANSWERED) or transaction.request.question is not None:
        return Shared()
    if not agree:
        if await step(desk, handle, transaction, SharingDeclined()) is not transaction:
            await desk.audit.write([event(desk, "sharing_declined", transaction)])
        return Shared()
    answered = await answer(desk, help, handle, transaction, browser)
    return answered.shared if answered else Shared()


async def answer(desk: Desk, help: Help, handle: str, transaction: Transaction, browser: Browser) -> Answered | None:
    """Answers the service of an identified transaction. None when nothing was answered: the page says why.

    The facts are written first. A crash after that leaves the transaction where it was: answering once more writes the
    same code again, unless it was redeemed.
    """
    service, identity = desk.service(transaction), transaction.identity
    if service is None or identity is None:
        return None
    before = await known(desk, identity, service)
    if await refused(desk, handle, transaction, service, before, browser) is not None:
        return None
    kept = await _session(desk, transaction, identity, before, browser)
    if kept is None:
        ended = AttemptFailed(FailureClass.SESSION_ENDED, identity.provider)
        await step(desk, handle, transaction, ended)
        await record_failed_attempt(desk, transaction, ended, request_id=browser.request_id)
        return None
    outcome = await record(desk, transaction, service, identity, kept)
    if outcome is None:
        await step(desk, handle, transaction, AnsweredBefore())
        return None
    await step(desk, handle, transaction, ServiceAnswered(outcome.leaving, outcome.account, outcome.told))
    if transaction.case is not None:
        await help.released(transaction.case)
    return outcome


async def refused(
    desk: Desk, handle: str, transaction: Transaction, service: Service, before: Known | None, browser: Browser
) -> Transaction | None:
    """The transaction as it stands after a refusal; None where the identity is still believed.

    Everything is read again: a provider, a service or an account may have been turned off while the citizen was
    reading.
    """
    identity = transaction.identity
    if identity is None:
        return transaction
    now, switches, candidate = desk.ambient.now(), await desk.switches.current(), desk.candidate(identity.provider)
    believed = judge(transaction, identity, candidate, service, switches, now)
    person = Person() if before is None else Person(before.account, before.subject)
    refusal = (
        judge_person(transaction, person, candidate, switches, now) if isinstance(believed, Believed) else believed
    )
    if refusal is None:
        return None
    failed = AttemptFailed(refusal, identity.provider)
    after = await step(desk, handle, transaction, failed)
    if after is not None and after is not transaction:
        await record_failed_attempt(desk, transaction, failed, request_id=browser.request_id)
    return after or transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """The broker's session that an answer keeps or begins; `cookie` is set only where it begins, or is proven anew.

    `replaced` is the digest of somebody else's session that this browser held until now.
    """

    session: Session
    cookie: str | None
    replaced: str | None = None


async def record(
    desk: Desk, transaction: Transaction, service: Service, identity: Identity, kept: Kept
) -> Answered | None:
    """Writes the answer in one transaction with its audit rows. None when this request was already answered.

    No code is sent when the transaction was taken to another browser, or when the service has stopped waiting: then
    the citizen is sent to where the service starts anew, and the broker's session answers that new request.
    """
    now, request = desk.ambient.now(), transaction.request
    plain_code = _plain_code(desk, transaction)
    late = transaction.moved or now - transaction.created > service.answer_timeout
    account, subject = kept.session.account, handles.fresh(desk.ambient, size=24)
    told = Release(
        subject=subject,
        level=identity.level,
        amr=identity.amr,
        auth_time=identity.auth_time,
        claims=release.released(identity, request, service),
        verification=identity.verification,
        asked_claims=request.claims,
        session=kept.session.id,
        provider=identity.provider,
        max_age_asked=request.max_age is not None,
    )
    kind = "identity_kept" if late else "service_answered"
    level = identity.level.name.lower()
    done = await desk.answers.record(
        NewAnswer(
            issuer=identity.issuer,
            identity_subject=identity.subject,
            account=account,
            sector=service.sector,
            subject=subject,
            code=None if late else _code(desk, plain_code, transaction, account, told),
            shared=tuple(told.claims),
            session=kept.session,
            client_id=service.client_id,
            events=(event(desk, kind, transaction, provider=identity.provider, level=level),),
            fact=handles.digest(plain_code),
            replaced=None if kept.replaced is None else _replaced(desk, kept.replaced),
        )
    )
    if done is None:
        return None
    state = _browser_state(desk, kept.session)
    shown = session_state(request.client_id, request.redirect_uri, state, handles.fresh(desk.ambient, size=12))
    if late:
        leaving = WayBack(_elsewhere(service, desk.issuer))
    else:
        leaving = await written(desk, code_response(request, plain_code, desk.issuer, shown))
    proven = None if kept.cookie is None else identity.provider
    return Answered(leaving, done.account, Shared(handles.fresh(desk.ambient), kept.cookie, state, proven), not late)


def _browser_state(desk: Desk, session: Session) -> str:
    """What the browser's readable cookie says while this session lives under this digest (Session Management 1.0, 2).

    It opens nothing, and from it nobody comes to the session or its cookie.
    """
    mark = desk.mac("browser state", session.digest.encode())[:16]
    return base64.urlsafe_b64encode(mark).rstrip(b"=").decode("ascii")


def _plain_code(desk: Desk, transaction: Transaction) -> str:
    """The code of this transaction as it stands now: 256 bits that nobody can guess without the broker's key.

    Drawn from the record and not by chance, so that two answers at the same moment (a double click) write one and the
    same code, whichever of them the citizen is sent away with.
    """
    return "code_" + _drawn(desk, "authorization code", transaction)


def _drawn(desk: Desk, use: str, transaction: Transaction) -> str:
    """256 bits for one use, the same whenever they are asked for while the transaction stands as it is."""
    mark = desk.mac(use, f"{transaction.id}:{transaction.version}".encode())
    return base64.urlsafe_b64encode(mark).rstrip(b"=").decode("ascii")


def _code(desk: Desk, plain: str, transaction: Transaction, account: str, told: Release) -> Code:
    request, now = transaction.request, desk.ambient.now()
    return Code(
        digest=handles.digest(plain),
        transaction=transaction.id,
        client_id=request.client_id,
        account=account,
        redirect_uri=request.redirect_uri,
        scope=request.scope,
        release=told,
        created=now,
        expires=now + desk.limited.code_lifetime,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        dpop_jkt=request.dpop_jkt,
        pushed=request.pushed,
    )


async def _session(
    desk: Desk, transaction: Transaction, identity: Identity, before: Known | None, browser: Browser
) -> Kept | None:
    """A session after a new sign-in; the same one, read again, where a session brought the identity.

    A citizen who proves anew who they are keeps the session, and its id, under a new cookie: the services that take
    part in it are still signed in. Somebody else's session ends. None when the session that brought the identity has
    ended, or holds somebody else by now.
    """
    now = desk.ambient.now()
    if transaction.account is not None and transaction.state is State.IDENTIFIED:
        session = await live_session(desk, browser)
        if session is None or session.account != transaction.account:
            return None
        return Kept(replace(session, used=now), None)
    held = await desk.sessions.load(handles.digest(browser.session)) if browser.session else None
    same = held is not None and before is not None and held.account == before.account
    cookie = "session_" + _drawn(desk, "session cookie", transaction)
    session = Session(
        digest=handles.digest(cookie),
        id=held.id if held is not None and same else _drawn(desk, "session id", transaction)[:22],
        account=handles.fresh(desk.ambient, size=16),
        identity=identity,
        created=now,
        used=now,
        expires=now + desk.limited.session_absolute,
    )
    return Kept(session, cookie, None if held is None or same else held.digest)


def _replaced(desk: Desk, digest: str) -> Replaced:
    """Somebody else's session ends: whoever it was, they are not at this browser any more."""
    now = desk.ambient.now()
    ended = AuditEvent("session_ended", now, "citizen", details={"why": "somebody_else"})
    return Replaced(digest, ended, farewell(desk.catalogue.services, now))


async def live_session(desk: Desk, browser: Browser) -> Session | None:
    """The browser's session at the broker if it is neither idle too long nor too old."""
    session = await desk.sessions.load(handles.digest(browser.session)) if browser.session else None
    now = desk.ambient.now()
    if session is None or now >= session.expires or now >= session.used + desk.limited.session_idle:
        return None
    return session


def _elsewhere(service: Service, issuer: str) -> str:
    """Where the citizen goes when no code may be sent: the service starts anew, if it can (OpenID Connect Core 4)."""
    return initiate_login(service, issuer, service.resume_uri) or service.resume_uri or service.home
