"""The context of sign-ins: load a transaction with expired deadlines applied, advance and save it, log and audit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from broker.actions.attempt_log import AttemptLog
from broker.actions.browser import Browser
from broker.actions.ports import (
    AccountLinks,
    AuditLog,
    Authorizations,
    BackchannelRequests,
    BrokerCrypto,
    Continuations,
    KillSwitchReader,
    PushedRequests,
    RateLimits,
    Sessions,
    Transactions,
)
from broker.actions.sign_in.ports import SignInFailures
from broker.actions.views import DeadEnd
from broker.crypto.jose import Certificate, KeySet
from broker.crypto.jwe import EncryptionKey
from broker.journey.events import AttemptFailed, Event
from broker.journey.figures import figure_details
from broker.journey.provider_offer import Candidate, Offer, OfferPolicy, offer
from broker.journey.transaction import Transaction, TransactionState
from broker.journey.transitions import advance, due_event
from broker.model.account import ACCOUNT_SERVICE
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.identity import Identity
from broker.model.kill_switches import KillSwitches
from broker.model.lifetimes import SessionTimeouts, TokenLifetimes
from broker.model.provider_policy import ProviderPolicy
from broker.model.rate_limit import RateLimit, RateWindow
from broker.model.service import Service
from broker.model.sign_in_failure import SignInFailure
from broker.platform.log_context import bind_ids
from broker.platform.system import System
from broker.provider import Provider, ProviderFailure, ProviderHealth, ProviderInfo


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A provider with the operator's policy and its callback URL."""

    provider: Provider
    policy: ProviderPolicy
    callback: str


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Lifetimes (seconds) and limits of sign-ins.

    `waiting_refresh` is the longest time between two reloads of the page of a citizen in line.
    By client address: `codes` limits wrong user codes, `starts` new transactions, `help` requests for help, `passkeys`
    answers with a passkey. `tokens` says for how long services may read what was shared.
    """

    code_lifetime: int
    open_transactions: int
    sessions: SessionTimeouts
    codes: RateWindow
    starts: RateWindow
    help: RateWindow
    waiting_refresh: int
    passkeys: RateWindow = RateWindow(60, 600)
    tokens: TokenLifetimes = field(default_factory=TokenLifetimes)


class ProviderRegistry(Protocol):
    """The services and providers as configured now."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...

    @property
    def providers(self) -> Mapping[str, ConfiguredProvider]:
        """Providers by id, in the configured order."""
        ...

    def removed(self, provider: str, since: float) -> bool:
        """Whether a provider that was configured at `since` (seconds since 1970 UTC) no longer is."""
        ...

    def offerable(self, service: Service) -> Sequence[ConfiguredProvider]:
        """The providers that the configuration permits for a service, without a look at all of them."""
        ...

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service to verify a token or a certificate; an empty text fetches none."""
        ...

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """A service's keys of `use` enc, best with one for `alg`. Raises StoreUnavailable if none can be fetched."""
        ...


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """The pages of a citizen's account: `service` stands for them in a transaction, `home` is their URL.

    `fresh_for` is for how many seconds a sign-in permits changes. `reminders` are the spans (seconds) before the end
    of a kept identity at which its citizen is reminded.
    """

    service: Service
    home: str
    fresh_for: int
    reminders: tuple[int, ...] = ()


class DepartureMeter(Protocol):
    """Counters of departures to providers."""

    def departed(self, provider_id: str, /) -> None:
        """Counts a citizen sent to a provider."""
        ...

    def queued(self, provider_id: str, departs: float, /) -> None:
        """Counts a citizen who got a place in line, and departs then (seconds since 1970 UTC)."""
        ...


class DepartureGate(Protocol):
    """Times of departure to providers with a limited rate (ephemeral state)."""

    async def reserve(self, provider: str, rate: float, most: int, now: float) -> float | None:
        """Reserves the next time of departure at so many a second; None, and nothing reserved, if `most` wait.

        At once or earlier if no citizen waits. Asked only for a provider whose rate is limited now.
        """
        ...


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """The operator's settings for sign-ins. `languages` are those of the pages (BCP 47)."""

    issuer: str
    languages: tuple[str, ...]
    offer: OfferPolicy
    limits: SignInLimits
    account: AccountPolicy


@dataclass(frozen=True, slots=True)
class SignInStores:
    """The stores that a sign-in reads and writes: ephemeral state first, then the database."""

    transactions: Transactions
    pushed: PushedRequests
    continuations: Continuations
    rate_limits: RateLimits
    authorizations: Authorizations
    links: AccountLinks
    sessions: Sessions
    backchannel_requests: BackchannelRequests
    audit: AuditLog
    failures: SignInFailures
    kill_switches: KillSwitchReader
    departures: DepartureGate


@dataclass(frozen=True, slots=True)
class SignInMonitoring:
    """The health of a provider by its id, the log of failed attempts, and whether ephemeral state is nearly full.

    `count_start` counts a transaction that was started, `departures` citizens who are sent to a provider or get a place
    in line.
    """

    health: Callable[[str], ProviderHealth]
    attempts: AttemptLog
    overloaded: Callable[[], bool]
    count_start: Callable[[Transaction], None]
    departures: DepartureMeter


