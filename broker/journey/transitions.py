"""State machine of a transaction: the table of transitions, and the one function that changes a state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypedDict

from broker.journey.events import (
    AnsweredBefore,
    AnswerReceived,
    AttemptFailed,
    BrowserChanged,
    Event,
    GaveUp,
    HelpEnded,
    HelpRequested,
    HelpResumed,
    IdentityProven,
    NoRouteFound,
    ProviderChosen,
    Queued,
    QueueLeft,
    ServiceAnswered,
    SessionAccepted,
    SharingDeclined,
    TimeRanOut,
)
from broker.journey.transaction import (
    AFTER_CHOICE,
    BEFORE_CHOICE,
    CHECK_LIFE,
    ENDED,
    FAILURES_KEPT,
    STUB_LIFE,
    Attempt,
    FailedAttempt,
    QueuePlace,
    Transaction,
    TransactionState,
)
from broker.model.account import Errand
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.failures import FailureClass
from broker.model.identity import HELP, Identity
from broker.model.request import AuthorizationRequest, ClientRedirect

S = TransactionState


class Changes(TypedDict, total=False):
    """Fields of a transaction with their new values, collected so that one new record is created."""

    state: TransactionState
    version: int
    changed: float
    chosen: float
    first_choice: str | None
    expires: float
    request: AuthorizationRequest
    browser: str
    transferred: bool
    attempt: Attempt | None
    queue: QueuePlace | None
    failures: tuple[FailedAttempt, ...]
    identity: Identity | None
    account: str | None
    case: str | None
    case_to_withdraw: str | None
    ended_case: str | None
    client_redirect: ClientRedirect | None
    told: bool


# fmt: off
TRANSITIONS: Mapping[TransactionState, Mapping[type[Event], TransactionState]] = MappingProxyType({
    S.CHOOSING:   {ProviderChosen: S.AWAY, Queued: S.QUEUED, HelpRequested: S.WAITING, SessionAccepted: S.IDENTIFIED,
                   NoRouteFound: S.FAILED, HelpResumed: S.WAITING, BrowserChanged: S.CHOOSING},
    S.QUEUED:     {ProviderChosen: S.AWAY, Queued: S.QUEUED, QueueLeft: S.CHOOSING, HelpRequested: S.WAITING,
                   HelpResumed: S.WAITING, BrowserChanged: S.QUEUED},
    S.AWAY:       {AnswerReceived: S.CHECKING, AttemptFailed: S.FAILED, ProviderChosen: S.AWAY, Queued: S.QUEUED,
                   HelpResumed: S.WAITING, BrowserChanged: S.CHOOSING},
    S.CHECKING:   {IdentityProven: S.IDENTIFIED, AttemptFailed: S.FAILED, ProviderChosen: S.AWAY, Queued: S.QUEUED,
                   HelpResumed: S.WAITING, BrowserChanged: S.CHOOSING},
    S.FAILED:     {ProviderChosen: S.AWAY, Queued: S.QUEUED, HelpRequested: S.WAITING, HelpResumed: S.WAITING,
                   BrowserChanged: S.FAILED},
    S.WAITING:    {IdentityProven: S.IDENTIFIED, HelpEnded: S.FAILED, ProviderChosen: S.AWAY, Queued: S.QUEUED,
                   BrowserChanged: S.WAITING},
    S.IDENTIFIED: {ServiceAnswered: S.ANSWERED, SharingDeclined: S.FAILED, AttemptFailed: S.FAILED,
                   ProviderChosen: S.AWAY, Queued: S.QUEUED, BrowserChanged: S.CHOOSING},
    S.ANSWERED:   {},
    S.REFUSED:    {},
    S.EXPIRED:    {},
    S.OVERTAKEN:  {},
})
FROM_ANY_OPEN_STATE: Mapping[type[Event], TransactionState] = MappingProxyType({
    GaveUp: S.REFUSED, TimeRanOut: S.EXPIRED, AnsweredBefore: S.OVERTAKEN,
})
# fmt: on
"""TRANSITIONS maps state and event to the next state; FROM_ANY_OPEN_STATE applies in every open state. Any other event
is ignored.
"""

CHOICES = (ProviderChosen, Queued, HelpRequested, SessionAccepted)
"""Events by which a citizen chooses: the first of them extends the lifetime of the transaction."""


@dataclass(frozen=True, slots=True)
class TransactionIdentifiers:
    """Identifiers of a new transaction: the public id, and the reference that a citizen quotes to support."""

    id: str
    reference: str


def begin(
    identifiers: TransactionIdentifiers,
    *,
    browser: str,
    request: AuthorizationRequest,
    language: str,
    seed: int,
    now: float,
) -> Transaction:
    """Creates a transaction. `browser` is the digest of the browser's secret, `now` is seconds since 1970 UTC."""
    return Transaction(
        id=identifiers.id,
        version=1,
        state=TransactionState.CHOOSING,
        browser=browser,
        request=request,
        language=language,
        created=now,
        changed=now,
        expires=now + BEFORE_CHOICE,
        reference=identifiers.reference,
        order_seed=seed,
    )


