"""Provider login: starts a sign-in with a provider, and processes its callback."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from broker.actions.attempt_log import StrayReason
from broker.actions.browser import Browser
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.results import HelpRefused
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import (
    ConfiguredProvider,
    SignInContext,
    advance_transaction,
    load_own_transaction,
    record_failed_attempt,
)
from broker.actions.views import DeadEnd
from broker.journey.acceptance import AcceptedIdentity, accept_identity
from broker.journey.departures import departure_rate
from broker.journey.events import (
    AnswerReceived,
    AttemptFailed,
    HelpResumed,
    IdentityProven,
    ProviderChosen,
    Queued,
    QueueLeft,
)
from broker.journey.provider_offer import Offer, goes_elsewhere
from broker.journey.transaction import ATTEMPT_LIFE, Attempt, QueuePlace, Transaction, TransactionState
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass, from_reason
from broker.model.identity import Identity
from broker.platform import base64url
from broker.provider import (
    CallbackParameters,
    FailureCause,
    OpensResponses,
    ProviderFailure,
    ProviderFailureReason,
    TakesIdTokenHint,
    UpstreamRedirect,
    UpstreamRequest,
)

QUEUE_FULL: Final = "queue_full"
"""Fault of a sign-in that gets no place in line."""
OVERFLOW: Final = "overflow"
"""Fault of a sign-in beyond the rate of a provider whose policy prefers other providers to a line."""

_STATE: Final = re.compile(r"[0-9a-f]{96}", re.ASCII)


def upstream_state(handle: str, attempt_id: str) -> str:
    """The `state` of an attempt: both handles in hexadecimal. Some providers accept letters and digits only."""
    return (base64url.decode(handle) + base64url.decode(attempt_id)).hex()


def read_state(state: str) -> tuple[str, str] | None:
    """The transaction's handle and the attempt's id in a `state`; None for any other text."""
    if not _STATE.fullmatch(state):
        return None
    both = bytes.fromhex(state)
    return base64url.encode(both[:24]), base64url.encode(both[24:])


async def start_login(
    context: SignInContext, handle: str, browser: Browser, provider: str
) -> HelpRefused | DeadEnd | None:
    """Prepares the redirect to a provider that is on offer. Returns NOT_NOW for any other, and changes nothing.

    A provider that takes only so many citizens a second gets this one when it is their turn; until then they have a
    place in line.
    """
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    service = context.service(transaction)
    registered = context.registry.providers.get(provider)
    if not transaction.open:
        return None
    if service is None or registered is None:
        return HelpRefused.NOT_NOW
    now = context.system.now()
    offer = context.offer(transaction, service, await context.stores.kill_switches.current(), now)
    if not offer.has(provider):
        return HelpRefused.NOT_NOW
    place = await _queue_place(context, transaction, registered, offer, now)
    if isinstance(place, QueuePlace):
        if place != transaction.queue:
            context.monitoring.departures.queued(provider, place.departs)
            await advance_transaction(context, handle, transaction, Queued(place))
        return None
    attempt_id = handles.new_handle(context.system)
    outcome = place or await registered.provider.begin(
        replace(
            _request_login(transaction, registered, upstream_state(handle, attempt_id), browser),
            id_token_hint=await _known_id_token(context, transaction, registered, browser),
        )
    )
    away = outcome if isinstance(outcome, UpstreamRedirect) else UpstreamRedirect("", {})
    chosen = ProviderChosen(
        Attempt(attempt_id, provider, away.url, now, now + ATTEMPT_LIFE, away.provider_state, away.expires)
    )
    if isinstance(outcome, UpstreamRedirect):
        context.monitoring.departures.departed(provider)
        await advance_transaction(context, handle, transaction, chosen)
        return None
    failed = AttemptFailed(from_reason(outcome.reason), provider)
    if await advance_transaction(context, handle, transaction, chosen, failed):
        await record_failed_attempt(context, transaction, failed, outcome, request_id=browser.request_id)
    return None


async def _queue_place(
    context: SignInContext, transaction: Transaction, registered: ConfiguredProvider, offer: Offer, now: float
) -> QueuePlace | ProviderFailure | None:
    """Returns the citizen's place in the line of a provider whose rate is limited now; None if it is their turn.

    Returns a failure if too many wait already, or if the policy sends the citizen to the other ways.
    """
    provider, policy, held = registered.provider.card.id, registered.policy, transaction.queue
    if held is not None and held.provider == provider:
        return held if now < held.departs else None
    rate = departure_rate(policy, context.monitoring.health(provider), now)
    if rate is None:
        return None
    elsewhere = goes_elsewhere(transaction, policy, offer, provider)
    most = 0 if elsewhere else policy.queue_limit
    departs = await context.stores.departures.reserve(provider, rate, most, now)
    if departs is None:
        detail, fault = ("beyond the rate", OVERFLOW) if elsewhere else ("too many citizens wait", QUEUE_FULL)
        return ProviderFailure(ProviderFailureReason.BUSY, detail, FailureCause.BROKER, fault)
    return None if departs <= now else QueuePlace(provider, now, departs, rate)


async def leave_queue(context: SignInContext, handle: str, browser: Browser) -> DeadEnd | None:
    """Gives up the citizen's place in line, if they have one: the picker comes next, or the page of their open case."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    if transaction.state is TransactionState.QUEUED:
        left = QueueLeft() if transaction.case is None else HelpResumed()
        await advance_transaction(context, handle, transaction, left)
    return None


