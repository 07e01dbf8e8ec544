"""Views: what a citizen's page displays for the state of a transaction. The page renders and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.account.links import LinkRefusal
from broker.account.release import ConsentItem
from broker.assisted.case_status import CaseStatus
from broker.journey.provider_offer import Offer
from broker.journey.transaction import FailedAttempt, QueuePlace, Transaction
from broker.model.backchannel_request import BackchannelRequest, BackchannelRequestRef
from broker.model.failures import FailureClass, NextStep
from broker.model.identity import Identity
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
class QueueView:
    """The waiting room of a provider that takes only so many citizens a second. The page reloads itself after
    `reload` seconds."""

    transaction: Transaction
    service: Service
    card: ProviderInfo
    place: QueuePlace
    offer: Offer
    reload: int


@dataclass(frozen=True, slots=True)
class RedirectAway:
    """A redirect to another origin. `redirect_id` is new for each one, so that the back button does not redirect again.

    `card` is the provider redirected to, or None for the service.
    `fields` is set if the response is sent by POST (`form_post`). `offer` is what may be chosen instead, for a citizen
    who comes back from a provider with the back button. `language` is that of the transaction. `expires` is set for a
    URL that works once, and only until then.
    """

    service: Service
    url: str
    redirect_id: str
    card: ProviderInfo | None
    fields: Mapping[str, str] | None = None
    offer: Offer | None = None
    language: str | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class CheckingView:
    """A provider's callback is being processed; the page reloads itself."""

    service: Service
    card: ProviderInfo | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FailureView:
    """A failure page: what failed, at which provider, and the next steps."""

    transaction: Transaction
    service: Service
    failed: FailedAttempt
    card: ProviderInfo | None
    offer: Offer
    steps: tuple[NextStep, ...]


@dataclass(frozen=True, slots=True)
class ConsentView:
    """The consent page: which service gets which claims and why. `readable` is for how many seconds after the sign-in
    the service can read them, at the most; `offline` that it can do so while the citizen is away. `missing` are the
    claims that the service asks for, and the identity does not have."""

    transaction: Transaction
    service: Service
    card: ProviderInfo | None
    items: tuple[ConsentItem, ...]
    readable: int
    offline: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """The citizen proved their identity and may confirm a backchannel request. `items` are released to the service."""

    transaction: Transaction
    service: Service
    card: ProviderInfo | None
    items: tuple[ConsentItem, ...]
    question: BackchannelRequestRef


@dataclass(frozen=True, slots=True)
class ProvedWay:
    """An identity that the citizen proved, and its provider; None if it is not configured any more."""

    card: ProviderInfo | None
    identity: Identity


@dataclass(frozen=True, slots=True)
class LinkView:
    """Both proved identities before they are linked, or why they cannot be linked (`refusal`).

    `known_twice` are the services that know both accounts. `replaced` is the provider of the way that is unlinked in
    return ("" if it is not known), None to keep all.
    """

    transaction: Transaction
    service: Service
    first: ProvedWay | None
    second: ProvedWay
    refusal: LinkRefusal | None = None
    known_twice: tuple[Service, ...] = ()
    replaced: str | None = None


@dataclass(frozen=True, slots=True)
class CaseStatusView:
    """The state of a verification case as the citizen may see it (`broker.assisted.case_status`).

    `question` is a question of staff that the citizen can also answer in this browser. `passkeys` is the provider of
    passkeys, if it is on offer.
    """

    transaction: Transaction
    service: Service
    status: CaseStatus
    offer: Offer
    question: BackchannelRequest | None = None
    passkeys: str | None = None


class Ending(StrEnum):
    """How a transaction ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    EXPIRED = "expired"
    KEPT = "kept"
    """No code was sent: the broker kept the identity for a new request of the service."""
    ALREADY = "already"
    """The service already had the answer: this was another page of the same request."""
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    OTHER_PERSON = "other_person"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class EndingView:
    """The transaction has ended.

    `back` leads the citizen to the service's redirect URI or home page; None if they continue on another device.
    """

    service: Service
    ending: Ending
    back: ClientRedirect | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """No transaction can be displayed for this URL in this browser: unknown handle, lost cookie, other browser.

    `detail` is for the developers of the service: the error in its request in the words of the standard, without
    personal data.
    """

    failure: FailureClass
    service: Service | None = None
    back: str | None = None
    detail: str | None = None


View = (
    PickerView
    | QueueView
    | RedirectAway
    | CheckingView
    | FailureView
    | ConsentView
    | ConfirmationView
    | LinkView
    | CaseStatusView
    | EndingView
    | DeadEnd
)
