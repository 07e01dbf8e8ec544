"""Audit rows: written with the fact they tell, in the transaction that makes it. Numbered later, by one sealer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, literal_column, select

from broker.model.audit import AuditEvent
from broker.stores.sql.database import Database, Deed, Each
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


def written(same: Mapping[str, ColumnElement[Any]] | None = None) -> Each:
    """The step of a deed that writes the rows in the parameter `events`; columns in `same` are the deed's to say."""
    fixed = same or {}
    return Each(audit, "events", tuple(name for name in COLUMNS if name not in fixed), fixed)


class SqlAudit:
    """Audit rows for facts that stand alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._write = database.prepare(Deed(None, (written(),), select(literal_column("1"))))

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Writes the rows, durably."""
        if events:
            await self._database.perform(self._write, {"events": rows(events)})
