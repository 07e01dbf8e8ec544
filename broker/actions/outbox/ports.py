"""Protocol of the outboxes: messages that were written in the transaction of what they report."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


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
