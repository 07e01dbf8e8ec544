"""The service is answered: once, with what was asked, may be had and was agreed to."""

import base64
from dataclasses import dataclass, replace

from broker.account import release
from broker.actions.browser import Browser, Shared
from broker.actions.needs import Known, NewAnswer
from broker.actions.sign_in.desk import Desk, event, mine, step
from broker.actions.sign_in.help import Help
from broker.actions.views import Lost, SharedItem
from broker.journey.events import AttemptFailed, ServiceAnswered, SharingDeclined
from broker.journey.judge import Believed, Person, judge, judge_person
from broker.journey.transaction import State, Transaction
from broker.model import handle as handles
from broker.model.failures import FailureClass
from broker.model.grant import Code, Release
from broker.model.identity import Identity
from broker.model.service import Service
from broker.model.session import Session
from broker.oidc.response import code_response, with_query


@dataclass(frozen=True, slots=True)
class Answered:
    """A service was answered: where the citizen goes now, and what the browser is to remember."""

    leaving: str
    account: str
    shared: Shared


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
    if transaction.state not in (State.IDENTIFIED, State.ANSWERED):
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
    if await refused(desk, handle, transaction, service, await known(desk, identity, service)) is not None:
        return None
    kept = await _session(desk, transaction, identity, browser)
    if kept is None:
        await step(desk, handle, transaction, AttemptFailed(FailureClass.TOOK_TOO_LONG, identity.provider))
        return None
    outcome = await record(desk, transaction, service, identity, kept)
    if outcome is None:
        # this request was answered before, and who was lost in between is told that it is over
        await step(desk, handle, transaction, AttemptFailed(FailureClass.REQUEST_EXPIRED, identity.provider))
        return None
    await step(desk, handle, transaction, ServiceAnswered(outcome.leaving, outcome.account))
    if transaction.case is not None:
        await help.released(transaction.case)
    return outcome


async def refused(
    desk: Desk, handle: str, transaction: Transaction, service: Service, before: Known | None
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
    failed = await step(desk, handle, transaction, AttemptFailed(refusal, identity.provider))
    if failed is not None and failed is not transaction:
        await desk.audit.write(
            [event(desk, "attempt_failed", transaction, provider=identity.provider, failure=refusal)]
        )
    return failed or transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """The broker's session that an answer keeps or begins; `cookie` is set only where it begins."""

    session: Session
    cookie: str | None


async def record(
    desk: Desk, transaction: Transaction, service: Service, identity: Identity, kept: Kept
) -> Answered | None:
    """Writes the answer in one transaction with its audit rows. None when this request was already answered.

    No code is sent when the transaction was taken to another browser, or when the service has stopped waiting: then
    the citizen is sent to where the service starts anew, and the broker's session answers that new request.
    """
    now, request = desk.ambient.now(), transaction.request
    plain_code = _plain_code(desk, transaction)
    late = transaction.moved or now - transaction.created > service.patience
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
        )
    )
    if done is None:
        return None
    leaving = _elsewhere(service, desk.issuer) if late else code_response(request, plain_code, desk.issuer).url
    return Answered(leaving, done.account, Shared(handles.fresh(desk.ambient), kept.cookie))


def _plain_code(desk: Desk, transaction: Transaction) -> str:
    """The code of this transaction as it stands now: 256 bits that nobody can guess without the broker's key.

    Drawn from the record and not by chance, so that two answers at the same moment (a double click) write one and the
    same code, whichever of them the citizen is sent away with.
    """
    mark = desk.mac("authorization code", f"{transaction.id}:{transaction.version}".encode())
    return "code_" + base64.urlsafe_b64encode(mark).rstrip(b"=").decode("ascii")


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


async def _session(desk: Desk, transaction: Transaction, identity: Identity, browser: Browser) -> Kept | None:
    """A new session after a new sign-in; the same one, read again, where a session brought the identity.

    None when that session has ended, or holds somebody else by now.
    """
    now = desk.ambient.now()
    if transaction.account is not None and transaction.state is State.IDENTIFIED:
        session = await live_session(desk, browser)
        if session is None or session.account != transaction.account:
            return None
        return Kept(replace(session, used=now), None)
    cookie = handles.fresh(desk.ambient, "session")
    session = Session(
        digest=handles.digest(cookie),
        id=handles.fresh(desk.ambient, size=16),
        account=handles.fresh(desk.ambient, size=16),
        identity=identity,
        created=now,
        used=now,
        expires=now + desk.limited.session_absolute,
    )
    return Kept(session, cookie)


async def live_session(desk: Desk, browser: Browser) -> Session | None:
    """The browser's session at the broker if it is neither idle too long nor too old."""
    session = await desk.sessions.load(handles.digest(browser.session)) if browser.session else None
    now = desk.ambient.now()
    if session is None or now >= session.expires or now >= session.used + desk.limited.session_idle:
        return None
    return session


def _elsewhere(service: Service, issuer: str) -> str:
    """Where the citizen goes when no code may be sent (OpenID Connect Core 4, `initiate_login_uri` with `iss`)."""
    if service.initiate_login_uri:
        return with_query(service.initiate_login_uri, {"iss": issuer})
    return service.resume_uri or service.home
