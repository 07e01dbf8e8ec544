"""What a citizen may be offered: every condition stands here, and only real options come out."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from broker.journey.transaction import FailedAttempt, Transaction
from broker.model.assurance import Level
from broker.model.failures import FAILURES, FailureClass, NextStep
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.model.provider_policy import ProviderPolicy
from broker.model.service import Service
from broker.provider import ProviderHealth, ProviderInfo


@dataclass(frozen=True, slots=True)
class Candidate:
    """One provider as it stands now: what it says of itself, the operator's policy for it, how it does."""

    card: ProviderInfo
    policy: ProviderPolicy
    health: ProviderHealth


class DisplayOrder(StrEnum):
    """The published rule by which the picker is ordered."""

    SHUFFLED = "shuffled"
    """By chance, the same throughout a browser session, so that no provider gains by its place."""
    ALPHABETICAL = "alphabetical"
    """By name in the citizen's language."""
    CONFIGURED = "configured"
    """By the operator's weights, then by name."""


@dataclass(frozen=True, slots=True)
class ProviderOption:
    """A provider that may be chosen now. Times are seconds since 1970 UTC.

    `failed` is what last happened with it in this transaction; `seconds` how long it usually takes now (None: not
    known, then the card's minutes hold); `closes` is when it takes no more newcomers, `closed` whether it already
    does not, `leaves` when it leaves the scheme; `languages` are those its pages speak, where the citizen's own is
    not among them.
    """

    card: ProviderInfo
    failed: FailedAttempt | None = None
    seconds: float | None = None
    closes: float | None = None
    closed: bool = False
    leaves: float | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnavailableProvider:
    """A provider that would do but cannot be chosen now: told in words, since when and as of when.

    Where the operator paused it, `why` holds the reason by language and `until` its end, if that is known.
    """

    card: ProviderInfo
    since: float | None = None
    checked: float | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything one transaction may be offered now.

    `options` in the order of the page, those that already failed last. `hinted` is the option the service points to, if
    it may.
    `reachable` says that some provider of this service reaches the level, be it working now or not. `help` says that
    a person can be asked for, `later` that the transaction can be finished elsewhere, `other_ways` and `contact` that
    the service named them; `contacts` are those of providers by id. `barred` is set when the service itself is off,
    or an answer could go nowhere because its address was taken out of the service's file.
    """

    order: DisplayOrder
    options: tuple[ProviderOption, ...] = ()
    not_working: tuple[UnavailableProvider, ...] = ()
    hinted: ProviderOption | None = None
    reachable: bool = False
    help: bool = False
    later: bool = False
    other_ways: bool = False
    contact: bool = False
    contacts: Mapping[str, str] = field(default_factory=dict)
    blocked_by: FailureClass | None = None

    @property
    def no_route(self) -> bool:
        """Whether nothing can ever reach the level: to be said before any effort is spent."""
        return self.blocked_by is None and not self.reachable

    def option(self, provider: str) -> ProviderOption | None:
        """The option of a provider, or None if it may not be chosen now."""
        return next((option for option in self.options if option.card.id == provider), None)

    def has(self, provider: str) -> bool:
        """Whether a provider may be chosen now."""
        return self.option(provider) is not None


def unanswerable(transaction: Transaction, service: Service) -> bool:
    """Whether the address where the answer should go was taken out of the service's file since the request came.

    A request that is answered elsewhere, and not through the browser, has no such address.
    """
    uri = transaction.request.redirect_uri
    return uri != "" and not service.redirects_to(uri)


def usable(candidate: Candidate, service: Service, switches: KillSwitches, now: float) -> bool:
    """Whether a provider is enabled for this service now, by configuration, by policy and by switch."""
    id = candidate.card.id
    wanted = not service.providers or id in service.providers
    return wanted and candidate.policy.serves(service, now) and not switches.is_off(KillSwitchKind.PROVIDER, id)


def offer(
    transaction: Transaction,
    candidates: Sequence[Candidate],
    service: Service,
    switches: KillSwitches,
    now: float,
    order: DisplayOrder,
    assisted: Level | None = Level.HIGH,
) -> Offer:
    """What this transaction may be offered now (`now` in seconds since 1970 UTC).

    `assisted` is the highest level that help from a person can reach here (None: there is no such help).
    """
    if unanswerable(transaction, service) or switches.is_off(KillSwitchKind.SERVICE, service.client_id):
        return Offer(order, contact=service.contact is not None, blocked_by=FailureClass.SERVICE_OFF)
    request = transaction.request
    minimum = request.min_level
    reaching = [c for c in candidates if usable(c, service, switches, now) and c.card.max_level >= minimum]
    allowed = [c for c in reaching if not _spent(transaction, c.card.id)]
    ordered = sorted(allowed, key=_key(transaction, order))
    working = [c for c in ordered if c.health.working and not c.policy.is_paused(now)]
    options = sorted((_option(transaction, c, now) for c in working), key=lambda option: option.failed is not None)
    return Offer(
        order=order,
        options=tuple(options),
        not_working=tuple(_not_working(c, now) for c in ordered if c not in working),
        hinted=_hinted(transaction, service, options),
        reachable=bool(reaching),
        help=_help(transaction, service, assisted),
        later=request.question is None
        and bool(service.initiate_login_uri or service.resume_uri or service.single_sign_on),
        other_ways=bool(service.other_ways),
        contact=service.contact is not None,
        contacts={c.card.id: c.policy.contact for c in candidates if c.policy.contact is not None},
    )


def _help(transaction: Transaction, service: Service, assisted: Level | None) -> bool:
    """Whether a person can help: not where a question is answered, which a person or a service is asking already."""
    request = transaction.request
    open_to_it = service.assisted and transaction.case is None and request.question is None
    return open_to_it and assisted is not None and assisted >= request.min_level


def next_steps(transaction: Transaction, offer: Offer, failed: FailedAttempt) -> tuple[NextStep, ...]:
    """What the citizen can really do after a failure, in the order of the page.

    Where a case is already open, its status stands in the place of asking for help.
    """
    steps = list(FAILURES[failed.failure].next)
    if transaction.case is not None and NextStep.STATUS not in steps:
        steps = [NextStep.STATUS if step is NextStep.HELP else step for step in steps]
    return tuple(step for step in steps if _real(step, transaction, offer, failed.provider or ""))


def _real(step: NextStep, transaction: Transaction, offer: Offer, provider: str) -> bool:
    others = sum(option.card.id != provider for option in offer.options)
    match step:
        case NextStep.RETRY | NextStep.RESUME | NextStep.STEP_UP:
            return offer.has(provider)
        case NextStep.ANOTHER:
            return others > 0
        case NextStep.WHAT_YOU_HAVE:
            return others > 1
        case NextStep.HELP:
            return offer.help
        case NextStep.STATUS | NextStep.CHANGE_HELP | NextStep.WITHDRAW:
            return transaction.case is not None
        case NextStep.LATER:
            return offer.later and transaction.open
        case NextStep.WHAT_AND_WHY:
            return bool(transaction.request.requested_claims)
        case NextStep.CONTACT:
            return offer.contact
        case NextStep.CONTACT_PROVIDER:
            return provider in offer.contacts
        case NextStep.OTHER_WAYS:
            return offer.other_ways
        case NextStep.USE_CODE | NextStep.START_AGAIN | NextStep.HOME:
            return True


def _key(transaction: Transaction, order: DisplayOrder) -> Callable[[Candidate], tuple[int, str, str]]:
    """What candidates are sorted by. Chance comes from the seed alone, and a provider more or less moves no other."""

    def key(candidate: Candidate) -> tuple[int, str, str]:
        card = candidate.card
        name = card.name(transaction.language).casefold()
        match order:
            case DisplayOrder.SHUFFLED:
                return 0, hashlib.sha256(f"{transaction.order_seed}:{card.id}".encode()).hexdigest(), card.id
            case DisplayOrder.ALPHABETICAL:
                return 0, name, card.id
            case DisplayOrder.CONFIGURED:
                return candidate.policy.weight, name, card.id

    return key


def given_up(transaction: Transaction, failed: FailedAttempt) -> bool:
    """Whether this failure is why its provider is not offered again in this transaction."""
    tries = FAILURES[failed.failure].tries
    alike = sum((one.failure, one.provider) == (failed.failure, failed.provider) for one in transaction.failures)
    return tries is not None and failed.provider is not None and alike >= tries


def _spent(transaction: Transaction, provider: str) -> bool:
    """Whether a provider failed in a way that makes another try in this transaction vain."""
    happened = [failed.failure for failed in transaction.failures if failed.provider == provider]
    limits = ((failure, FAILURES[failure].tries) for failure in set(happened))
    return any(tries is not None and happened.count(failure) >= tries for failure, tries in limits)


def _option(transaction: Transaction, candidate: Candidate, now: float) -> ProviderOption:
    card, policy = candidate.card, candidate.policy
    failures = [failed for failed in transaction.failures if failed.provider == card.id]
    return ProviderOption(
        card=card,
        failed=failures[-1] if failures else None,
        seconds=candidate.health.median,
        closes=policy.accept_new_until,
        closed=not policy.accepts_new(now),
        leaves=policy.accept_sign_in_until,
        languages=() if transaction.language in policy.languages else policy.languages,
    )


def _not_working(candidate: Candidate, now: float) -> UnavailableProvider:
    health, policy = candidate.health, candidate.policy
    if policy.is_paused(now):
        return UnavailableProvider(candidate.card, why=policy.paused, until=policy.paused_until)
    return UnavailableProvider(candidate.card, since=health.since, checked=health.checked)


def _hinted(transaction: Transaction, service: Service, options: Sequence[ProviderOption]) -> ProviderOption | None:
    hint = transaction.request.provider_hint if service.provider_hint else None
    return next((option for option in options if option.card.id == hint and option.failed is None), None)