@dataclass(frozen=True, slots=True)
class SignInContext:
    """What each action of a sign-in works with, built once."""

    policy: SignInPolicy
    stores: SignInStores
    registry: ProviderRegistry
    crypto: BrokerCrypto
    system: System
    monitoring: SignInMonitoring

    def service(self, transaction: Transaction) -> Service | None:
        """Returns the service of a transaction, or None if a reload removed it."""
        client_id = transaction.request.client_id
        return self.policy.account.service if client_id == ACCOUNT_SERVICE else self.registry.services.get(client_id)

    def candidate(self, provider: str) -> Candidate | None:
        """Returns a provider with its policy and current health."""
        registered = self.registry.providers.get(provider)
        return None if registered is None else self._candidate(registered)

    def candidate_of(self, identity: Identity) -> Candidate | None:
        """Returns the provider of an identity; for one that the broker kept, with the provider that asserted it."""
        found = self.candidate(identity.provider)
        if found is None or identity.source is None:
            return found
        return replace(found, source=self.candidate(identity.source))

    def card(self, provider: str) -> ProviderInfo | None:
        """Returns the card of a configured provider, or None."""
        registered = self.registry.providers.get(provider)
        return None if registered is None else registered.provider.card

    def offer(self, transaction: Transaction, service: Service, switches: KillSwitches, now: float) -> Offer:
        """Returns the providers and help that this transaction is offered now."""
        candidates = [self._candidate(registered) for registered in self.registry.offerable(service)]
        return offer(transaction, candidates, service, switches, now, self.policy.offer)

    def _candidate(self, registered: ConfiguredProvider) -> Candidate:
        card = registered.provider.card
        return Candidate(card, registered.policy, self.monitoring.health(card.id))


async def load_own_transaction(context: SignInContext, handle: str, browser: Browser) -> Transaction | DeadEnd:
    """Returns the transaction of this browser, after applying and saving its expired deadlines."""
    reference = client_id = ""
    for _ in range(2):
        transaction = await context.stores.transactions.load(handle)
        if transaction is None or not browser.holds(transaction.browser):
            return DeadEnd(FailureClass.LOST_PLACE)
        bind_ids(client_id=transaction.request.client_id, reference=transaction.reference)
        due = due_event(transaction, context.system.now()) or _provider_removed(context, transaction)
        if due is None:
            return transaction
        reference, client_id = transaction.reference, transaction.request.client_id
        moved = await advance_transaction(context, handle, transaction, due)
        if moved is not None:
            if isinstance(due, AttemptFailed):
                await record_failed_attempt(context, transaction, due, request_id=browser.request_id)
            return moved
    fault, request_id = FailureClass.OUR_FAULT, browser.request_id
    context.monitoring.attempts.call_operator(fault, reference=reference, client_id=client_id, request_id=request_id)
    return DeadEnd(fault)


def _provider_removed(context: SignInContext, transaction: Transaction) -> AttemptFailed | None:
    """The event of an attempt whose provider a reload removed while the citizen was there."""
    attempt = transaction.attempt
    if attempt is None or transaction.state is not TransactionState.AWAY:
        return None
    removed = context.registry.removed(attempt.provider, attempt.started)
    return AttemptFailed(FailureClass.WAY_CLOSED, attempt.provider) if removed else None


async def create_transaction(
    context: SignInContext, handle: str, transaction: Transaction, start: RateLimit | None = None
) -> bool:
    """Stores a new transaction, and counts it; False, and nothing stored, if a limit is reached (`start`)."""
    bind_ids(client_id=transaction.request.client_id, reference=transaction.reference)
    most = context.policy.limits.open_transactions
    created = await context.stores.transactions.create(handle, transaction, most, start)
    if created:
        context.monitoring.count_start(transaction)
    return created


async def advance_transaction(
    context: SignInContext, handle: str, transaction: Transaction, *events: Event
) -> Transaction | None:
    """Applies events and saves the result in one write.

    Returns the new transaction; the same one if the transition table has no such step; None if a concurrent request
    saved first (then nothing is written).
    """
    after = transaction
    for event in events:
        after = advance(after, event, context.system.now())
    if after is transaction:
        return transaction
    if after.version != transaction.version + 1:
        after = replace(after, version=transaction.version + 1)
    return after if await context.stores.transactions.save(handle, after) else None


async def record_failed_attempt(
    context: SignInContext,
    transaction: Transaction,
    failed: AttemptFailed,
    outcome: ProviderFailure | None = None,
    *,
    request_id: str,
) -> None:
    """Logs a failed attempt for operators, and writes its audit row with what staff find by the reference of the
    transaction. `outcome` is the provider's failure.
    """
    provider, failure = failed.provider, failed.failure
    context.monitoring.attempts.failed(
        provider,
        failure,
        outcome,
        reference=transaction.reference,
        client_id=transaction.request.client_id,
        request_id=request_id,
    )
    detail = {} if outcome is None else {"reason": outcome.reason.value}
    event = audit_event(context, "attempt_failed", transaction, provider=provider, failure=failure, **detail)
    failed_sign_in = SignInFailure(
        reference=transaction.reference,
        at=event.at,
        failure=str(failure),
        reason=detail.get("reason", ""),
        provider=provider,
        client_id=transaction.request.client_id,
        request_id=request_id,
    )
    await context.stores.failures.record(failed_sign_in, [event])


async def code_already_issued(context: SignInContext, transaction: Transaction) -> bool:
    """Returns whether the service has a code of this transaction, or of another one of the same pushed request.

    Read from the database, since pages must be right after a crash and beside a second tab.
    """
    return await context.stores.authorizations.code_issued(transaction.id, transaction.request.par_digest)


def audit_event(context: SignInContext, kind: str, transaction: Transaction, **details: str) -> AuditEvent:
    """Returns an audit event of the citizen about this transaction. `provider` among the details names the provider.

    A sign-in for a service has the details that open data is counted from.
    """
    provider = details.pop("provider", None)
    return AuditEvent(
        kind=kind,
        at=context.system.now(),
        actor="citizen",
        transaction=transaction.id,
        case=transaction.case,
        client_id=transaction.request.client_id,
        provider=provider,
        account=transaction.account,
        details={**details, **figure_details(kind, transaction)},
    )
