"""Audit rows of one account: its own, the failed attempts of its sign-ins, and what staff did with its cases."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Double, Integer, Text, bindparam, select

from broker.model.audit import AuditEvent
from broker.stores.sql import audit
from broker.stores.sql.database import Database, Prepared
from broker.stores.sql.tables import FAILURE_ROWS, OF_ACCOUNT, OF_CASE
from broker.stores.sql.tables import audit as audit_table

MOST: Final = 5_000
"""Rows that are read of one account, the latest ones."""

_MERGES: Final = 10
"""Accounts that became part of this one, one after the other, of which rows are read."""


class SqlActivity:
    """Reads the audit record for a citizen."""

    def __init__(self, database: Database) -> None:
        self._database = database
        a = audit_table.c
        since = a.at >= bindparam("since", type_=Double)
        rows = select(a.id, *(a[name] for name in audit.COLUMNS))
        limit = bindparam("limit", type_=Integer)
        self._own = database.prepare(
            rows.where(a.account_id == bindparam("account", type_=Text), OF_ACCOUNT, since)
            .order_by(a.id.desc())
            .limit(limit)
        )
        self._failures = database.prepare(
            rows.where(database.among(a.transaction_id, "transactions"), FAILURE_ROWS, since).limit(limit)
        )
        self._cases = database.prepare(rows.where(database.among(a.case_id, "cases"), OF_CASE, since).limit(limit))

    async def of_account(self, account: str, since: float) -> Sequence[AuditEvent]:
        """The rows since a time, the latest first. Three round trips, and one for each account that was merged in."""
        found: dict[int, AuditEvent] = {}
        waiting, seen = [account], {account}
        while waiting:
            rows = await self._read(self._own, {"account": waiting.pop(), "since": since})
            found |= rows
            merged = {event.details["merged"] for event in rows.values() if "merged" in event.details} - seen
            waiting += sorted(merged)[:_MERGES]
            seen |= merged
        transactions = sorted({one.transaction for one in found.values() if one.transaction is not None})
        cases = sorted({one.case for one in found.values() if one.case is not None})
        found |= await self._read(self._failures, {"transactions": transactions, "since": since})
        found |= await self._read(self._cases, {"cases": cases, "since": since})
        return [found[number] for number in sorted(found, reverse=True)[:MOST]]

    async def _read(self, prepared: Prepared, parameters: dict[str, object]) -> dict[int, AuditEvent]:
        rows = await self._database.query(prepared, {**parameters, "limit": MOST})
        return {row[0]: audit.read_event(row[1:]) for row in rows}
