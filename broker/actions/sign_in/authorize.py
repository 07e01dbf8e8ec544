"""The authorization endpoint: starts a transaction for a request, or answers `prompt=none` at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.ports import LinkedIdentity
from broker.actions.results import LimitKind
from broker.actions.results import RateLimited as RateLimited
from broker.actions.results import StartedTransaction as StartedTransaction
from broker.actions.sign_in.client_response import error_redirect
from broker.actions.sign_in.consent import SessionUpdate, issue_code, linked_identity, live_session
from broker.actions.sign_in.context import SignInContext, create_transaction
from broker.actions.sign_in.session_recheck import recheck_session
from broker.actions.sign_in.shared_claims import consent_required, shared_before
from broker.journey.acceptance import AcceptedIdentity, SessionMatch, accept_session, why_asked_again
from broker.journey.events import NoRouteFound, SessionAccepted
from broker.journey.transaction import AskedAgain, Transaction, TransactionState
from broker.journey.transitions import TransactionIdentifiers, advance, begin
from broker.model import handle as handles
from broker.model.failures import ErrorCode, FailureClass
from broker.model.languages import lookup
from broker.model.rate_limit import RateLimit
from broker.model.request import AuthorizationRequest, ClientRedirect
from broker.model.service import Service
from broker.model.session import Session
from broker.model.store_results import StoreUnavailable
from broker.oidc import par
from broker.oidc.authorization_checks import RequestSource, ServerContext
from broker.oidc.authorization_request import authorization_request
from broker.oidc.errors import DisplayedError
from broker.oidc.request_object import RequestVerification
from broker.platform.log_context import bind_ids

POSTED: Final = 300
"""Seconds for which a request sent by POST is stored until the browser fetches its redirect."""

_OVERLOADED: Final = "ephemeral state is nearly full: open sign-ins come first"


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """The service already has the answer to this pushed request: no transaction is started.

    `locales` are the languages that the service wishes for the citizen (BCP 47), best first.
    """

    service: Service
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnsweredImmediately:
    """The service is answered without a page of a journey (`prompt=none`). `locales` as in AlreadyAnswered."""

    service: Service
    redirect: ClientRedirect
    shared: BrowserUpdates
    locales: tuple[str, ...] = ()


async def authorize(
    context: SignInContext, server: ServerContext, parameters: Mapping[str, str], browser: Browser, language: str
) -> StartedTransaction | AnsweredImmediately | AlreadyAnswered | RateLimited:
    """The authorization endpoint (OpenID Connect Core 3.1.2, RFC 9126 4).

    `language` is the browser's preferred language; the citizen's own choice and the service's `ui_locales` come before
    it. Returns RateLimited beyond a rate limit. Raises DisplayedError and RedirectedError; StoreUnavailable if
    ephemeral state is nearly full.
    """
    request, service, first = await _request(context, server, parameters)
    if (
        not first
        and "none" not in request.prompt
        and await context.stores.authorizations.code_issued("", request.par_digest)
    ):
        return AlreadyAnswered(service, request.ui_locales)
    if context.monitoring.overloaded():
        raise StoreUnavailable(_OVERLOADED)
    transaction, secret = new_transaction(context, request, browser, language)
    transaction, session, before = await _apply_session(context, transaction, service, browser)
    if "none" in request.prompt:
        start = _start_limit(context, browser)
        if not await context.stores.rate_limits.allow(start.key, start.most, start.window):
            return _too_many_starts(context, service, request)
        return await _sign_in_silently(context, transaction, service, session, before)
    return await start_transaction(context, transaction, service, browser, secret)


async def confirm_transaction(
    context: SignInContext, server: ServerContext, parameters: Mapping[str, str], browser: Browser
) -> Mapping[str, str] | RateLimited:
    """Stores a request sent by POST, and returns the parameters of the redirect that continues with it.

    The redirect names the request like a pushed request (RFC 9126 4), so that parameters of the form, such as
    `login_hint`, stay out of URLs. Returns RateLimited beyond a rate limit. Raises as `authorize` does.
    """
    named = par.parse_request_uri(parameters)
    if named is not None:
        return {"client_id": named.client_id, "request_uri": par.request_uri(named.handle)}
    request, service, _ = await _request(context, server, parameters)
    if context.monitoring.overloaded():
        raise StoreUnavailable(_OVERLOADED)
    start = _start_limit(context, browser)
    if not await context.stores.rate_limits.allow(f"posted:{start.key}", start.most, start.window):
        return _too_many_starts(context, service, request)
    handle = handles.new_handle(context.system)
    await context.stores.pushed.put(handle, request, context.system.now() + POSTED)
    return {"client_id": request.client_id, "request_uri": par.request_uri(handle)}


async def start_transaction(
    context: SignInContext, transaction: Transaction, service: Service, browser: Browser, secret: str | None
) -> StartedTransaction | RateLimited:
    """Stores a new transaction. Returns RateLimited if the browser or its address has started too many."""
    if transaction.state is TransactionState.CHOOSING:
        switches = await context.stores.kill_switches.current()
        if context.offer(transaction, service, switches, context.system.now()).no_route:
            transaction = advance(transaction, NoRouteFound(), context.system.now())
    handle = handles.new_handle(context.system)
    if transaction.version != 1:
        transaction = replace(transaction, version=1)
    if not await create_transaction(context, handle, transaction, _start_limit(context, browser)):
        return await _rate_limited(context, transaction, service)
    return StartedTransaction(handle, secret)


def _start_limit(context: SignInContext, browser: Browser) -> RateLimit:
    return context.policy.limits.starts.of(f"start:{browser.address}")


async def _rate_limited(context: SignInContext, transaction: Transaction, service: Service) -> RateLimited:
    """Returns which of the two limits was reached."""
    room = await context.stores.transactions.room_from(transaction.browser, context.policy.limits.open_transactions)
    if room is not None:
        return RateLimited(LimitKind.OPEN, room, service, locales=(transaction.language,))
    return replace(_too_many_starts(context, service, transaction.request), locales=(transaction.language,))


def _too_many_starts(context: SignInContext, service: Service, request: AuthorizationRequest) -> RateLimited:
    until = context.policy.limits.starts.ends(context.system.now())
    return RateLimited(LimitKind.STARTS, until, service, locales=request.ui_locales)


async def check_request(
    context: SignInContext, server: ServerContext, parameters: Mapping[str, str]
) -> AuthorizationRequest:
    """Returns the authorization request after all checks. Raises DisplayedError and RedirectedError."""
    return (await _request(context, server, parameters))[0]


async def _request(
    context: SignInContext, server: ServerContext, parameters: Mapping[str, str]
) -> tuple[AuthorizationRequest, Service, bool]:
    """As `check_request`, with its service as registered now, and whether this is the request's first use."""
    named = par.parse_request_uri(parameters)
    if named is not None:
        request, first = await context.stores.pushed.get(named.handle) or (None, True)
        service = context.registry.services.get(named.client_id)
        if request is None or request.client_id != named.client_id or service is None:
            raise par.unknown_request_uri(None if service is None else named.client_id)
        bind_ids(client_id=service.client_id)
        return replace(request, par_digest=handles.sha256_hex(named.handle)), service, first
    client_id = par.require_client_id(parameters)
    keys = await context.registry.keys(client_id, parameters.get("request", ""))
    service = context.registry.services.get(client_id)  # read after the fetch: a reload may have removed it
    if service is None:
        raise DisplayedError("invalid_request", "this service is not registered here", status=400)
    bind_ids(client_id=service.client_id)
    sender = RequestVerification(keys, context.system.now())
    return authorization_request(parameters, service, RequestSource.PLAIN, server, sender), service, True


