"""Reminders that a kept identity ends: due ones are found by a moment in the clear; addresses are sealed."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Double, Integer, Text, bindparam, select, update

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.notification import Notification
from broker.model.passkey import DueReminder
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.outbox import NotificationRows, notices_written
from broker.stores.sql.passkey_rows import KeptIdentityRows
from broker.stores.sql.passkey_tables import kept_identities

_now: Final = bindparam("now", type_=Double)


class SqlKeptReminders:
    """Kept identities that end, in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._kept, self._notices = KeptIdentityRows(sealer), NotificationRows(sealer)
        k = kept_identities.c
        self._due = database.prepare(
            select(k.digest, k.expires, k.frozen, k.remind_at, k.case_id, k.reach)
            .where(k.remind_at <= _now)
            .order_by(k.remind_at, k.digest)
            .limit(bindparam("limit", type_=Integer))
        )
        same = (k.digest == bindparam("digest", type_=Text), k.remind_at == bindparam("before", type_=Double))
        moved = update(kept_identities).where(*same).values(remind_at=bindparam("next_at", type_=Double))
        self._reminded = database.prepare(
            AtomicWrite(moved.returning(k.digest), (notices_written(), audit.insert_rows()))
        )

    async def due(self, now: float, limit: int) -> Sequence[DueReminder]:
        """Those whose citizens are to be reminded by now, the earliest first. One round trip."""
        rows = await self._database.query(self._due, {"now": now, "limit": limit})
        return [
            DueReminder(key, expires, frozen is not None, self._kept.read_reach(key, remind_at, case, sealed))
            for key, expires, frozen, remind_at, case, sealed in rows
        ]

    async def reminded(
        self,
        due: DueReminder,
        next_at: float | None,
        notices: Sequence[Notification],
        events: Sequence[AuditEvent],
    ) -> bool:
        """Writes the notices and when the next reminder is due, in one transaction. False if another process did."""
        values = {
            "digest": due.key,
            "before": due.reach.remind_at,
            "next_at": next_at,
            "notices": self._notices.rows(notices),
        }
        return bool(await self._audit.perform(self._reminded, values, events))
