"""Provider offer: which providers and further options a citizen gets. Only options that can succeed are offered."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from broker.journey.departures import draw_fallback, fallback_weight
from broker.journey.transaction import FailedAttempt, Transaction
from broker.model.assurance import Level
from broker.model.failures import FAILURES, FailureClass
from broker.model.kill_switches import KillSwitches, KillSwitchKind, ProviderPause
from broker.model.provider_policy import DisplayOrder, Overflow, ProviderPolicy
from broker.model.service import Service
from broker.provider import ProviderHealth, ProviderInfo

_OUTAGES: Final = frozenset({FailureClass.PROVIDER_DOWN, FailureClass.PROVIDER_BUSY})

LEFT_SHOWN: Final = 180 * 24 * 3600
"""Seconds for which a provider that left is named to citizens who may look for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Provider at this moment: its description, the operator's policy, its health.

    `source` is set for an identity that the broker kept: the provider that asserted it, None if that is not configured.
    """

    card: ProviderInfo
    policy: ProviderPolicy
    health: ProviderHealth
    source: "Candidate | None" = None


@dataclass(frozen=True, slots=True)
class OfferPolicy:
    """The operator's settings of the offer. `assisted` is the highest level that assisted verification reaches.

    It is None if assisted verification is not offered.
    """

    order: DisplayOrder
    assisted: Level | None = Level.HIGH


@dataclass(frozen=True, slots=True)
class ProviderOption:
    """Provider that the citizen may choose now. Times are seconds since 1970 UTC.

    `failed` is its last failure in this transaction; `seconds` the current median duration of a sign-in (None: not
    known, then the minutes in its description apply); `closes` is when it stops accepting new users, `closed` whether
    it has already done so, `leaves` when it stops accepting sign-ins; `lines_up` says that a citizen who chooses it
    again while it is busy gets a place in line; `languages` are those of its pages if the
    citizen's language is not among them, `page_languages` those of its pages in any case.
    """

    card: ProviderInfo
    failed: FailedAttempt | None = None
    seconds: float | None = None
    closes: float | None = None
    closed: bool = False
    leaves: float | None = None
    lines_up: bool = False
    languages: tuple[str, ...] = ()
    page_languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnavailableProvider:
    """Provider that fits but is not available now, with the times of the failure and of the last check.

    If the operator paused it, `why` is the reason by language and `until` its end if known. `off` says that the
    operator turned it off, `left` since when it accepts no sign-in any more, `moving` until when its citizens may still
    move to another way (seconds since 1970 UTC).
    """

    card: ProviderInfo
    since: float | None = None
    checked: float | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    until: float | None = None
    off: bool = False
    left: float | None = None
    moving: float | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that one transaction may be offered now.

    `options` are in display order, failed ones last. `hint` is the option that the service hints at, if allowed.
    `fallback` says that the first option takes the place of a provider that does not work, by the operator's shares.
    `reachable` says that a provider of this service reaches the level, working or not; `only` is set if just one does.
    `help` says that assisted verification is available, `help_below` that only the level of the service is too high for
    it. `later` says that the transaction can be continued elsewhere,
    `other_ways` and `contact` that the service registered them; `contacts` are those of providers by id. `blocked_by`
    is set if the service is turned off, or if the redirect URI of the request is no longer registered.
    """

    order: DisplayOrder
    options: tuple[ProviderOption, ...] = ()
    not_working: tuple[UnavailableProvider, ...] = ()
    hint: ProviderOption | None = None
    fallback: bool = False
    reachable: bool = False
    only: ProviderInfo | None = None
    help: bool = False
    help_below: bool = False
    later: bool = False
    other_ways: bool = False
    contact: bool = False
    contacts: Mapping[str, str] = field(default_factory=dict)
    blocked_by: FailureClass | None = None

    @property
    def no_route(self) -> bool:
        """Whether no provider reaches the level. The citizen learns this before the first step."""
        return self.blocked_by is None and not self.reachable

    def option(self, provider: str) -> ProviderOption | None:
        """Option of a provider, or None if it may not be chosen now."""
        return next((option for option in self.options if option.card.id == provider), None)

    def has(self, provider: str) -> bool:
        """Whether a provider may be chosen now."""
        return self.option(provider) is not None


def redirect_uri_removed(transaction: Transaction, service: Service) -> bool:
    """Whether the redirect URI of the request was removed from the service's registration since it arrived.

    A request that is not answered through the browser (CIBA) has no redirect URI.
    """
    uri = transaction.request.redirect_uri
    return uri != "" and not service.redirects_to(uri)


