"""Audit rows: written in the transaction of the fact they record. Numbered later, by one sealer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, bindparam, literal_column, select

from broker.model.audit import AuditEvent
from broker.stores.sql.database import AtomicWrite, Database, InsertRows, Parameters, Prepared, Row
from broker.stores.sql.tables import audit

COLUMNS: Final = (
    "kind",
    "at",
    "actor",
    "transaction_id",
    "case_id",
    "client_id",
    "provider",
    "account_id",
    "grant_id",
    "details",
)
"""Columns of an audit row. These columns, in this order, are the content that the hash chain protects."""

_details: Final = msgspec.json.Encoder(order="sorted")


def row(event: AuditEvent) -> Mapping[str, object]:
    """Converts an event to a row of the audit table."""
    return {
        "kind": event.kind,
        "at": event.at,
        "actor": event.actor,
        "transaction_id": event.transaction,
        "case_id": event.case,
        "client_id": event.client_id,
        "provider": event.provider,
        "account_id": event.account,
        "grant_id": event.grant,
        "details": _details.encode(event.details).decode(),
    }


def rows(events: Sequence[AuditEvent]) -> Sequence[Mapping[str, object]]:
    """Converts events to rows of the audit table."""
    return [row(event) for event in events]


def insert_rows(same: Mapping[str, ColumnElement[Any]] | None = None) -> InsertRows:
    """The step of an atomic write that inserts the rows in the parameter `events`; the write itself supplies the
    columns in `same`.

    If the write supplies `fact`, there is one row of a kind for that fact, however often it is written.
    """
    fixed = same or {}
    key = ("fact", "kind") if "fact" in fixed else None
    return InsertRows(audit, "events", tuple(name for name in COLUMNS if name not in fixed), fixed, key)


class SqlAudit:
    """Audit rows in SQL: written with a fact or on their own, reported once they are committed, and read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._receivers: list[Callable[[Sequence[AuditEvent]], None]] = []
        after = bindparam("after", type_=BigInteger)
        self._read = database.prepare(
            select(audit.c.id, *(audit.c[name] for name in COLUMNS))
            .where(audit.c.id > after)
            .order_by(audit.c.id)
            .limit(bindparam("limit", type_=Integer))
        )
        self._write = database.prepare(AtomicWrite(None, (insert_rows(),), select(literal_column("1"))))

    def report_to(self, receiver: Callable[[Sequence[AuditEvent]], None]) -> None:
        """From now on `receiver` gets the events of each write after its commit. It must neither fail nor wait."""
        self._receivers.append(receiver)

    def report(self, events: Sequence[AuditEvent]) -> None:
        """Reports events that were committed."""
        for receiver in self._receivers:
            receiver(events)

    async def perform(self, prepared: Prepared, parameters: Parameters, events: Sequence[AuditEvent]) -> Sequence[Row]:
        """Performs an atomic write that has the step `written`, with these events. Reports them if it took effect."""
        found = await self._database.perform(prepared, {**parameters, "events": rows(events)})
        if found:
            self.report(events)
        return found

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Writes the rows, durably."""
        if events:
            await self.perform(self._write, {}, events)

    async def read(self, after: int, limit: int) -> Sequence[tuple[int, AuditEvent]]:
        """Events with their row ids, starting after id `after`, at most `limit`."""
        rows = await self._database.query(self._read, {"after": after, "limit": limit})
        return [(row[0], read_event(row[1:])) for row in rows]


def read_event(row: Row) -> AuditEvent:
    """Converts the columns COLUMNS of a row to an event."""
    kind, at, actor, transaction, case, client_id, provider, account, grant, details = row
    content = msgspec.json.decode(details, type=dict[str, str])
    return AuditEvent(kind, at, actor, transaction, case, client_id, provider, account, grant, content)
