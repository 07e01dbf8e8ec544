"""The one dispatcher: what a transaction's page shows follows from its stored state and nothing else."""

from broker.actions.browser import Browser, Shared
from broker.actions.sign_in import confirm
from broker.actions.sign_in.answer import answer, items, known, must_agree, refused
from broker.actions.sign_in.desk import Desk, answered_before, mine
from broker.actions.sign_in.help import Help, settle
from broker.actions.sign_in.way_back import without_answer
from broker.actions.views import (
    CheckAndShare,
    Checking,
    Choose,
    Confirm,
    Ended,
    Ending,
    Leave,
    Lost,
    View,
    Waiting,
    WentWrong,
)
from broker.journey.offer import Offer, next_steps, unanswerable
from broker.journey.transaction import State, Transaction
from broker.model.failures import FailureClass
from broker.model.request import WayBack
from broker.model.service import Service
from broker.provider import Card

_SAY_NOTHING_TOLD = frozenset({State.FAILED, State.WAITING, State.REFUSED, State.EXPIRED})
"""The states whose pages say that the service was told nothing."""


async def look(desk: Desk, help: Help, handle: str, browser: Browser) -> tuple[View, Shared]:
    """What to show now, and what the browser is to remember (something only where looking answered the service)."""
    transaction = await mine(desk, handle, browser)
    if isinstance(transaction, Lost):
        return transaction, Shared()
    service = desk.service(transaction)
    if service is None:
        return Lost(FailureClass.SERVICE_OFF), Shared()
    if transaction.case is not None and transaction.state is State.WAITING:
        transaction = await settle(desk, help, handle, transaction)
    if transaction.request.question is not None:
        return await _questioned(desk, help, handle, transaction, service, browser), Shared()
    if transaction.state is State.IDENTIFIED:
        return await _identified(desk, help, handle, transaction, service, browser)
    return await _view(desk, help, transaction, service, browser), Shared()


async def peek(desk: Desk, handle: str, browser: Browser) -> Lost | None:
    """Whether the transaction has a page in this browser. Not even what fell due happens."""
    transaction = await desk.transactions.load(handle)
    if transaction is None or not browser.holds(transaction.browser):
        return Lost(FailureClass.LOST_PLACE)
    return None if desk.service(transaction) is not None else Lost(FailureClass.SERVICE_OFF)


async def _questioned(
    desk: Desk, help: Help, handle: str, transaction: Transaction, service: Service, browser: Browser
) -> View:
    """The page of a transaction that answers a question: the same journey, with an end of its own."""
    transaction = await confirm.overtaken(desk, handle, transaction)
    if transaction.state is State.IDENTIFIED:
        by = card(desk, transaction.identity.provider) if transaction.identity else None
        found = await confirm.identified(desk, handle, transaction, service, by, browser)
        if isinstance(found, Confirm):
            return found
        transaction = found
    if transaction.open:
        return await _view(desk, help, transaction, service, browser)
    return await confirm.ended(desk, transaction, service)


