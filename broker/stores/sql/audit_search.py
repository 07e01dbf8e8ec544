"""Search in the audit record: in windows of row ids, from the newest, so that each statement ends in time."""

from typing import Any, Final

from sqlalchemy import BigInteger, Double, Integer, Text, bindparam, func, select

from broker.model.audit import AuditEvent
from broker.model.audit_search import AuditQuery
from broker.stores.sql.audit import COLUMNS, read_event
from broker.stores.sql.database import Database
from broker.stores.sql.tables import audit

WINDOW: Final = 50_000
"""Row ids that one statement goes through if no index serves it."""

_TEXTS: Final = {
    "kind": audit.c.kind,
    "actor": audit.c.actor,
    "client_id": audit.c.client_id,
    "provider": audit.c.provider,
    "account": audit.c.account_id,
    "case": audit.c.case_id,
    "transaction": audit.c.transaction_id,
}
_INDEXED: Final = frozenset({"account", "case"})


class SqlAuditSearch:
    """Searches audit rows in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = database.prepare(select(func.max(audit.c.id)))
        one = bindparam("id", type_=BigInteger)
        self._one = database.prepare(select(audit.c.id, *(audit.c[name] for name in COLUMNS)).where(audit.c.id == one))

    async def row(self, number: int) -> tuple[int, AuditEvent] | None:
        """The row with this id."""
        found = await self._database.query(self._one, {"id": number})
        return (found[0][0], read_event(found[0][1:])) if found else None

    async def search(self, want: AuditQuery, limit: int) -> list[tuple[int, AuditEvent]]:
        """The newest rows that fulfil all conditions, the oldest first, with their ids; at most `limit`."""
        given = {name: value for name in _TEXTS if (value := getattr(want, name)) is not None}
        conditions: list[Any] = [_TEXTS[name] == bindparam(name, type_=Text) for name in given]
        values: dict[str, Any] = {**given}
        if want.since is not None:
            conditions.append(audit.c.at >= bindparam("since", type_=Double))
            values["since"] = want.since
        if want.until is not None:
            conditions.append(audit.c.at < bindparam("until", type_=Double))
            values["until"] = want.until
        after, most = bindparam("after", type_=BigInteger), bindparam("most", type_=BigInteger)
        statement = self._database.prepare(
            select(audit.c.id, *(audit.c[name] for name in COLUMNS))
            .where(audit.c.id > after, audit.c.id <= most, *conditions)
            .order_by(audit.c.id.desc())
            .limit(bindparam("limit", type_=Integer))
        )
        [[newest]] = await self._database.query(self._last, {})
        found: list[tuple[int, AuditEvent]] = []
        high = newest or 0
        while high > 0 and len(found) < limit:
            low = 0 if _INDEXED & given.keys() else max(high - WINDOW, 0)
            place = {**values, "after": low, "most": high, "limit": limit - len(found)}
            found += [(row[0], read_event(row[1:])) for row in await self._database.query(statement, place)]
            high = low
        return found[::-1]