def next_state(state: TransactionState, event: Event) -> TransactionState | None:
    """Next state by the table, or None if it has no transition for this state and event."""
    always = None if state in ENDED else FROM_ANY_OPEN_STATE.get(type(event))
    return TRANSITIONS[state].get(type(event), always)


def advance(transaction: Transaction, event: Event, now: float) -> Transaction:
    """Applies an event. Returns the new record, or the same object if the table or `_allowed` rejects the event.

    `now` is seconds since 1970 UTC. The new record has the next version; in a final state it is a stub.
    """
    state = next_state(transaction.state, event)
    if state is None or not _allowed(transaction, event, now):
        return transaction
    changes = _updates(transaction, event, now) | {
        "state": state,
        "version": transaction.version + 1,
        "changed": now,
    }
    if state in ENDED:
        changes |= _stub(transaction) | {"expires": min(now, transaction.expires) + STUB_LIFE}
    elif transaction.chosen is None and isinstance(event, CHOICES):
        changes |= {"chosen": now, "first_choice": _choice(event), "expires": now + AFTER_CHOICE}
    return replace(transaction, **changes)


def _choice(event: Event) -> str | None:
    """What a citizen chose: the id of a provider, or HELP."""
    match event:
        case ProviderChosen(attempt):
            return attempt.provider
        case Queued(place):
            return place.provider
        case HelpRequested():
            return HELP
        case _:
            return None


def due_event(transaction: Transaction, now: float) -> Event | None:
    """Event that the clock alone causes (expired transaction or attempt, or a check that died), else None."""
    attempt = transaction.attempt
    if not transaction.open:
        return None
    if now >= transaction.expires:
        return TimeRanOut()
    if attempt is None:
        return None
    if transaction.state is TransactionState.AWAY and now >= attempt.expires:
        return AttemptFailed(FailureClass.TOOK_TOO_LONG, attempt.provider)
    if transaction.state is TransactionState.CHECKING and now - transaction.changed > CHECK_LIFE:
        return AttemptFailed(FailureClass.OUR_FAULT, attempt.provider)
    return None


def _stub(transaction: Transaction) -> Changes:
    """Reduces a transaction to what is needed to return to the service, without personal data."""
    asked = transaction.request
    request = AuthorizationRequest(
        client_id=asked.client_id,
        redirect_uri=asked.redirect_uri,
        scope=(),
        min_level=asked.min_level,
        state=asked.state,
        response_mode=asked.response_mode,
        par_digest=asked.par_digest,
        question=None if asked.question is None else BackchannelRequestRef(asked.question.id),
        errand=None if asked.errand is None else Errand(asked.errand.kind),
    )
    return {
        "request": request,
        "attempt": None,
        "queue": None,
        "failures": (),
        "identity": None,
        "account": None,
        "case": None,
        "case_to_withdraw": None,
        "ended_case": None,
    }