async def take_turn(
    context: SignInContext, handle: str, transaction: Transaction, browser: Browser
) -> Transaction | DeadEnd:
    """Starts the login of a citizen in line whose turn has come. Returns the transaction as it is then."""
    if transaction.queue is None or context.system.now() < transaction.queue.departs:
        return transaction
    await start_login(context, handle, browser, transaction.queue.provider)
    return await load_own_transaction(context, handle, browser)


def _request_login(
    transaction: Transaction, registered: ConfiguredProvider, state: str, browser: Browser
) -> UpstreamRequest:
    """Builds the request: with a new sign-in, if the service wants one, a citizen signed out in this browser, or the
    last one counts no more."""
    request, provider = transaction.request, registered.provider.card.id
    new_sign_in = browser.asks_anew(provider)
    last = next((one.failure for one in reversed(transaction.failures) if one.provider == provider), None)
    outdated = last is FailureClass.SESSION_ENDED
    return UpstreamRequest(
        level=request.min_level,
        state=state,
        callback=registered.callback,
        language=browser.language or transaction.language,
        fresh=request.fresh or new_sign_in or outdated,
        max_age=request.max_age,
        hint=request.login_hint,
        after=browser.departed.after.get(provider) if new_sign_in and browser.departed is not None else None,
    )


async def _known_id_token(
    context: SignInContext, transaction: Transaction, registered: ConfiguredProvider, browser: Browser
) -> str | None:
    """Returns the ID token of the browser's session if the provider has the citizen authenticate again by it."""
    provider, request = registered.provider, transaction.request
    if not request.fresh or not request.to_client:
        return None
    if not isinstance(provider, TakesIdTokenHint) or not provider.takes_id_token_hint:
        return None
    session = await live_session(context, browser)
    if session is None or session.identity.provider != provider.card.id:
        return None
    return session.identity.id_token


async def _end_session(context: SignInContext, browser: Browser) -> None:
    """Ends the browser's session, whose citizen could not authenticate again."""
    if not browser.session:
        return
    now = context.system.now()
    ended = AuditEvent("session_ended", now, "citizen", details={"why": "not_authenticated_again"})
    fan_out = logout_fan_out(context.registry.services, now)
    await context.stores.sessions.end(handles.sha256_hex(browser.session), ended, fan_out)


async def handle_callback(
    context: SignInContext,
    provider: str,
    parameters: Mapping[str, str] | None,
    browser: Browser,
    state: str = "",
) -> str | DeadEnd:
    """Processes a provider's callback, and returns the handle of the transaction to display.

    A stray callback (unknown state, other browser, other provider, replay, unexpected issuer) changes nothing and is
    logged. `parameters` is None for a malformed query; then `state` names the transaction to display. The callback is
    claimed before the provider redeems it: of two copies one is processed.
    """
    registered = context.registry.providers.get(provider)

    def stray(why: StrayReason, reference: str = "") -> None:
        known = "" if registered is None else provider
        context.monitoring.attempts.stray(known, why, reference=reference, request_id=browser.request_id)

    if parameters is None:
        stray(StrayReason.UNREADABLE)
        handle, _ = read_state(state) or ("", "")
        named = await load_own_transaction(context, handle, browser) if handle else DeadEnd(FailureClass.LOST_PLACE)
        return named if isinstance(named, DeadEnd) else handle
    if "response" in parameters and registered is not None and isinstance(registered.provider, OpensResponses):
        parameters = registered.provider.open_response(parameters)
    handle, attempt_id = read_state(parameters.get("state", "")) or ("", "")
    transaction = await load_own_transaction(context, handle, browser) if handle else DeadEnd(FailureClass.LOST_PLACE)
    if isinstance(transaction, DeadEnd):
        stray(StrayReason.UNKNOWN)
        return transaction
    attempt, answer = (
        transaction.attempt,
        CallbackParameters(parameters, "" if registered is None else registered.callback),
    )
    if attempt is None or transaction.state is not TransactionState.AWAY:
        stray(StrayReason.NOT_AWAITED, transaction.reference)
    elif registered is None or attempt.provider != provider:
        stray(StrayReason.OTHER_PROVIDER, transaction.reference)
    elif attempt.id != attempt_id:
        stray(StrayReason.OTHER_ATTEMPT, transaction.reference)
    elif not registered.provider.matches_callback(attempt.note, answer):
        stray(StrayReason.OTHER_ISSUER, transaction.reference)
    else:
        claimed = await advance_transaction(context, handle, transaction, AnswerReceived(attempt_id))
        if claimed is None or claimed is transaction:
            stray(StrayReason.TAKEN, transaction.reference)
        else:
            outcome = await registered.provider.complete(attempt.note, answer)
            await _process_outcome(context, handle, claimed, provider, outcome, browser)
    return handle


async def _process_outcome(
    context: SignInContext,
    handle: str,
    transaction: Transaction,
    provider: str,
    outcome: Identity | ProviderFailure,
    browser: Browser,
) -> None:
    service = context.service(transaction)
    failure: FailureClass
    detail: ProviderFailure | None = None
    if isinstance(outcome, ProviderFailure):
        failure, detail = from_reason(outcome.reason), outcome
        if outcome.ends_session:
            await _end_session(context, browser)
    elif service is None:
        failure = FailureClass.SERVICE_OFF
    else:
        switches = await context.stores.kill_switches.current()
        candidate = context.candidate_of(outcome)
        accepted = accept_identity(transaction, outcome, candidate, service, switches, context.system.now())
        if isinstance(accepted, AcceptedIdentity):
            await advance_transaction(context, handle, transaction, IdentityProven(accepted.identity))
            return
        failure = accepted
    failed = AttemptFailed(failure, provider)
    if await advance_transaction(context, handle, transaction, failed):
        await record_failed_attempt(context, transaction, failed, detail, request_id=browser.request_id)