async def _view(desk: Desk, help: Help, transaction: Transaction, service: Service, browser: Browser) -> View:
    language = transaction.language
    if transaction.state in _SAY_NOTHING_TOLD and await answered_before(desk, transaction):
        return Ended(service, Ending.ALREADY, WayBack(service.home), language)
    match transaction.state:
        case State.CHOOSING:
            return Choose(transaction, service, await _offer(desk, transaction, service))
        case State.AWAY if transaction.attempt is not None:
            attempt, offer = transaction.attempt, await _offer(desk, transaction, service)
            by = card(desk, attempt.provider)
            return Leave(service, attempt.url, attempt.id, by, offer=offer, language=language)
        case State.CHECKING if transaction.attempt is not None:
            return Checking(service, card(desk, transaction.attempt.provider), language)
        case State.FAILED if transaction.failure is not None:
            offer = await _offer(desk, transaction, service)
            if _over(transaction.failure.failure, offer):
                return Choose(transaction, service, offer)
            return _failed(desk, transaction, service, offer)
        case State.WAITING if transaction.case is not None:
            standing = await help.standing(transaction)
            asked = await help.asked(transaction)
            return Waiting(transaction, service, standing, await _offer(desk, transaction, service), asked)
        case State.ANSWERED if transaction.leaving and _may_go(transaction, service) and not _stale(desk, transaction):
            return _back(transaction, service, transaction.leaving, _mark(transaction))
        case State.ANSWERED:
            ending = Ending.ANSWERED if transaction.told else Ending.KEPT
            return Ended(service, ending, WayBack(service.home), language)
        case State.REFUSED if transaction.leaving and _may_go(transaction, service):
            return _back(transaction, service, transaction.leaving, _mark(transaction))
        case State.REFUSED:
            return Ended(service, Ending.REFUSED, WayBack(service.home), language)
        case State.EXPIRED:
            back = await without_answer(desk, transaction.request, FailureClass.REQUEST_EXPIRED)
            return Ended(service, Ending.EXPIRED, back, language)
        case State.OVERTAKEN:
            return Ended(service, Ending.ALREADY, WayBack(service.home), language)
        case State.IDENTIFIED:
            # another look at this very moment is answering the service
            return Checking(
                service, card(desk, transaction.identity.provider) if transaction.identity else None, language
            )
    fault, request_id, reference = FailureClass.OUR_FAULT, browser.request_id, transaction.reference
    desk.attempts.call_operator(fault, reference=reference, client_id=service.client_id, request_id=request_id)
    return Lost(fault, service, service.home)


async def _identified(
    desk: Desk, help: Help, handle: str, transaction: Transaction, service: Service, browser: Browser
) -> tuple[View, Shared]:
    """Check and share, or straight on to the service where the citizen agreed before."""
    await help.tidy(transaction)
    identity = transaction.identity
    before = None if identity is None else await known(desk, identity, service)
    failed = await refused(desk, handle, transaction, service, before, browser)
    if failed is not None:
        return await _view(desk, help, failed, service, browser), Shared()
    if must_agree(transaction, service, before):
        by = card(desk, identity.provider) if identity else None
        return CheckAndShare(transaction, service, by, items(transaction, service, before)), Shared()
    answered = await answer(desk, help, handle, transaction, browser)
    if answered is not None:
        return _back(transaction, service, answered.leaving, _mark(transaction, 1)), answered.shared
    now = await mine(desk, handle, browser)
    return (now if isinstance(now, Lost) else await _view(desk, help, now, service, browser)), Shared()


def _back(transaction: Transaction, service: Service, way: WayBack, mark: str) -> Leave:
    return Leave(service, way.url, mark, None, way.fields, language=transaction.language)


def _mark(transaction: Transaction, later: int = 0) -> str:
    return f"{transaction.id}-{transaction.version + later}"


def _over(failure: FailureClass, offer: Offer) -> bool:
    """Whether what a failure page would say is over: a way leads on again, and the picker shows it."""
    barred = failure in (FailureClass.NO_ROUTE, FailureClass.SERVICE_OFF)
    return barred and offer.barred is None and not offer.no_route


def _failed(desk: Desk, transaction: Transaction, service: Service, offer: Offer) -> View:
    failed = transaction.failures[-1]
    by = card(desk, failed.provider) if failed.provider else None
    return WentWrong(transaction, service, failed, by, offer, next_steps(transaction, offer, failed))


async def _offer(desk: Desk, transaction: Transaction, service: Service) -> Offer:
    return desk.offer(transaction, service, await desk.switches.current(), desk.ambient.now())


def card(desk: Desk, provider: str) -> Card | None:
    """The card of a provider that is configured."""
    registered = desk.catalogue.providers.get(provider)
    return registered.provider.card if registered else None


def _stale(desk: Desk, transaction: Transaction) -> bool:
    return desk.ambient.now() > transaction.changed + desk.limited.code_lifetime


def _may_go(transaction: Transaction, service: Service) -> bool:
    """Whether the way back is still the service's: its addresses may have changed since it was written."""
    leaving = transaction.leaving
    return leaving is not None and not (unanswerable(transaction, service) and leaving.url != service.home)