def new_transaction(
    context: SignInContext, request: AuthorizationRequest, browser: Browser, language: str
) -> tuple[Transaction, str | None]:
    """Returns a new transaction in this browser, and the browser's new secret if it had none."""
    new_secret = None if browser.secrets else handles.new_handle(context.system)
    secret = new_secret or browser.secrets[0]
    transaction = begin(
        TransactionIdentifiers(handles.new_handle(context.system, size=16), handles.new_user_code(context.system, 8)),
        browser=handles.sha256_hex(secret),
        request=request,
        language=_language(context, request, browser, language),
        seed=int.from_bytes(bytes.fromhex(handles.sha256_hex(secret))[:6]),
        now=context.system.now(),
    )
    return transaction, new_secret


def _language(context: SignInContext, request: AuthorizationRequest, browser: Browser, fallback: str) -> str:
    asked = (*(() if browser.language is None else (browser.language,)), *request.ui_locales)
    found = (lookup(tag, context.policy.languages) for tag in asked)
    return next((code for code in found if code is not None), fallback)


async def _apply_session(
    context: SignInContext, transaction: Transaction, service: Service, browser: Browser
) -> tuple[Transaction, Session | None, LinkedIdentity | None]:
    """Returns the transaction, identified if the broker's session may answer it (single sign-on)."""
    session = await live_session(context, browser)
    if session is None:
        return transaction, None, None
    before = await linked_identity(context, session.identity, service)
    if before is None or before.account != session.account:
        return transaction, None, None  # the identity was unlinked while the session began
    if before.outdated(session.identity.auth_time):
        return replace(transaction, again=AskedAgain.FRESH), None, None
    now, switches = context.system.now(), await context.stores.kill_switches.current()
    match = SessionMatch(session, before.subject if before else None, context.candidate_of(session.identity))
    believed = accept_session(transaction, match, service, switches, now)
    if not isinstance(believed, AcceptedIdentity):
        return replace(transaction, again=why_asked_again(transaction, match, service)), None, None
    confirmed = await recheck_session(context, session, transaction, browser)
    if not isinstance(confirmed, Session):
        return replace(transaction, again=confirmed), None, None
    identity = believed.identity if believed.identity.grant is None else replace(believed.identity, grant=None)
    return advance(transaction, SessionAccepted(identity, session.account), now), confirmed, before


async def _sign_in_silently(
    context: SignInContext,
    transaction: Transaction,
    service: Service,
    session: Session | None,
    before: LinkedIdentity | None,
) -> AnsweredImmediately:
    """Answers `prompt=none`: with a code if no page is needed, else with the registered error (Core 3.1.2.6)."""
    identity = transaction.identity
    if session is None or identity is None:
        return await _error_response(context, transaction, service, ErrorCode.LOGIN_REQUIRED)
    if consent_required(transaction, service, before):
        return await _error_response(context, transaction, service, ErrorCode.CONSENT_REQUIRED)
    session_update = SessionUpdate(replace(session, used=context.system.now()), None)
    answered = await issue_code(context, transaction, service, identity, session_update, shared_before(before))
    if answered is None:
        return await _error_response(context, transaction, service, ErrorCode.INTERACTION_REQUIRED)
    return AnsweredImmediately(service, answered.redirect, answered.shared, transaction.request.ui_locales)


async def _error_response(
    context: SignInContext, transaction: Transaction, service: Service, code: ErrorCode
) -> AnsweredImmediately:
    redirect = await error_redirect(context, transaction.request, FailureClass.SILENT, code)
    return AnsweredImmediately(service, redirect, BrowserUpdates(), transaction.request.ui_locales)