def _allowed(transaction: Transaction, event: Event, now: float) -> bool:
    """Whether the transaction accepts an event that the table allows, by the data of the event."""
    attempt, identity = transaction.attempt, transaction.identity
    if isinstance(event, TimeRanOut):
        return now >= transaction.expires
    if now >= transaction.expires:
        return False
    match event:
        case ProviderChosen(chosen):
            return now < chosen.expires
        case AnswerReceived(attempt_id):
            return attempt is not None and attempt.id == attempt_id and now < attempt.expires
        case AttemptFailed(_, provider):
            in_hand = identity or attempt
            return in_hand is not None and in_hand.provider == provider
        case IdentityProven(proven, _):
            return proven.level >= transaction.request.min_level and _proves(transaction, event)
        case SessionAccepted(proven, _):
            return proven.level >= transaction.request.min_level
        case ServiceAnswered(_, account, _):
            return transaction.account in (None, account)
        case HelpRequested(_):
            return transaction.case is None
        case HelpResumed():
            return transaction.case is not None
        case HelpEnded(_, case):
            return transaction.case == case
        case BrowserChanged(browser):
            return transaction.browser != browser
        case _:
            return True


def _proves(transaction: Transaction, event: IdentityProven) -> bool:
    """Whether the identity comes from what the transaction waits for: its case, or the provider of its attempt."""
    if transaction.state is TransactionState.WAITING:
        return event.case is not None and event.case == transaction.case
    attempt = transaction.attempt
    return event.case is None and attempt is not None and attempt.provider == event.identity.provider


def _updates(transaction: Transaction, event: Event, now: float) -> Changes:
    """Fields that the event sets, and fields that it clears. `advance` sets the state."""
    if isinstance(event, AnswerReceived):
        return {}
    open_case = None if transaction.state is TransactionState.IDENTIFIED else transaction.case
    kept: Changes = {"attempt": None, "queue": None, "identity": None, "account": None, "case": open_case}
    match event:
        case ProviderChosen(attempt):
            return kept | {"attempt": attempt}
        case Queued(place):
            return kept | {"queue": place}
        case AttemptFailed(failure, provider):
            return kept | _failed(transaction, failure, now, provider)
        case IdentityProven(identity, proving):
            needless = transaction.case_to_withdraw if proving else transaction.case or transaction.case_to_withdraw
            return kept | {"identity": identity, "case": proving, "case_to_withdraw": needless}
        case SessionAccepted(identity, account):
            needless = transaction.case or transaction.case_to_withdraw
            return kept | {"identity": identity, "account": account, "case": None, "case_to_withdraw": needless}
        case HelpRequested(case):
            return kept | {"case": case}
        case HelpEnded(failure, case):
            return kept | _failed(transaction, failure, now) | {"case": None, "ended_case": case}
        case NoRouteFound():
            return kept | _failed(transaction, FailureClass.NO_ROUTE, now)
        case SharingDeclined():
            whose = None if transaction.identity is None else transaction.identity.provider
            return kept | _failed(transaction, FailureClass.DECLINED_SHARING, now, whose)
        case BrowserChanged(browser):
            return kept | {"browser": browser, "transferred": True, "queue": transaction.queue}
        case ServiceAnswered(leaving, _, told):
            return kept | {"client_redirect": leaving, "told": told}
        case GaveUp(leaving):
            return kept | {"client_redirect": leaving}
        case QueueLeft() | HelpResumed() | TimeRanOut() | AnsweredBefore():
            return kept


def _failed(transaction: Transaction, failure: FailureClass, now: float, provider: str | None = None) -> Changes:
    failures = (*transaction.failures, FailedAttempt(failure, now, provider))
    return {"failures": failures[-FAILURES_KEPT:]}
