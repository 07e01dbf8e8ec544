"""Notes of the operator on the status page, in SQL. Each write is one transaction with its audit row."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Double, Text, bindparam, delete, or_, select

from broker.model.audit import AuditEvent
from broker.model.status_note import StatusNote
from broker.stores.sql import audit as audit_rows
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.open_data_tables import status_notes

_c: Final = status_notes.c
_COLUMNS: Final = tuple(column.name for column in _c)


class SqlStatusNotes:
    """Notes in SQL."""

    def __init__(self, database: Database, audit_log: audit_rows.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        values = {column.name: bindparam(column.name, type_=column.type) for column in _c}
        made = database.upsert(status_notes).values(**values)
        changed = {name: values[name] for name in ("changed", "ended", "texts")}
        written = made.on_conflict_do_update(index_elements=["id"], set_=changed).returning(_c.id)
        then = (audit_rows.insert_rows(),)
        self._write = database.prepare(AtomicWrite(written, then))
        this = _c.id == bindparam("id", type_=Text)
        self._withdraw = database.prepare(AtomicWrite(delete(status_notes).where(this).returning(_c.id), then))
        self._load = database.prepare(select(*_c).where(this))
        self._recent = database.prepare(
            select(*_c)
            .where(or_(_c.ended.is_(None), _c.ended >= bindparam("since", type_=Double)))
            .order_by(_c.began.desc(), _c.id)
        )

    async def write(self, note: StatusNote, event: AuditEvent) -> None:
        """Writes a note, or what changed of it."""
        row = {name: getattr(note, name) for name in _COLUMNS}
        texts = json.dumps(dict(note.texts), ensure_ascii=False)
        await self._audit.perform(self._write, {**row, "texts": texts}, [event])

    async def withdraw(self, note_id: str, event: AuditEvent) -> bool:
        """Deletes a note. False, and nothing written, if there is none with this id."""
        return bool(await self._audit.perform(self._withdraw, {"id": note_id}, [event]))

    async def load(self, note_id: str) -> StatusNote | None:
        """The note with this id."""
        rows = await self._database.query(self._load, {"id": note_id})
        return _note(rows[0]) if rows else None

    async def recent(self, since: float) -> Sequence[StatusNote]:
        """The notes that last or ended after a time, the newest first."""
        return [_note(row) for row in await self._database.query(self._recent, {"since": since})]


def _note(row: Sequence[Any]) -> StatusNote:
    values = dict(zip(_COLUMNS, row, strict=True))
    return StatusNote(**{**values, "texts": json.loads(values["texts"])})
