"""Protocols of the stores of shared signals."""

from collections.abc import Sequence
from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.event_stream import EventStream
from broker.model.outbound_delivery import OutboundDelivery


class Subjects(Protocol):
    """Citizens as services know them (database)."""

    async def subject(self, account: str, sector: str, client_id: str) -> str | None:
        """The `sub` of an account at a service; None if the service does not know the citizen."""
        ...

    async def is_excluded(self, client_id: str, sub: str) -> bool:
        """Whether the service wants no events about a citizen."""
        ...

    async def of_client(self, client_id: str) -> EventStream | None:
        """The stream of a service."""
        ...


class Streams(Subjects, Protocol):
    """Streams of security events (database)."""

    async def create(self, stream: EventStream, event: AuditEvent) -> bool:
        """Writes a new stream; False if the service has one."""
        ...

    async def save(self, stream: EventStream, event: AuditEvent) -> bool:
        """Saves a stream; False if it was deleted meanwhile. The events that wait for a disabled one are dropped."""
        ...

    async def delete(self, stream: EventStream, event: AuditEvent) -> bool:
        """Deletes a stream and the events that wait. False if there is none."""
        ...

    async def verify(self, stream: EventStream, delivery: OutboundDelivery, now: float, interval: float) -> bool:
        """Stores a verification event; False if the last one was asked for within `interval` seconds."""
        ...

    async def pending(self, stream: EventStream, now: float, limit: int) -> Sequence[OutboundDelivery]:
        """The events that wait for a service, the oldest first."""
        ...

    async def mark_taken(self, client_id: str, ids: Sequence[str], now: float) -> None:
        """The service has these events."""
        ...

    async def drop(self, client_id: str, ids: Sequence[str]) -> None:
        """These events are not sent."""
        ...

    async def exclude(self, client_id: str, sector: str, sub: str, now: float) -> None:
        """From now on the service receives no events about a citizen."""
        ...

    async def include(self, client_id: str, sub: str) -> None:
        """From now on the service receives events about a citizen again."""
        ...
