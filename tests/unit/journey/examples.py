"""Example records, and an event that fits each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from broker.journey.provider_offer import Candidate, Offer, OfferPolicy, offer
from broker.journey.transaction import ATTEMPT_LIFE, Attempt, FailedAttempt, QueuePlace, Transaction, TransactionState
from broker.journey.transitions import TransactionIdentifiers, advance, begin
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.identity import HELP, Identity
from broker.model.kill_switches import KillSwitches
from broker.model.provider_policy import DisplayOrder, ProviderPolicy
from broker.model.request import AuthorizationRequest, ClientRedirect
from broker.model.service import Service
from broker.provider import ProviderHealth, ProviderInfo
from tests.support.services import change_service, make_service

NOW = 1_800_000_000.0
NOTHING_OFF = KillSwitches(1)
PERSONAL = "personal"
"""Stands in everything personal that goes into an example, so that it can be searched for."""

BACK = ClientRedirect("https://parking.test/back?code=c")
REFUSED = ClientRedirect("https://parking.test/back?error=access_denied")


def request(**changes: Any) -> AuthorizationRequest:
    """A request for the level SUBSTANTIAL."""
    asked = AuthorizationRequest(
        client_id="parking",
        redirect_uri="https://parking.test/back",
        scope=("openid",),
        min_level=Level.SUBSTANTIAL,
        state="theirs",
        login_hint=f"{PERSONAL} hint",
        expected_sub=None,
        requested_claims=("given_name", "email"),
    )
    return replace(asked, **changes)


def service(**changes: Any) -> Service:
    """The service of the request."""
    asking = make_service(
        client_id="parking",
        names={"en": "Parking"},
        redirect_uris=("https://parking.test/back",),
        sector="parking.test",
        home="https://parking.test/",
        initiate_login_uri="https://parking.test/start",
    )
    return change_service(asking, **changes)


def candidate(
    provider_id: str = "alpha", highest: Level = Level.HIGH, *, working: bool = True, **listing: Any
) -> Candidate:
    """A provider, by default enabled and healthy."""
    card = ProviderInfo(
        id=provider_id, names={"en": provider_id.title()}, needs={"en": "A card"}, minutes=2, max_level=highest
    )
    return Candidate(
        card, ProviderPolicy(**listing), ProviderHealth(working=working, since=NOW - 60, median=40.0, checked=NOW - 5)
    )


def identity(provider: str = "alpha", level: Level = Level.SUBSTANTIAL, **changes: Any) -> Identity:
    """Identity of a citizen who signed in just now."""
    claims: Mapping[str, Any] = {"given_name": f"{PERSONAL} name", "email": f"{PERSONAL}@mail.test"}
    person = Identity(provider, "https://alpha.test", f"{PERSONAL} subject", level, ("pwd",), int(NOW), claims)
    return replace(person, **changes)


def attempt(attempt_id: str = "first", provider: str = "alpha", now: float = NOW) -> Attempt:
    """A try at a provider that has just begun."""
    return Attempt(attempt_id, provider, "https://alpha.test/authorize", now, now + ATTEMPT_LIFE, {"nonce": PERSONAL})


def begun(now: float = NOW, **asked: Any) -> Transaction:
    """A transaction that has just begun."""
    return begin(
        TransactionIdentifiers("t1", "AAAA-BBBB"),
        browser="digest of the browser",
        request=request(**asked),
        language="en",
        seed=7,
        now=now,
    )


def walked(transaction: Transaction, *events: Event, now: float = NOW) -> Transaction:
    """The transaction after these events, each of which must lead somewhere."""
    for event in events:
        after = advance(transaction, event, now)
        assert after is not transaction, f"{event} leads nowhere from {transaction.state}"
        transaction = after
    return transaction


WAYS: Mapping[TransactionState, tuple[Event, ...]] = {
    TransactionState.CHOOSING: (),
    TransactionState.QUEUED: (Queued(QueuePlace("alpha", NOW, NOW + 30, 2.0)),),
    TransactionState.AWAY: (ProviderChosen(attempt()),),
    TransactionState.CHECKING: (ProviderChosen(attempt()), AnswerReceived("first")),
    TransactionState.FAILED: (ProviderChosen(attempt()), AttemptFailed(FailureClass.CANCELLED, "alpha")),
    TransactionState.WAITING: (HelpRequested("case"),),
    TransactionState.IDENTIFIED: (ProviderChosen(attempt()), AnswerReceived("first"), IdentityProven(identity())),
    TransactionState.ANSWERED: (
        SessionAccepted(identity(), f"{PERSONAL} account"),
        ServiceAnswered(BACK, f"{PERSONAL} account"),
    ),
    TransactionState.REFUSED: (GaveUp(REFUSED),),
    TransactionState.OVERTAKEN: (AnsweredBefore(),),
}
"""How a new transaction comes to each state."""


def standing(state: TransactionState, **asked: Any) -> Transaction:
    """A transaction in a state."""
    if state is TransactionState.EXPIRED:
        transaction = begun(**asked)
        return replace(walked(transaction, TimeRanOut(), now=transaction.expires), expires=NOW + 10**6)
    return walked(begun(**asked), *WAYS[state])


def helped(state: TransactionState) -> Transaction:
    """A transaction in a state, with an open case if that state allows one."""
    transaction = standing(state)
    return (
        transaction
        if state in (TransactionState.IDENTIFIED, TransactionState.WAITING)
        else replace(transaction, case="case")
    )


def fitting(kind: type[Event], transaction: Transaction) -> Event:
    """An event of a kind that matches the fields of the transaction, so that only the table decides."""
    events: tuple[Event, ...] = (
        ProviderChosen(attempt("second", "beta")),
        Queued(QueuePlace("beta", NOW, NOW + 60, 1.0)),
        QueueLeft(),
        AnswerReceived("first"),
        AttemptFailed(FailureClass.NOT_VERIFIED, "alpha"),
        IdentityProven(identity(HELP), "case")
        if transaction.state is TransactionState.WAITING
        else IdentityProven(identity()),
        SessionAccepted(identity(), f"{PERSONAL} account"),
        HelpRequested("case"),
        HelpResumed(),
        HelpEnded(FailureClass.HELP_DECLINED, "case"),
        NoRouteFound(),
        ServiceAnswered(BACK, f"{PERSONAL} account"),
        AnsweredBefore(),
        SharingDeclined(),
        BrowserChanged("digest of another browser"),
        GaveUp(REFUSED),
        TimeRanOut(),
    )
    return next(event for event in events if type(event) is kind)


THREE = (candidate("alpha"), candidate("beta"), candidate("gamma"))


def offered(
    candidates: Sequence[Candidate] = THREE,
    transaction: Transaction | None = None,
    asking: Service | None = None,
    switches: KillSwitches = NOTHING_OFF,
    order: DisplayOrder = DisplayOrder.ALPHABETICAL,
) -> Offer:
    """The offer for a new transaction by default."""
    return offer(transaction or begun(), candidates, asking or service(), switches, NOW, OfferPolicy(order))


def after(
    *failures: tuple[FailureClass, str | None], case: str | None = None, ended_case: str | None = None
) -> Transaction:
    """A transaction in FAILED after these failures."""
    happened = tuple(FailedAttempt(failure, NOW, provider) for failure, provider in failures)
    return replace(standing(TransactionState.FAILED), failures=happened, case=case, ended_case=ended_case)
