"""The dispatcher: computes what a transaction's page displays from the stored state alone."""

from broker.account.release import missing_claims
from broker.actions.account.errand import complete as complete_errand
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser, BrowserUpdates
from broker.actions.passkeys.sign_in import passkey_provider
from broker.actions.results import HelpOffered
from broker.actions.sign_in import backchannel_confirmation
from broker.actions.sign_in.case_link import CaseLink, sync_with_case
from broker.actions.sign_in.client_response import error_redirect
from broker.actions.sign_in.consent import answer, linked_identity, recheck
from broker.actions.sign_in.context import SignInContext, code_already_issued, load_own_transaction
from broker.actions.sign_in.provider_login import take_turn
from broker.actions.sign_in.shared_claims import consent_items, consent_required
from broker.actions.views import (
    CaseStatusView,
    CheckingView,
    ConfirmationView,
    ConsentView,
    DeadEnd,
    Ending,
    EndingView,
    FailureView,
    LinkView,
    PickerView,
    QueueView,
    RedirectAway,
    View,
)
from broker.assisted.former import CasePurpose
from broker.journey.departures import reload_after
from broker.journey.next_steps import next_steps
from broker.journey.provider_offer import Offer, redirect_uri_removed
from broker.journey.transaction import Transaction, TransactionState
from broker.model.failures import FailureClass
from broker.model.grant import OFFLINE_ACCESS
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.platform.log_context import bind_ids

_NO_CODE_SENT = frozenset(
    {TransactionState.FAILED, TransactionState.WAITING, TransactionState.REFUSED, TransactionState.EXPIRED}
)
"""The states whose pages say that the service received nothing."""