def usable(candidate: Candidate, service: Service, switches: KillSwitches, now: float) -> bool:
    """Whether a provider is enabled for this service now, by configuration, policy and kill switch."""
    return (
        _is_for(candidate, service)
        and candidate.policy.serves(service, now)
        and not switches.is_off(KillSwitchKind.PROVIDER, candidate.card.id)
    )


def _is_for(candidate: Candidate, service: Service) -> bool:
    """Whether the provider is configured for this service, turned off or not."""
    wanted = not service.providers or candidate.card.id in service.providers
    return wanted and candidate.policy.is_for(service.client_id)


def _in_share(transaction: Transaction, candidate: Candidate) -> bool:
    """Whether this browser is one of those in which the provider is offered during a soft launch.

    The order seed is that of the browser, so that a provider does not come and go from one request to the next.
    """
    drawn = hashlib.sha256(f"launch:{transaction.order_seed}:{candidate.card.id}".encode()).digest()
    return int.from_bytes(drawn[:4]) < candidate.policy.share * 2**32 // 100


def _is_off(candidate: Candidate, switches: KillSwitches) -> bool:
    """Whether the operator turned the provider off, by its file or by a kill switch."""
    if not candidate.policy.enabled:
        return True
    return bool(switches.off) and switches.is_off(KillSwitchKind.PROVIDER, candidate.card.id)


def _has_ended(candidate: Candidate, service: Service, now: float) -> bool:
    """Whether the provider is accepted for this service no more."""
    ends = candidate.policy.ends_for(service.client_id)
    return ends is not None and now >= ends


def pause_of(candidate: Candidate, switches: KillSwitches, now: float) -> ProviderPause | None:
    """The pause of a provider now: by command or by its file; None if it is not paused."""
    by_command = switches.pause(candidate.card.id, now) if switches.pauses else None
    return by_command or (candidate.policy.pause(now) if candidate.policy.paused else None)


def offer(
    transaction: Transaction,
    candidates: Sequence[Candidate],
    service: Service,
    switches: KillSwitches,
    now: float,
    policy: OfferPolicy,
) -> Offer:
    """Computes the offer for a transaction (`now` in seconds since 1970 UTC)."""
    contact = service.presentation.contact is not None
    if redirect_uri_removed(transaction, service) or switches.is_off(KillSwitchKind.SERVICE, service.client_id):
        return Offer(policy.order, contact=contact, blocked_by=FailureClass.SERVICE_OFF)
    request = transaction.request
    minimum = request.min_level
    person = policy.assisted if _open_to_help(transaction, service) else None
    fitting, staying = [], []
    for c in candidates:
        if c.card.max_level >= minimum and _is_for(c, service) and (c.policy.share == 100 or _in_share(transaction, c)):
            ends = c.policy.ends_for(service.client_id)
            if ends is None or now < ends:
                staying.append(c)
            if ends is None or now < ends + LEFT_SHOWN:  # citizens look for a provider a while after it has left
                fitting.append(c)
    there = {c.card.id for c in staying}
    if transaction.failures:
        fitting = [c for c in fitting if not _attempts_exhausted(transaction, c.card.id)]
    ordered = sorted(fitting, key=_key(transaction, policy.order))
    working = [
        c
        for c in ordered
        if c.card.id in there and not _is_off(c, switches) and c.health.working and pause_of(c, switches, now) is None
    ]
    able = {c.card.id for c in working}
    stand_in = _stand_in(transaction, ordered, working, now) if policy.order is DisplayOrder.SHUFFLED else None
    options = sorted(
        (_option(transaction, c, service, now) for c in working),
        key=lambda option: (option.failed is not None, option.card.id != stand_in),
    )
    return Offer(
        order=policy.order,
        options=tuple(options),
        not_working=tuple(_not_working(c, service, switches, now) for c in ordered if c.card.id not in able),
        hint=_hinted(transaction, service, options),
        fallback=stand_in is not None,
        reachable=bool(staying),
        only=staying[0].card if len(staying) == 1 else None,
        help=person is not None and person >= minimum,
        help_below=person is not None and person < minimum,
        later=request.to_client
        and bool(service.resumption.initiate_login_uri or service.resumption.resume_uri or service.single_sign_on),
        other_ways=bool(service.presentation.other_ways),
        contact=contact,
        contacts={c.card.id: c.policy.contact for c in candidates if c.policy.contact is not None},
    )


