"""Stores that count audit events once they are committed, and started transactions. Actions do not know of it.

Wiring passes the stores to the actions inside these wrappers, which add nothing but the counting.
"""

from collections.abc import Sequence
from typing import Protocol

from broker.actions.assisted.ports import Cases, CreateCaseResult
from broker.actions.ports import (
    AuditLog,
    Authorizations,
    AuthorizationWrite,
    AuthorizationWritten,
    BackchannelRequests,
    Grants,
    RedeemResult,
    Sessions,
    Transactions,
)
from broker.assisted.case import Case
from broker.journey.transaction import Transaction
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelState
from broker.model.grant import AssertionUse, Grant, StoredToken
from broker.model.notification import Notification
from broker.model.rate_limit import RateLimit
from broker.model.session import EndedSession, LogoutFanOut


class MetricsSink(Protocol):
    """Receives counts. It never fails, never waits, and stores no id of a person or a transaction."""

    def started(self, client_id: str) -> None:
        """A transaction was started for a service."""
        ...

    def recorded(self, events: Sequence[AuditEvent]) -> None:
        """Audit events were committed."""
        ...


class InstrumentedTransactions:
    """Transactions: counts each new one."""

    def __init__(self, inner: Transactions, counts: MetricsSink) -> None:
        self.load = inner.load
        self.save = inner.save
        self.room_from = inner.room_from
        self._inner = inner
        self._counts = counts

    async def create(self, handle: str, transaction: Transaction, limit: int, start: RateLimit | None = None) -> bool:
        """As the store does."""
        created = await self._inner.create(handle, transaction, limit, start)
        if created:
            self._counts.started(transaction.request.client_id)
        return created


class InstrumentedAuthorizations:
    """Authorizations: counts those that were written."""

    def __init__(self, inner: Authorizations, counts: MetricsSink) -> None:
        self.linked_identity = inner.linked_identity
        self.code_issued = inner.code_issued
        self._inner = inner
        self._counts = counts

    async def record(self, answer: AuthorizationWrite) -> AuthorizationWritten | None:
        """As the store does."""
        recorded = await self._inner.record(answer)
        if recorded is not None:
            self._counts.recorded(answer.events)
        return recorded


class InstrumentedGrants:
    """Codes, grants and tokens: counts successful redemptions, refreshes and revocations."""

    def __init__(self, inner: Grants, counts: MetricsSink) -> None:
        self.code = inner.code
        self.token = inner.token
        self.use_assertion = inner.use_assertion
        self.assertion_used = inner.assertion_used
        self.code_for = inner.code_for
        self.token_for = inner.token_for
        self._inner = inner
        self._counts = counts

    async def redeem(
        self,
        digest: str,
        grant: Grant,
        tokens: Sequence[StoredToken],
        assertion: AssertionUse | None,
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """As the store does."""
        outcome = await self._inner.redeem(digest, grant, tokens, assertion, events)
        if outcome is RedeemResult.DONE:
            self._counts.recorded(events)
        return outcome

    async def refresh(
        self, grant: str, access: StoredToken, assertion: AssertionUse | None, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """As the store does."""
        outcome = await self._inner.refresh(grant, access, assertion, events)
        if outcome is RedeemResult.DONE:
            self._counts.recorded(events)
        return outcome

    async def rotate(
        self, digest: str, tokens: Sequence[StoredToken], now: float, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """As the store does."""
        outcome = await self._inner.rotate(digest, tokens, now, events)
        if outcome is RedeemResult.DONE:
            self._counts.recorded(events)
        return outcome

    async def revoke_used(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """As the store does."""
        revoked = await self._inner.revoke_used(digest, client_id, now, event)
        if revoked:
            self._counts.recorded([event])
        return revoked

    async def revoke_code(self, digest: str, now: float, event: AuditEvent) -> None:
        """As the store does. Counts every attempt, also if everything was revoked already."""
        await self._inner.revoke_code(digest, now, event)
        self._counts.recorded([event])

    async def revoke(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """As the store does."""
        revoked = await self._inner.revoke(digest, client_id, now, event)
        if revoked:
            self._counts.recorded([event])
        return revoked


class InstrumentedBackchannelRequests:
    """Backchannel requests: counts new ones, and answers without tokens."""

    def __init__(self, inner: BackchannelRequests, counts: MetricsSink) -> None:
        self.load = inner.load
        self.by_code = inner.by_code
        self.of_case = inner.of_case
        self.poll = inner.poll
        self.account = inner.account
        self.known_as = inner.known_as
        self._inner = inner
        self._counts = counts

    async def create(
        self,
        question: BackchannelRequest,
        use: AssertionUse | None,
        notices: Sequence[Notification],
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """As the store does."""
        outcome = await self._inner.create(question, use, notices, events)
        if outcome is RedeemResult.DONE:
            self._counts.recorded(events)
        return outcome

    async def settle(self, request_id: str, state: BackchannelState, now: float, events: Sequence[AuditEvent]) -> bool:
        """As the store does."""
        settled = await self._inner.settle(request_id, state, now, events)
        if settled:
            self._counts.recorded(events)
        return settled


class InstrumentedSessions:
    """The broker's sessions: counts those that end."""

    def __init__(self, inner: Sessions, counts: MetricsSink) -> None:
        self.load = inner.load
        self._inner = inner
        self._counts = counts

    async def end(self, digest: str, event: AuditEvent, farewell: LogoutFanOut) -> EndedSession | None:
        """As the store does."""
        ended = await self._inner.end(digest, event, farewell)
        if ended is not None:
            self._counts.recorded([event])
        return ended


class InstrumentedAudit:
    """Audit rows written on their own: mostly failures by class."""

    def __init__(self, inner: AuditLog, counts: MetricsSink) -> None:
        self._inner = inner
        self._counts = counts

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """As the store does."""
        await self._inner.write(events)
        self._counts.recorded(events)


class InstrumentedCases:
    """Verification cases: counts each change of state."""

    def __init__(self, inner: Cases, counts: MetricsSink) -> None:
        self.load = inner.load
        self.by_reference = inner.by_reference
        self.by_continuation = inner.by_continuation
        self.by_transaction = inner.by_transaction
        self.queue = inner.queue
        self.held = inner.held
        self.due = inner.due
        self.count_attempt = inner.count_attempt
        self.attempts = inner.attempts
        self.alike = inner.alike
        self._inner = inner
        self._counts = counts

    async def create(
        self, case: Case, events: Sequence[AuditEvent], notices: Sequence[Notification]
    ) -> CreateCaseResult:
        """As the store does."""
        created = await self._inner.create(case, events, notices)
        if created is CreateCaseResult.DONE:
            self._counts.recorded(events)
        return created

    async def save(self, case: Case, events: Sequence[AuditEvent], notices: Sequence[Notification]) -> bool:
        """As the store does."""
        saved = await self._inner.save(case, events, notices)
        if saved:
            self._counts.recorded(events)
        return saved
