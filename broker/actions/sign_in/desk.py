"""What signing in works with, and the few steps that every verb of it begins and ends with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from broker.actions.attempt_log import AttemptLog
from broker.actions.browser import Browser
from broker.actions.needs import (
    Answers,
    Audit,
    Continuations,
    Limits,
    PushedRequests,
    Questions,
    Sessions,
    Signing,
    SwitchBoard,
    Transactions,
)
from broker.actions.views import Lost
from broker.ambient import Ambient
from broker.jose import Certificate, KeySet
from broker.journey.events import AttemptFailed, Event
from broker.journey.offer import Candidate, Offer, OrderRule, offer
from broker.journey.table import advance, overdue
from broker.journey.transaction import Transaction
from broker.jwe import EncryptionKey
from broker.model.allowance import Rate
from broker.model.assurance import Ladder, Level
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.listing import Listing
from broker.model.service import Service
from broker.model.switches import Switches
from broker.provider import Failure, Health, Provider

WORKING: Final = Health(True)
"""What is taken for the health of a provider that nobody looked at yet."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A provider as this broker runs it: with the operator's policy and a callback of its own."""

    provider: Provider
    policy: Listing
    callback: str


@dataclass(frozen=True, slots=True)
class Limited:
    """Numbers that bound a journey. Times in seconds.

    By client address: `codes` are wrong codes of questions, `starts` new transactions, `help` requests for a person.
    """

    code_lifetime: int
    open_transactions: int
    session_idle: int
    session_absolute: int
    codes: Rate
    starts: Rate
    help: Rate


class Catalogue(Protocol):
    """The services and providers as configured now."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by client id."""
        ...

    @property
    def providers(self) -> Mapping[str, Registered]:
        """Providers by id, in the configured order."""
        ...

    async def keys(self, client_id: str, proof: str | Certificate) -> KeySet:
        """The public keys of a service to verify a token or a certificate with; for an empty text none are fetched."""
        ...

    async def encryption_keys(self, service: Service, alg: str) -> Sequence[EncryptionKey]:
        """A service's keys of `use` enc, best with one for `alg`. Raises Unavailable where none can be fetched."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that signing in needs, built once. `assisted` is the highest level that a person's help can reach."""

    issuer: str
    ladder: Ladder
    languages: tuple[str, ...]
    assisted: Level | None
    order: OrderRule
    limited: Limited
    catalogue: Catalogue
    keys: Signing
    health: Callable[[], Mapping[str, Health]]
    ambient: Ambient
    transactions: Transactions
    pushed: PushedRequests
    continuations: Continuations
    limits: Limits
    answers: Answers
    sessions: Sessions
    questions: Questions
    audit: Audit
    attempts: AttemptLog
    switches: SwitchBoard
    mac: Callable[[str, bytes], bytes]
    crowded: Callable[[], bool]

    def service(self, transaction: Transaction) -> Service | None:
        """The service a transaction belongs to, or None if it was taken out of the configuration."""
        return self.catalogue.services.get(transaction.request.client_id)

    def candidate(self, provider: str) -> Candidate | None:
        """A provider with its policy and its health now."""
        registered = self.catalogue.providers.get(provider)
        return None if registered is None else _candidate(provider, registered, self.health())

    def offer(self, transaction: Transaction, service: Service, switches: Switches, now: float) -> Offer:
        """What this transaction may be offered now."""
        health = self.health()
        candidates = [_candidate(id, registered, health) for id, registered in self.catalogue.providers.items()]
        return offer(transaction, candidates, service, switches, now, self.order, assisted=self.assisted)


def _candidate(id: str, registered: Registered, health: Mapping[str, Health]) -> Candidate:
    return Candidate(registered.provider.card, registered.policy, health.get(id) or WORKING)


async def mine(desk: Desk, handle: str, browser: Browser) -> Transaction | Lost:
    """The transaction of this browser as it stands now: whatever fell due since it was last looked at has happened."""
    reference = client_id = ""
    for _ in range(2):
        transaction = await desk.transactions.load(handle)
        if transaction is None or not browser.holds(transaction.browser):
            return Lost(FailureClass.LOST_PLACE)
        due = overdue(transaction, desk.ambient.now())
        if due is None:
            return transaction
        reference, client_id = transaction.reference, transaction.request.client_id
        moved = await step(desk, handle, transaction, due)
        if moved is not None:
            if isinstance(due, AttemptFailed):
                await record_failed_attempt(desk, transaction, due, request_id=browser.request_id)
            return moved
    fault, request_id = FailureClass.OUR_FAULT, browser.request_id
    desk.attempts.call_operator(fault, reference=reference, client_id=client_id, request_id=request_id)
    return Lost(fault)


async def step(desk: Desk, handle: str, transaction: Transaction, *events: Event) -> Transaction | None:
    """Lets events happen and saves the outcome in one write.

    Returns the transaction as it is afterwards, unchanged where the table knows no such step; None when somebody else
    wrote in between (then nothing of this happened).
    """
    after = transaction
    for event in events:
        after = advance(after, event, desk.ambient.now())
    if after is transaction:
        return transaction
    if after.version != transaction.version + 1:
        after = replace(after, version=transaction.version + 1)
    return after if await desk.transactions.save(handle, after) else None


async def record_failed_attempt(
    desk: Desk, transaction: Transaction, failed: AttemptFailed, outcome: Failure | None = None, *, request_id: str
) -> None:
    """Logs a failed attempt for operators and writes its audit row. `outcome` is what the provider's part said."""
    provider, failure = failed.provider, failed.failure
    desk.attempts.failed(
        provider,
        failure,
        outcome,
        reference=transaction.reference,
        client_id=transaction.request.client_id,
        request_id=request_id,
    )
    detail = {} if outcome is None else {"reason": outcome.reason.value}
    await desk.audit.write([event(desk, "attempt_failed", transaction, provider=provider, failure=failure, **detail)])


async def answered_before(desk: Desk, transaction: Transaction) -> bool:
    """Whether the service has a code of this transaction, or of another one of the same pushed request.

    What a page says of what the service knows must hold after a crash and beside a second tab, so it is asked of SQL.
    """
    return await desk.answers.told(transaction.id, transaction.request.pushed)


def event(desk: Desk, kind: str, transaction: Transaction, **details: str) -> AuditEvent:
    """An audit event of the citizen's, about this transaction. `provider` among the details names the provider."""
    provider = details.pop("provider", None)
    return AuditEvent(
        kind=kind,
        at=desk.ambient.now(),
        actor="citizen",
        transaction=transaction.id,
        case=transaction.case,
        client_id=transaction.request.client_id,
        provider=provider,
        account=transaction.account,
        details=details,
    )