def _stand_in(
    transaction: Transaction, ordered: Sequence[Candidate], working: Sequence[Candidate], now: float
) -> str | None:
    """The provider that takes the first place of one that does not work, if the operator gave them different shares.

    Else None: the order by chance gives each the same share. A citizen whom a provider rejected because it was down or
    busy, or who waits in its line, counts as one who came for it.
    """
    failed = {one.provider for one in transaction.failures}
    if transaction.queue is not None:
        failed.add(transaction.queue.provider)
    first = next((c for c in ordered if not c.policy.has_left(now)), None)
    missed = first is not None and first not in working
    refused = any(one.failure in _OUTAGES for one in transaction.failures)
    if not (missed or refused or transaction.queue is not None):
        return None
    weights = {c.card.id: fallback_weight(c.policy, c.health, now) for c in working if c.card.id not in failed}
    return draw_fallback(transaction.order_seed, weights) if len(set(weights.values())) > 1 else None


def _open_to_help(transaction: Transaction, service: Service) -> bool:
    """Whether assisted verification is open to the transaction: not for a CIBA request or device prompt."""
    return service.assisted and transaction.case is None and transaction.request.to_client


def goes_elsewhere(transaction: Transaction, policy: ProviderPolicy, offer: Offer, provider: str) -> bool:
    """Whether a citizen beyond the provider's rate is first sent to the other ways.

    Only if there is one that has not failed, and once for each citizen: if they choose the provider again, they know
    the others and want this one.
    """
    told = any((one.provider, one.failure) == (provider, FailureClass.PROVIDER_BUSY) for one in transaction.failures)
    others = any(option.card.id != provider and option.failed is None for option in offer.options)
    return policy.overflow is Overflow.OTHERS and others and not told


def _key(transaction: Transaction, order: DisplayOrder) -> Callable[[Candidate], tuple[int, str, str]]:
    """Sort key of candidates. The random order depends on the seed and the id alone, so that adding a provider moves no
    other.
    """

    def key(candidate: Candidate) -> tuple[int, str, str]:
        card = candidate.card
        if order is DisplayOrder.SHUFFLED:
            return 0, _drawn(transaction.order_seed, card.id), card.id
        weight = candidate.policy.weight if order is DisplayOrder.CONFIGURED else 0
        return weight, card.name(transaction.language).casefold(), card.id

    return key


def _drawn(seed: int, provider: str) -> str:
    return hashlib.sha256(f"{seed}:{provider}".encode()).hexdigest()


@lru_cache(maxsize=16)
def measure_first_places(providers: tuple[str, ...], browsers: int) -> Mapping[str, int]:
    """How many of so many made-up browsers have each provider in the first place of the random order.

    Their seeds are made as those of real browsers are: from the SHA-256 of a secret.
    """
    found = dict.fromkeys(providers, 0)
    for number in range(browsers):
        seed = int.from_bytes(hashlib.sha256(f"browser {number}".encode()).digest()[:6])
        found[min(providers, key=lambda provider: _drawn(seed, provider))] += 1
    return found


def _attempts_exhausted(transaction: Transaction, provider: str) -> bool:
    """Whether a provider has reached the limit of a failure in this transaction."""
    happened = [failed.failure for failed in transaction.failures if failed.provider == provider]
    limits = ((failure, FAILURES[failure].tries) for failure in set(happened))
    return any(tries is not None and happened.count(failure) >= tries for failure, tries in limits)


def _option(transaction: Transaction, candidate: Candidate, service: Service, now: float) -> ProviderOption:
    card, policy = candidate.card, candidate.policy
    failures = [failed for failed in transaction.failures if failed.provider == card.id]
    return ProviderOption(
        card=card,
        failed=failures[-1] if failures else None,
        seconds=candidate.health.median,
        closes=policy.accept_new_until,
        closed=not policy.accepts_new(now),
        leaves=policy.ends_for(service.client_id),
        lines_up=policy.overflow is Overflow.OTHERS,
        languages=() if transaction.language in policy.languages else policy.languages,
        page_languages=policy.languages,
    )


def _not_working(candidate: Candidate, service: Service, switches: KillSwitches, now: float) -> UnavailableProvider:
    health, card = candidate.health, candidate.card
    if _has_ended(candidate, service, now):
        policy = candidate.policy
        moving = policy.accept_moving_until if policy.permits_moving(now) else None
        return UnavailableProvider(card, left=policy.accept_sign_in_until, moving=moving)
    if (pause := pause_of(candidate, switches, now)) is not None:
        return UnavailableProvider(card, why=pause.texts, until=pause.until)
    if _is_off(candidate, switches):
        return UnavailableProvider(card, off=True)
    return UnavailableProvider(card, since=health.since, checked=health.checked)


def _hinted(transaction: Transaction, service: Service, options: Sequence[ProviderOption]) -> ProviderOption | None:
    """The first provider that the service hints at and that may be chosen; a failed one is not suggested again."""
    hints = (transaction.request.provider_hint or "").split() if service.provider_hint else []
    able = {option.card.id: option for option in options if option.failed is None}
    return next((able[hint] for hint in hints if hint in able), None)
