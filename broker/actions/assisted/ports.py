"""Ports of assisted verification: what the stores must do. Every write is durable when the method returns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from broker.assisted.case import Case
from broker.assisted.case_work import NO_WORK, CaseWork
from broker.assisted.measures import Key, Measure, Tally, Track
from broker.model.audit import AuditEvent
from broker.model.notification import DeliveryFailed as DeliveryFailed
from broker.model.notification import Notification
from broker.model.passkey import FormerKept
from broker.model.sign_in_failure import SignInFailure
from broker.model.staff import StaffAttempt, StaffDraft, StaffSession
from broker.model.store_results import CreateCaseResult as CreateCaseResult

CountAll = Callable[[Mapping[str, Track], Iterable[AuditEvent]], tuple[Mapping[str, Track | None], Mapping[Key, Tally]]]
"""The rule by which audit rows are counted (`assisted.measures.count_all`)."""


class IdentityKeys(Protocol):
    """Keys of identities (`KeptIdentity.key`)."""

    def key(self, issuer: str, subject: str) -> str:
        """The key of the identity with this issuer and subject."""
        ...


class FormerIdentities(Protocol):
    """Kept identities that cases renew or bind again."""

    async def load(self, key: str) -> FormerKept | None:
        """The kept identity with this key."""
        ...

    async def by_marks(self, marks: Sequence[str]) -> Sequence[FormerKept]:
        """Those whose case bears one of these marks (`Case.fingerprints`), the newest first."""
        ...


class Cases(Protocol):
    """Verification cases. Records are sealed; queries use id, state, reference, digests and times alone."""

    async def create(self, case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> CreateCaseResult:
        """Writes a new case with its audit rows and `work`, in one transaction; nothing unless DONE.

        ONE_OPEN_ALREADY if another case of the same `transaction` is `open`.
        """
        ...

    async def load(self, case_id: str) -> Case | None:
        """The case with this id."""
        ...

    async def by_reference(self, reference: str) -> Case | None:
        """The case with this reference, compared as `model.handle.plain` makes it."""
        ...

    async def by_continuation(self, digest: str) -> Case | None:
        """The case whose unused continuation code has this digest."""
        ...

    async def by_transaction(self, transaction: str) -> Case | None:
        """The newest case of a transaction, by its public id."""
        ...

    async def save(self, case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> bool:
        """Writes on top of `case.version - 1` with audit rows and `work`, in one transaction.

        False, and nothing written, if another process saved the case in between, or if it would be open again beside
        another open one of its transaction.
        """
        ...

    async def by_askers(self, askers: Sequence[str]) -> Sequence[Case]:
        """The open cases with one of these digests of a mark (`Case.asker`), the newest first."""
        ...

    async def count_before(self, case: Case) -> int:
        """How many cases are before a queued one in line."""
        ...

    async def by_holder(self, member: str) -> Sequence[Case]:
        """Cases whose `holder` is this member of staff."""
        ...

    async def due(self, now: float, limit: int) -> Sequence[Case]:
        """Cases whose `due` is not after `now`, the earliest first."""
        ...

    async def count_attempt(self, case_id: str, purpose: str, most: int) -> int | None:
        """Counts one attempt durably, before the code is compared. Returns the attempt's number, from 1.

        None, and nothing counted, if `most` were made already. Concurrent callers get different numbers.
        """
        ...

    async def attempts(self, case_id: str, purpose: str) -> int:
        """How many attempts were counted."""
        ...

    async def count_similar(self, marks: Sequence[str], besides: str) -> int:
        """How many cases other than `besides` bear at least one of these `marks`."""
        ...


class StaffDrafts(Protocol):
    """What staff typed into forms that were refused. The content is sealed, and deleted when its case is closed."""

    async def keep(self, draft: StaffDraft) -> None:
        """Writes a draft in place of an earlier one of the same member, case and form."""
        ...

    async def of_case(self, member: str, case_id: str, now: float) -> Sequence[StaffDraft]:
        """The drafts of a member of staff for a case that have not expired, by form."""
        ...

    async def discard(self, member: str, case_id: str, form: str) -> None:
        """Deletes a draft, if there is one."""
        ...


class FailedSignIns(Protocol):
    """Failed sign-ins, for staff to whom a citizen reads the reference from their page.

    A page that looks one up asks for a reason first and writes an audit row with it, as for a case. The rows hold
    nothing personal: class of failure, provider, time, service and request id.
    """

    async def by_reference(self, reference: str, now: float) -> Sequence[SignInFailure]:
        """The failures with this reference in any notation, the newest first; empty after `sign_in_failure.KEPT`.

        A case that was opened in the same transaction has the same reference.
        """
        ...


class Measures(Protocol):
    """What was counted from the audit record."""

    async def count_sealed(self, count_all: CountAll, /) -> int:
        """Counts a portion of sealed audit rows, each row once. Returns how far it came; 0 at the end of the record."""
        ...

    async def first_uncounted(self) -> float | None:
        """The time of the first sealed audit row that is not counted yet; None if all are."""
        ...

    async def by_month(self, since: str, until: str) -> Mapping[Key, Tally]:
        """What was counted from a day (YYYY-MM-DD) to before another, summed by month."""
        ...

    async def durations(self, measure: Measure, since: str) -> Mapping[str, Mapping[int, int]]:
        """How often a duration was in each bucket since a day, by channel."""
        ...


class Notifier(Protocol):
    """One way of sending notices to citizens."""

    async def deliver(self, notice: Notification) -> None:
        """Sends one notice. Raises DeliveryFailed. To send a notice twice does no harm."""
        ...


Notifiers = Mapping[str, Notifier]
"""The notifier of each way (`ContactMethod`) by which notices can be sent."""


class StaffSessions(Protocol):
    """Staff sign-ins in progress and staff sessions. The caller checks expiry."""

    async def store_attempt(self, attempt: StaffAttempt) -> None:
        """Stores a sign-in in progress."""
        ...

    async def attempt(self, digest: str) -> StaffAttempt | None:
        """The sign-in in progress with this digest, unless it was claimed."""
        ...

    async def claim(self, digest: str) -> bool:
        """Claims a sign-in in progress: of two callers one gets True."""
        ...

    async def start(self, session: StaffSession, replaces: str | None, events: Sequence[AuditEvent]) -> None:
        """Writes a session; `replaces` is the digest of one that ends with it, in the same transaction."""
        ...

    async def load(self, digest: str) -> StaffSession | None:
        """A live session, or None. Sessions older than the current epoch count as unknown."""
        ...

    async def touch(self, digest: str, used: float) -> None:
        """Saves the last use of a session, unless it ended or a later use is saved."""
        ...

    async def end(self, digest: str, event: AuditEvent) -> None:
        """Ends a session with an audit row; writes nothing if it was not live."""
        ...
