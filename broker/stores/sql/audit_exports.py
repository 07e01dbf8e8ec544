"""Exports of the audit record in SQL: what was asked for and released, and the sealed rows that they hold."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Double, Integer, Text, bindparam, func, insert, select, update

from broker.model.audit import AuditEvent
from broker.model.audit_export import AuditExport, ExportReason, ExportState, SealedRow
from broker.stores.sql import audit as audit_rows
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.people_tables import audit_exports
from broker.stores.sql.tables import audit

_c: Final = audit_exports.c
_COLUMNS: Final = tuple(column.name for column in _c)
_details: Final = msgspec.json.Decoder(dict[str, str])


class SqlAuditExports:
    """Exports in SQL. Each write is one transaction with its audit row."""

    def __init__(self, database: Database, audit_log: audit_rows.SqlAudit) -> None:
        self._audit = audit_log
        self._database = database
        values = {column.name: bindparam(column.name, type_=column.type) for column in _c}
        asked = insert(audit_exports).values(**values).returning(_c.id)
        self._ask = database.prepare(AtomicWrite(asked, (audit_rows.insert_rows(),)))
        kept = ("state", "decided_by", "decided", "expires", "first", "last", "rows", "sha256", "signature")
        decided = (
            update(audit_exports)
            .where(_c.id == values["id"], _c.state == ExportState.OPEN.value, _c.expires > values["decided"])
            .values(**{name: values[name] for name in kept})
            .returning(_c.id)
        )
        self._decide = database.prepare(AtomicWrite(decided, (audit_rows.insert_rows(),)))
        self._recent = database.prepare(
            select(*_c).order_by(_c.asked.desc(), _c.id).limit(bindparam("limit", type_=Integer))
        )
        self._load = database.prepare(select(*_c).where(_c.id == bindparam("id", type_=Text)))
        number = audit.c.number
        begins, ends = bindparam("begins", type_=Double), bindparam("ends", type_=Double)
        self._span = database.prepare(
            select(func.min(number), func.max(number)).where(
                number.is_not(None), audit.c.at >= begins, audit.c.at < ends
            )
        )
        first, last = bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)
        self._rows = database.prepare(
            select(number, audit.c.hash, *(audit.c[name] for name in audit_rows.COLUMNS))
            .where(number >= first, number <= last)
            .order_by(number)
            .limit(bindparam("limit", type_=Integer))
        )

    async def ask(self, export: AuditExport, event: AuditEvent) -> None:
        """Writes an export that waits."""
        await self._audit.perform(self._ask, _row(export), [event])

    async def decide(self, export: AuditExport, event: AuditEvent) -> bool:
        """Writes an export as it was released or refused. False, and nothing written, if it waits no longer."""
        return bool(await self._audit.perform(self._decide, _row(export), [event]))

    async def recent(self, limit: int) -> Sequence[AuditExport]:
        """The newest exports."""
        return [_export(row) for row in await self._database.query(self._recent, {"limit": limit})]

    async def load(self, export_id: str) -> AuditExport | None:
        """The export with this id."""
        rows = await self._database.query(self._load, {"id": export_id})
        return _export(rows[0]) if rows else None

    async def span(self, begins: float, ends: float) -> tuple[int, int] | None:
        """The first and the last number of the sealed rows of a time; None if there are none."""
        rows = await self._database.query(self._span, {"begins": begins, "ends": ends})
        return None if rows[0][0] is None else (int(rows[0][0]), int(rows[0][1]))

    async def rows(self, first: int, last: int, limit: int) -> Sequence[SealedRow]:
        """The sealed rows with these numbers, at most `limit`."""
        found = await self._database.query(self._rows, {"first": first, "last": last, "limit": limit})
        return [_sealed(row) for row in found]


def _sealed(row: Sequence[Any]) -> SealedRow:
    number, hash_, *columns = row
    content: dict[str, object] = dict(zip(audit_rows.COLUMNS, columns, strict=True))
    content["details"] = _details.decode(str(content["details"]))
    return SealedRow(number, hash_, content)


def _row(export: AuditExport) -> dict[str, object]:
    return {name: getattr(export, name) for name in _COLUMNS} | {
        "reason": export.reason.value,
        "state": export.state.value,
    }


def _export(row: Sequence[Any]) -> AuditExport:
    values = dict(zip(_COLUMNS, row, strict=True))
    return AuditExport(**values | {"reason": ExportReason(values["reason"]), "state": ExportState(values["state"])})
