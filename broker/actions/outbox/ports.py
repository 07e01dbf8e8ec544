"""Protocol of the outboxes: messages that were written in the transaction of what they report."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from broker.model.audit import AuditEvent
from broker.model.notification import NoticeRecord, Notification


class OutboxEntry(Protocol):
    """A message in an outbox. `tries` counts the attempts begun; `expires` is None if it does not expire by itself."""

    @property
    def id(self) -> str:
        """The id of the message."""
        ...

    @property
    def tries(self) -> int:
        """Attempts begun, with this one."""
        ...

    @property
    def expires(self) -> float | None:
        """When the message is of no use any more."""
        ...


Entry = TypeVar("Entry", bound=OutboxEntry, covariant=True)


class Outbox(Protocol[Entry]):
    """Messages of one kind to be sent (database). Other stores write them in the transaction of what they report."""

    async def claim(self, now: float, until: float, limit: int) -> Sequence[Entry]:
        """Claims messages that are due at `now` and claimed by no other process, the oldest first, until `until`.

        Each claim counts as an attempt. After a crash a message may be sent twice; until it expires it is never lost.
        """
        ...

    async def mark_sent(self, message_id: str, now: float, /) -> None:
        """The message was sent: its content is erased."""
        ...

    async def give_up(self, message_id: str) -> None:
        """The message will not be tried again: its content is erased."""
        ...

    async def postpone(self, message_id: str, until: float) -> None:
        """The message is not tried again until then."""
        ...


class Notices(Protocol):
    """Notifications to be sent, and what became of them (database)."""

    def lane(self, way: str) -> Outbox[Notification]:
        """The notifications that are sent this way."""
        ...

    async def give_up(self, notice_id: str, event: AuditEvent) -> None:
        """The notification will not be tried again: its content is erased, with an audit row."""
        ...

    async def withdraw(self, notice_id: str, case_id: str, event: AuditEvent) -> bool:
        """Withdraws a notification of a case that waits and is not being sent, with an audit row. False if it is."""
        ...

    async def letters(self, now: float, limit: int) -> Sequence[tuple[str, NoticeRecord]]:
        """Letters to be posted, the oldest first, with the reference of their case."""
        ...

    async def open_letter(self, notice_id: str, now: float) -> Notification | None:
        """A letter to be posted, with its content; None if it was posted or expired."""
        ...

    async def mark_posted(self, notice_id: str, event: AuditEvent) -> bool:
        """A person posted the letter: its content is erased, with an audit row. False if it was posted before."""
        ...

    async def record_receipt(self, notice_id: str, event: AuditEvent | None) -> bool:
        """Records that a notification arrived, or with an `event` that it did not. False if that is known already."""
        ...

    async def load(self, notice_id: str, now: float) -> NoticeRecord | None:
        """A notification without its content; None if the id is unknown."""
        ...

    async def of_case(self, case_id: str, now: float) -> Sequence[NoticeRecord]:
        """The notifications of a case, the oldest first."""
        ...

    async def undelivered(self, now: float, limit: int) -> Sequence[tuple[str, NoticeRecord]]:
        """Notifications that did not arrive, with the reference of their case, the newest first."""
        ...
