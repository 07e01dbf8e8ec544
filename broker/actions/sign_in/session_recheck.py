"""Recheck of a session: before it answers a service, its provider is asked whether the sign-in is still good.

Only for providers whose settings say so, and only if the last answer is old. The stored session says which request
asks: of several at once one redeems the refresh token, and the others wait for the result. The new token is stored
before the session is used. After a crash the next request asks with the old token; if the provider no longer takes it,
the citizen signs in again.
"""

import asyncio
from dataclasses import replace
from typing import Final

from broker.actions.browser import Browser
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.sign_in.context import SignInContext
from broker.journey.transaction import AskedAgain, Transaction
from broker.model.audit import AuditEvent
from broker.model.failures import from_reason
from broker.model.identity import Identity
from broker.model.security_event import InitiatingEntity
from broker.model.session import Session
from broker.provider import ProviderFailure, RechecksSessions

ASKING_FOR: Final = 10.0
"""Seconds after which a request that asks has crashed: longer than a provider's rechecks take."""
POLL: Final = 0.2
POLLS: Final = 40
"""Pause in seconds between two looks at a session of which another request asks, and their number."""


async def recheck_session(
    context: SignInContext, session: Session, transaction: Transaction, browser: Browser
) -> Session | AskedAgain | None:
    """Returns the session if it may be used, as it is then. Else why the citizen has to sign in; None for a session
    that ended meanwhile."""
    registered = context.registry.providers.get(session.identity.provider)
    if registered is None or not isinstance(registered.provider, RechecksSessions):
        return session
    provider, after = registered.provider, registered.provider.recheck_after
    if after is None or not _is_due(session.identity, after, context.system.now()):
        return session
    if session.identity.grant is None:
        return AskedAgain.UNCONFIRMED
    mine = await _claim(context, session, after)
    if not isinstance(mine, Identity):
        return mine
    outcome = await provider.recheck(mine)
    if outcome.failure is not None:
        _report(context, transaction, mine.provider, outcome.failure, browser)
    if outcome.failure is not None and outcome.failure.ends_session:
        now = context.system.now()
        ended = AuditEvent("session_ended", now, "broker", details={"why": "not_confirmed"}, provider=mine.provider)
        fan_out = logout_fan_out(context.registry.services, now, InitiatingEntity.SYSTEM)
        await context.stores.sessions.end(session.digest, ended, fan_out)
        return AskedAgain.ENDED
    confirmed = context.system.now() if outcome.failure is None else None
    after_answer = _answered(outcome.identity, confirmed)
    if await context.stores.sessions.revise(session.digest, lambda _: after_answer) is None:
        return None
    return AskedAgain.UNCONFIRMED if confirmed is None else replace(session, identity=after_answer)


async def _claim(context: SignInContext, session: Session, after: int) -> Identity | Session | AskedAgain | None:
    """Returns the identity of which this request asks the provider now; or what another one's answer leads to."""
    now = context.system.now()

    def ask(found: Identity) -> Identity | None:
        grant = found.grant
        if grant is None or not _is_due(found, after, now) or _is_asked(found, now):
            return None
        return replace(found, grant=replace(grant, asking=now))

    before = await context.stores.sessions.revise(session.digest, ask)
    if before is None:
        return None
    if not _is_due(before, after, now):
        return replace(session, identity=before)
    if not _is_asked(before, now):
        return before
    for _ in range(POLLS):
        await asyncio.sleep(POLL)
        found, now = await context.stores.sessions.load(session.digest), context.system.now()
        if found is None or not _is_due(found.identity, after, now):
            return found
        if not _is_asked(found.identity, now):
            break
    return AskedAgain.UNCONFIRMED


def _is_due(identity: Identity, after: int, now: float) -> bool:
    """Whether the provider has to confirm the sign-in."""
    return now - (identity.auth_time if identity.grant is None else identity.grant.checked) > after


def _is_asked(identity: Identity, now: float) -> bool:
    """Whether another request waits for the provider's answer."""
    since = None if identity.grant is None else identity.grant.asking
    return since is not None and 0 <= now - since < ASKING_FOR


def _answered(identity: Identity, confirmed: float | None) -> Identity:
    """The identity after the provider's answer, or without one."""
    grant = identity.grant
    if grant is None:
        return identity
    return replace(
        identity, grant=replace(grant, asking=None, checked=grant.checked if confirmed is None else confirmed)
    )


def _report(
    context: SignInContext, transaction: Transaction, provider: str, failure: ProviderFailure, browser: Browser
) -> None:
    context.monitoring.attempts.failed(
        provider,
        from_reason(failure.reason),
        failure,
        reference=transaction.reference,
        client_id=transaction.request.client_id,
        request_id=browser.request_id,
    )