async def current_view(
    context: SignInContext, cases: CaseLink, handle: str, browser: Browser
) -> tuple[View, BrowserUpdates]:
    """Returns what the page displays, and cookies to set, which are there only if this call answered the service."""
    transaction = await load_own_transaction(context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction, BrowserUpdates()
    service = context.service(transaction)
    if service is None:
        return DeadEnd(FailureClass.SERVICE_OFF), BrowserUpdates()
    if transaction.state is TransactionState.QUEUED:
        transaction = await take_turn(context, handle, transaction, browser)
        if isinstance(transaction, DeadEnd):
            return transaction, BrowserUpdates()
    if transaction.case is not None and transaction.state is TransactionState.WAITING:
        transaction = await sync_with_case(context, cases, handle, transaction)
    if transaction.request.question is not None:
        return await _backchannel_view(context, cases, handle, transaction, service, browser), BrowserUpdates()
    errand = transaction.request.errand
    if errand is not None and transaction.state is TransactionState.IDENTIFIED:
        found = await complete_errand(context, handle, transaction, errand, browser)
        if isinstance(found, LinkView):
            return found, BrowserUpdates()
        if transaction.case is not None and found[0].state is TransactionState.ANSWERED:
            await cases.record_release(transaction.case)
        return await _view(context, cases, found[0], service, browser), found[1]
    if transaction.state is TransactionState.IDENTIFIED:
        return await _identified(context, cases, handle, transaction, service, browser)
    return await _view(context, cases, transaction, service, browser), BrowserUpdates()


async def check_page(context: SignInContext, handle: str, browser: Browser) -> DeadEnd | None:
    """Returns None if the transaction has a page in this browser. Changes nothing, also if a deadline has expired."""
    transaction = await context.stores.transactions.load(handle)
    if transaction is None or not browser.holds(transaction.browser):
        return DeadEnd(FailureClass.LOST_PLACE)
    bind_ids(client_id=transaction.request.client_id, reference=transaction.reference)
    return None if context.service(transaction) is not None else DeadEnd(FailureClass.SERVICE_OFF)


async def help_on_offer(
    context: SignInContext, cases: CitizenCases, handle: str, browser: Browser, asked: CasePurpose = CasePurpose.NEW
) -> HelpOffered | View:
    """Returns the help that the citizen can ask for now, or the view of the transaction's page if none is offered."""
    offered = await cases.offer_help(handle, browser, asked)
    return (await current_view(context, cases, handle, browser))[0] if offered is None else offered


async def _backchannel_view(
    context: SignInContext,
    cases: CaseLink,
    handle: str,
    transaction: Transaction,
    service: Service,
    browser: Browser,
) -> View:
    """Returns the page of a transaction that answers a backchannel request: it ends without a redirect."""
    transaction = await backchannel_confirmation.end_if_superseded(context, handle, transaction)
    if transaction.state is TransactionState.IDENTIFIED:
        by = context.card(transaction.identity.provider) if transaction.identity else None
        found = await backchannel_confirmation.confirm_identity(context, handle, transaction, service, by, browser)
        if isinstance(found, ConfirmationView):
            return found
        transaction = found
    if transaction.open:
        return await _view(context, cases, transaction, service, browser)
    return await backchannel_confirmation.ending_of(context, transaction, service)


async def _view(
    context: SignInContext, cases: CaseLink, transaction: Transaction, service: Service, browser: Browser
) -> View:
    language = transaction.language
    if transaction.state in _NO_CODE_SENT and await code_already_issued(context, transaction):
        return EndingView(service, Ending.ALREADY, ClientRedirect(service.presentation.home), language)
    match transaction.state:
        case TransactionState.CHOOSING | TransactionState.QUEUED:
            return _choosing_view(context, transaction, service, await _offer(context, transaction, service))
        case TransactionState.AWAY if transaction.attempt is not None:
            attempt, offer = transaction.attempt, await _offer(context, transaction, service)
            by = context.card(attempt.provider)
            return RedirectAway(
                service, attempt.url, attempt.id, by, offer=offer, language=language, expires=attempt.url_expires
            )
        case TransactionState.CHECKING if transaction.attempt is not None:
            return CheckingView(service, context.card(transaction.attempt.provider), language)
        case TransactionState.FAILED if transaction.failure is not None:
            offer = await _offer(context, transaction, service)
            if _has_passed(transaction.failure.failure, offer):
                return PickerView(transaction, service, offer)
            return _failure_view(context, transaction, service, offer)
        case TransactionState.WAITING if transaction.case is not None:
            status = await cases.case_status(transaction)
            question = await cases.pending_question(transaction)
            offer, known = await _offer(context, transaction, service), passkey_provider(context.registry)
            passkeys = known.card.id if known is not None and offer.has(known.card.id) else None
            return CaseStatusView(transaction, service, status, offer, question, passkeys)
        case TransactionState.ANSWERED if (
            transaction.client_redirect and _may_redirect(transaction, service) and not _is_stale(context, transaction)
        ):
            return _return_to_client(transaction, service, transaction.client_redirect, _redirect_mark(transaction))
        case TransactionState.ANSWERED:
            ending = Ending.ANSWERED if transaction.told else Ending.KEPT
            return EndingView(service, ending, ClientRedirect(service.presentation.home), language)
        case TransactionState.REFUSED if transaction.client_redirect and _may_redirect(transaction, service):
            return _return_to_client(transaction, service, transaction.client_redirect, _redirect_mark(transaction))
        case TransactionState.REFUSED:
            return EndingView(service, Ending.REFUSED, ClientRedirect(service.presentation.home), language)
        case TransactionState.EXPIRED:
            back = await error_redirect(context, transaction.request, FailureClass.REQUEST_EXPIRED)
            return EndingView(service, Ending.EXPIRED, back, language)
        case TransactionState.OVERTAKEN:
            return EndingView(service, Ending.ALREADY, ClientRedirect(service.presentation.home), language)
        case TransactionState.IDENTIFIED:
            # a concurrent request is answering the service
            return CheckingView(
                service,
                context.card(transaction.identity.provider) if transaction.identity else None,
                language,
            )
    fault, request_id, reference = FailureClass.OUR_FAULT, browser.request_id, transaction.reference
    context.monitoring.attempts.call_operator(
        fault, reference=reference, client_id=service.client_id, request_id=request_id
    )
    return DeadEnd(fault, service, service.presentation.home)


async def _identified(
    context: SignInContext,
    cases: CaseLink,
    handle: str,
    transaction: Transaction,
    service: Service,
    browser: Browser,
) -> tuple[View, BrowserUpdates]:
    """Returns the consent page, or answers the service if no consent is needed."""
    await cases.withdraw_unneeded(transaction)
    identity = transaction.identity
    before = None if identity is None else await linked_identity(context, identity, service)
    failed = await recheck(context, handle, transaction, service, before, browser)
    if failed is not None:
        return await _view(context, cases, failed, service, browser), BrowserUpdates()
    if consent_required(transaction, service, before):
        by = context.card(identity.provider) if identity else None
        lifetimes, offline = context.policy.limits.tokens, OFFLINE_ACCESS in transaction.request.scope
        readable = lifetimes.refresh if offline else lifetimes.access
        items = consent_items(transaction, service, before)
        missing = () if identity is None else missing_claims(identity, transaction.request, service)
        return ConsentView(transaction, service, by, items, readable, offline, missing), BrowserUpdates()
    answered = await answer(context, cases, handle, transaction, browser)
    if answered is not None:
        return _return_to_client(
            transaction, service, answered.redirect, _redirect_mark(transaction, 1)
        ), answered.shared
    now = await load_own_transaction(context, handle, browser)
    return (now if isinstance(now, DeadEnd) else await _view(context, cases, now, service, browser)), BrowserUpdates()


def _choosing_view(context: SignInContext, transaction: Transaction, service: Service, offer: Offer) -> View:
    """Returns the picker, or the waiting room of a citizen in line, unless their provider is no longer on offer."""
    place = transaction.queue
    option = None if place is None else offer.option(place.provider)
    if place is None or option is None:
        return PickerView(transaction, service, offer)
    reload = reload_after(place, context.system.now(), context.policy.limits.waiting_refresh)
    return QueueView(transaction, service, option.card, place, offer, reload)


def _return_to_client(transaction: Transaction, service: Service, way: ClientRedirect, mark: str) -> RedirectAway:
    return RedirectAway(service, way.url, mark, None, way.fields, language=transaction.language)


def _redirect_mark(transaction: Transaction, later: int = 0) -> str:
    return f"{transaction.id}-{transaction.version + later}"


def _has_passed(failure: FailureClass, offer: Offer) -> bool:
    """Returns whether the reason of a failure page has passed: a provider is available again in the picker."""
    barred = failure in (FailureClass.NO_ROUTE, FailureClass.SERVICE_OFF)
    return barred and offer.blocked_by is None and not offer.no_route


def _failure_view(context: SignInContext, transaction: Transaction, service: Service, offer: Offer) -> View:
    failed = transaction.failures[-1]
    by = context.card(failed.provider) if failed.provider else None
    return FailureView(transaction, service, failed, by, offer, next_steps(transaction, offer, failed))


async def _offer(context: SignInContext, transaction: Transaction, service: Service) -> Offer:
    return context.offer(transaction, service, await context.stores.kill_switches.current(), context.system.now())


def _is_stale(context: SignInContext, transaction: Transaction) -> bool:
    return context.system.now() > transaction.changed + context.policy.limits.code_lifetime


def _may_redirect(transaction: Transaction, service: Service) -> bool:
    """Returns whether the stored redirect is still the service's: its redirect URIs may have changed."""
    leaving = transaction.client_redirect
    return leaving is not None and not (
        redirect_uri_removed(transaction, service) and leaving.url != service.presentation.home
    )
