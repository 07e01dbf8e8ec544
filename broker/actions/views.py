"""What a citizen's page shows: the outcome of looking at a transaction. The page decides nothing, it only says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from broker.journey.provider_offer import Offer
from broker.journey.transaction import FailedAttempt, Transaction
from broker.model.backchannel_request import BackchannelRequest, BackchannelRequestRef
from broker.model.failures import FailureClass, NextStep
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.provider import ProviderInfo


@dataclass(frozen=True, slots=True)
class PickerView:
    """The picker."""

    transaction: Transaction
    service: Service
    offer: Offer


@dataclass(frozen=True, slots=True)
class RedirectAway:
    """On the way out to another origin: `mark` is new for every departure, so that coming back does not leave again.

    `card` is the provider being left for, or None when the way leads back to the service.
    `fields` is set when the answer travels by POST (`form_post`). `offer` is what may be chosen instead, for a citizen
    who comes back from a provider with the back button. `language` is that of the transaction.
    """

    service: Service
    url: str
    mark: str
    card: ProviderInfo | None
    fields: Mapping[str, str] | None = None
    offer: Offer | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class CheckingView:
    """An answer of a provider is being looked at right now; the page asks again by itself."""

    service: Service
    card: ProviderInfo | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FailureView:
    """A failure page: what happened and with whom, what may be done next."""

    transaction: Transaction
    service: Service
    failed: FailedAttempt
    card: ProviderInfo | None
    offer: Offer
    steps: tuple[NextStep, ...]


@dataclass(frozen=True, slots=True)
class SharedItem:
    """One claim about to be shared: its value, and the service's reason in every language."""

    claim: str
    value: Any
    reason: Mapping[str, str]
    shared_before: bool


@dataclass(frozen=True, slots=True)
class ConsentView:
    """Who gets which data and why, before the first sharing."""

    transaction: Transaction
    service: Service
    card: ProviderInfo | None
    items: tuple[SharedItem, ...]


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """Somebody proved who they are, and may now confirm what they are asked. `items` go to a service that asks."""

    transaction: Transaction
    service: Service
    card: ProviderInfo | None
    items: tuple[SharedItem, ...]
    question: BackchannelRequestRef


@dataclass(frozen=True, slots=True)
class CaseStatusView:
    """A person is checking: the case as the citizen may see it (`broker.assisted` gives the standing).

    `asked` is what staff ask the citizen to confirm, for whoever wants to do that in this browser.
    """

    transaction: Transaction
    service: Service
    standing: Any
    offer: Offer
    asked: BackchannelRequest | None = None


class Ending(StrEnum):
    """How a transaction ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    EXPIRED = "expired"
    KEPT = "kept"
    """The identity was kept, and the service starts anew to learn it."""
    ALREADY = "already"
    """The service had the answer already: this page was one more of the same request."""
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    OTHER_PERSON = "other_person"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class EndingView:
    """The transaction is over.

    `back` is how the citizen can go on: the service's answer address, or its home; None where it goes on elsewhere.
    """

    service: Service
    ending: Ending
    back: ClientRedirect | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """Nothing can be shown for this address in this browser: unknown handle, lost cookie, other browser.

    `told` is for the people who run the service that sent the citizen: what was wrong with its request, in a standard's
    words, with nothing of anybody in it.
    """

    failure: FailureClass
    service: Service | None = None
    back: str | None = None
    told: str | None = None


View = (
    PickerView
    | RedirectAway
    | CheckingView
    | FailureView
    | ConsentView
    | ConfirmationView
    | CaseStatusView
    | EndingView
    | DeadEnd
)
