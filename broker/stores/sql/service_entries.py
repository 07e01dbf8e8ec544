"""The history of the register of services in SQL, written by one process at a time with its audit rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Double, Text, bindparam, insert, literal_column, select

from broker.model.service_entry import ServiceEntry
from broker.stores.sql.audit import SqlAudit, insert_rows, rows
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.open_data_tables import service_entries

_LEASE: Final = "services"

Decide = Callable[[Mapping[str, ServiceEntry]], Sequence[ServiceEntry]]
"""Takes the latest entry of each service; returns the new ones."""


class SqlServiceEntries:
    """The history in SQL."""

    def __init__(self, database: Database, audit_log: SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        c = service_entries.c
        self._all = database.prepare(select(c.client_id, c.at, c.level, c.claims).order_by(c.at, c.client_id))
        values = {name: bindparam(name, type_=Text) for name in ("client_id", "level", "claims")}
        self._add = database.prepare(insert(service_entries).values(**values, at=bindparam("at", type_=Double)))
        self._written = database.prepare(AtomicWrite(None, (insert_rows(),), select(literal_column("1"))))

    async def record(self, decide: Decide) -> Sequence[ServiceEntry]:
        """Records what `decide` says. Returns it: nothing also if another process records at present."""
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return ()
            found = [_entry(row) for row in await unit.run(self._all, {})]
            new = decide({entry.client_id: entry for entry in found})
            for one in new:
                claims = " ".join(one.claims)
                values = {"client_id": one.client_id, "at": one.at, "level": one.level, "claims": claims}
                await unit.run(self._add, values)
            events = [one.event() for one in new]
            if events:
                await unit.run(self._written, {"events": rows(events)})
        self._audit.report(events)
        return new

    async def history(self) -> Sequence[ServiceEntry]:
        """Every entry, the oldest first."""
        return [_entry(row) for row in await self._database.query(self._all, {})]


def _entry(row: Sequence[object]) -> ServiceEntry:
    client_id, at, level, claims = row
    return ServiceEntry(str(client_id), float(str(at)), str(level), tuple(str(claims).split()))
