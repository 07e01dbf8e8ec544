"""Audit rows: written with the fact they tell, in the transaction that makes it. Numbered later, by one sealer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, bindparam, literal_column, select

from broker.model.audit import AuditEvent
from broker.stores.sql.database import AtomicWrite, Database, InsertRows, Row
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
"""What a row says. These columns, in this order, are what the hash chain vouches for."""

_details: Final = msgspec.json.Encoder(order="sorted")


def row(event: AuditEvent) -> Mapping[str, Any]:
    """An event as a row of the audit table."""
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


def rows(events: Sequence[AuditEvent]) -> Sequence[Mapping[str, Any]]:
    """Events as rows of the audit table."""
    return [row(event) for event in events]


def written(same: Mapping[str, ColumnElement[Any]] | None = None) -> InsertRows:
    """The step of a deed that writes the rows in the parameter `events`; columns in `same` are the deed's to say.

    Where the deed says which `fact` it tells, that fact has one row of a kind however often the deed is done.
    """
    fixed = same or {}
    key = ("fact", "kind") if "fact" in fixed else None
    return InsertRows(audit, "events", tuple(name for name in COLUMNS if name not in fixed), fixed, key)


class SqlAudit:
    """Audit rows for facts that stand alone, and the reading of all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        after = bindparam("after", type_=BigInteger)
        self._read = database.prepare(
            select(audit.c.id, *(audit.c[name] for name in COLUMNS))
            .where(audit.c.id > after)
            .order_by(audit.c.id)
            .limit(bindparam("limit", type_=Integer))
        )
        self._write = database.prepare(AtomicWrite(None, (written(),), select(literal_column("1"))))

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Writes the rows, durably."""
        if events:
            await self._database.perform(self._write, {"events": rows(events)})

    async def read(self, after: int, limit: int) -> Sequence[tuple[int, AuditEvent]]:
        """Events with the ids of their rows, from the first id beyond `after` on, at most `limit`."""
        rows = await self._database.query(self._read, {"after": after, "limit": limit})
        return [(row[0], _event(row[1:])) for row in rows]


def _event(row: Row) -> AuditEvent:
    kind, at, actor, transaction, case, client_id, provider, account, grant, details = row
    told = msgspec.json.decode(details, type=dict[str, str])
    return AuditEvent(kind, at, actor, transaction, case, client_id, provider, account, grant, told)
