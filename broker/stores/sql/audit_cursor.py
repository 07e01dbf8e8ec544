"""Cursor over sealed audit rows: each row is read once, in portions, in the transaction that stores what it added."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Integer, Text, bindparam, func, literal_column, select

from broker.model.audit import AuditEvent
from broker.stores.sql.audit import COLUMNS, read_event
from broker.stores.sql.centre_tables import measured_rows
from broker.stores.sql.database import Database, UnitOfWork
from broker.stores.sql.tables import audit

PORTION: Final = 2000
"""Numbers of audit rows that are read in one transaction."""


class AuditCursor:
    """The place of one counter in the audit record, by its name. Used under a lease."""

    def __init__(self, database: Database, name: str) -> None:
        self._name = name
        r, number = measured_rows.c, bindparam("number", type_=BigInteger)
        after, last = audit.c.number > number, audit.c.number <= bindparam("last", type_=BigInteger)
        self._cursor = database.prepare(select(r.number).where(r.name == bindparam("name", type_=Text)))
        self._end = database.prepare(select(func.max(audit.c.number)).where(after, last))
        self.rows = database.prepare(
            select(*(audit.c[name] for name in COLUMNS)).where(after, last).order_by(audit.c.number)
        )
        cursor = select(r.number).where(r.name == literal_column(f"'{name}'", Text)).scalar_subquery()
        later = audit.c.number > func.coalesce(cursor, literal_column("0", BigInteger))
        self.first_unread = database.prepare(
            select(audit.c.at).where(later).order_by(audit.c.number).limit(literal_column("1", Integer))
        )
        moved = database.upsert(measured_rows).values(name=bindparam("name", type_=Text), number=number)
        self._move = database.prepare(
            moved.on_conflict_do_update(index_elements=["name"], set_={"number": number}).returning(r.name)
        )

    async def next(self, unit: UnitOfWork) -> tuple[int, Sequence[AuditEvent]]:
        """The next portion, and how many rows the cursor went on: 0 at the end of the sealed rows."""
        found = await unit.run(self._cursor, {"name": self._name})
        before = int(found[0][0]) if found else 0
        span = {"number": before, "last": before + PORTION}
        end = (await unit.run(self._end, span))[0][0]
        if end is None:
            return 0, ()
        events = [read_event(row) for row in await unit.run(self.rows, span)]
        await unit.run(self._move, {"name": self._name, "number": int(end)})
        return int(end) - before, events
