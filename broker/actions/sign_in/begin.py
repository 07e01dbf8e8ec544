"""A request of a service becomes a transaction, or is answered at once where nothing may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.browser import Browser, Shared
from broker.actions.needs import Known
from broker.actions.outcomes import Begun as Begun
from broker.actions.outcomes import Held as Held
from broker.actions.outcomes import Limit
from broker.actions.sign_in.answer import Kept, known, live_session, must_agree, record
from broker.actions.sign_in.desk import Desk
from broker.actions.sign_in.way_back import without_answer
from broker.journey.events import NoRouteFound, SessionAccepted
from broker.journey.judge import Believed, judge_session
from broker.journey.table import advance, begin
from broker.journey.transaction import State, Transaction
from broker.model import handle as handles
from broker.model.allowance import Allowance
from broker.model.facts import Unavailable
from broker.model.failures import ErrorCode, FailureClass
from broker.model.languages import lookup
from broker.model.request import AuthorizationRequest, WayBack
from broker.model.service import Service
from broker.model.session import Session
from broker.oidc import pushed
from broker.oidc.authorization import authorization_request
from broker.oidc.checks import Arrival, Door
from broker.oidc.errors import Shown
from broker.oidc.request_object import Sender

POSTED: Final = 300
"""Seconds for which a request that came by POST is kept for the visit that takes it up."""

_CROWDED: Final = "passing state is nearly full: sign-ins under way come first"


@dataclass(frozen=True, slots=True)
class AnsweredAlready:
    """The service has the answer to this pushed request already, so that nothing new is begun.

    `locales` are the languages that the service wishes for the citizen (BCP 47), best first.
    """

    service: Service
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnsweredAtOnce:
    """The service is answered without a page of a journey (`prompt=none`). `locales` as in AnsweredAlready."""

    service: Service
    way: WayBack
    shared: Shared
    locales: tuple[str, ...] = ()


async def authorize(
    desk: Desk, door: Door, parameters: Mapping[str, str], browser: Browser, language: str
) -> Begun | AnsweredAtOnce | AnsweredAlready | Held:
    """The authorization endpoint (OpenID Connect Core 3.1.2, RFC 9126 4).

    `language` is what the browser likes best of the languages there are; the citizen's own choice and the service's
    `ui_locales` come before it.
    Held says that a limit allows nothing new. Raises Shown and Redirected; Unavailable if passing state is full.
    """
    request, service, first = await _request(desk, door, parameters)
    if not first and "none" not in request.prompt and await desk.answers.told("", request.pushed):
        return AnsweredAlready(service, request.ui_locales)
    if desk.crowded():
        raise Unavailable(_CROWDED)
    transaction, secret = new_transaction(desk, request, browser, language)
    transaction, session, before = await _by_session(desk, transaction, service, browser)
    if "none" in request.prompt:
        start = _start(desk, browser)
        if not await desk.limits.allow(start.key, start.most, start.window):
            return _too_many(desk, service, request)
        return await _silent(desk, transaction, service, session, before)
    return await opened(desk, transaction, service, browser, secret)


async def hand_over(
    desk: Desk, door: Door, parameters: Mapping[str, str], browser: Browser
) -> Mapping[str, str] | Held:
    """Keeps a request that came by POST, and gives the parameters of the visit that takes it up.

    The visit names the request as one names a pushed request (RFC 9126 4), so that what the service put into a form,
    such as `login_hint`, stays out of addresses. Held says that a limit allows nothing new. Raises as `authorize` does.
    """
    named = pushed.reference(parameters)
    if named is not None:
        return {"client_id": named.client_id, "request_uri": pushed.request_uri(named.handle)}
    request, service, _ = await _request(desk, door, parameters)
    if desk.crowded():
        raise Unavailable(_CROWDED)
    start = _start(desk, browser)
    if not await desk.limits.allow(f"posted:{start.key}", start.most, start.window):
        return _too_many(desk, service, request)
    handle = handles.fresh(desk.ambient)
    await desk.pushed.put(handle, request, desk.ambient.now() + POSTED)
    return {"client_id": request.client_id, "request_uri": pushed.request_uri(handle)}


async def opened(
    desk: Desk, transaction: Transaction, service: Service, browser: Browser, secret: str | None
) -> Begun | Held:
    """Stores a new transaction. Held beyond what a browser or an address may begin."""
    if transaction.state is State.CHOOSING:
        switches = await desk.switches.current()
        if desk.offer(transaction, service, switches, desk.ambient.now()).no_route:
            transaction = advance(transaction, NoRouteFound(), desk.ambient.now())
    handle = handles.fresh(desk.ambient)
    if transaction.version != 1:
        transaction = replace(transaction, version=1)
    most = desk.limited.open_transactions
    if not await desk.transactions.create(handle, transaction, most, _start(desk, browser)):
        return await _held(desk, transaction, service)
    return Begun(handle, secret)


def _start(desk: Desk, browser: Browser) -> Allowance:
    return desk.limited.starts.of(f"start:{browser.address}")


async def _held(desk: Desk, transaction: Transaction, service: Service) -> Held:
    """Which of the two limits keeps a transaction from being stored."""
    room = await desk.transactions.room_from(transaction.browser, desk.limited.open_transactions)
    if room is not None:
        return Held(Limit.OPEN, room, service, locales=(transaction.language,))
    return replace(_too_many(desk, service, transaction.request), locales=(transaction.language,))


def _too_many(desk: Desk, service: Service, request: AuthorizationRequest) -> Held:
    until = desk.limited.starts.ends(desk.ambient.now())
    return Held(Limit.STARTS, until, service, locales=request.ui_locales)


async def check(desk: Desk, door: Door, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """The request that a visit brings or names, once it passed every check. Raises Shown and Redirected."""
    return (await _request(desk, door, parameters))[0]


async def _request(desk: Desk, door: Door, parameters: Mapping[str, str]) -> tuple[AuthorizationRequest, Service, bool]:
    """As `check`, with its service as registered now, and whether it comes for the first time as far as is known."""
    named = pushed.reference(parameters)
    if named is not None:
        request, first = await desk.pushed.get(named.handle) or (None, True)
        service = desk.catalogue.services.get(named.client_id)
        if request is None or request.client_id != named.client_id or service is None:
            raise pushed.unknown_reference(None if service is None else named.client_id)
        return replace(request, pushed=handles.digest(named.handle)), service, first
    client_id = pushed.client_of(parameters)
    keys = await desk.catalogue.keys(client_id, parameters.get("request", ""))
    service = desk.catalogue.services.get(client_id)  # asked after the fetch, during which a reload may have removed it
    if service is None:
        raise Shown("invalid_request", "this service is not registered here", status=400)
    sender = Sender(keys, desk.ambient.now())
    return authorization_request(parameters, service, Arrival.PLAIN, door, sender), service, True


def new_transaction(
    desk: Desk, request: AuthorizationRequest, browser: Browser, language: str
) -> tuple[Transaction, str | None]:
    """A new transaction in this browser. Its public id is the digest of a handle of its own, which names nothing."""
    fresh = None if browser.secrets else handles.fresh(desk.ambient)
    secret = fresh or browser.secrets[0]
    transaction = begin(
        id=handles.fresh(desk.ambient, size=16),
        browser=handles.digest(secret),
        request=request,
        language=_language(desk, request, browser, language),
        reference=handles.readable(desk.ambient, 8),
        seed=int.from_bytes(bytes.fromhex(handles.digest(secret))[:6]),
        now=desk.ambient.now(),
    )
    return transaction, fresh


def _language(desk: Desk, request: AuthorizationRequest, browser: Browser, otherwise: str) -> str:
    asked = (*(() if browser.language is None else (browser.language,)), *request.ui_locales)
    found = (lookup(tag, desk.languages) for tag in asked)
    return next((code for code in found if code is not None), otherwise)


async def _by_session(
    desk: Desk, transaction: Transaction, service: Service, browser: Browser
) -> tuple[Transaction, Session | None, Known | None]:
    """The transaction, identified already where the broker's session may answer it."""
    session = await live_session(desk, browser)
    if session is None:
        return transaction, None, None
    before = await known(desk, session.identity, service)
    now, switches = desk.ambient.now(), await desk.switches.current()
    believed = judge_session(
        transaction,
        session,
        before.subject if before else None,
        desk.candidate(session.identity.provider),
        service,
        switches,
        now,
    )
    if not isinstance(believed, Believed):
        return transaction, None, None
    return advance(transaction, SessionAccepted(believed.identity, session.account), now), session, before


async def _silent(
    desk: Desk, transaction: Transaction, service: Service, session: Session | None, before: Known | None
) -> AnsweredAtOnce:
    """An answer to `prompt=none`: a code where nothing is left to ask, else the registered error (Core 3.1.2.6)."""
    identity = transaction.identity
    if session is None or identity is None:
        return await _refused(desk, transaction, service, ErrorCode.LOGIN_REQUIRED)
    if must_agree(transaction, service, before):
        return await _refused(desk, transaction, service, ErrorCode.CONSENT_REQUIRED)
    kept = Kept(replace(session, used=desk.ambient.now()), None)
    answered = await record(desk, transaction, service, identity, kept)
    if answered is None:
        return await _refused(desk, transaction, service, ErrorCode.INTERACTION_REQUIRED)
    return AnsweredAtOnce(service, answered.leaving, answered.shared, transaction.request.ui_locales)


async def _refused(desk: Desk, transaction: Transaction, service: Service, code: ErrorCode) -> AnsweredAtOnce:
    way = await without_answer(desk, transaction.request, FailureClass.SILENT, code)
    return AnsweredAtOnce(service, way, Shared(), transaction.request.ui_locales)
