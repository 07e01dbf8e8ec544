"""Session termination: in one transaction with the audit row and the logout deliveries to services."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Double, Text, and_, bindparam, literal_column, null, select, update

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.session import EndedSession, LogoutFanOut
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Database, Prepared, Row, UnitOfWork
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import session_clients, sessions

_LIVE: Final = and_(sessions.c.ended.is_(None), sessions.c.epoch == EPOCH)


class SessionTermination:
    """Ends sessions within the caller's transaction.

    The session's row is locked first, by itself. A concurrent authorization in this session locks the same row: so its
    service is either found here, or it finds the session ended.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        c, s = sessions.c, session_clients.c
        ended = {"ended": bindparam("now", type_=Double), "sealed": null(), "upstream": null(), "browser": null()}
        over = update(sessions).where(_LIVE).values(**ended)
        self._deliveries = DeliveryRows(sealer)
        self._one = database.prepare(
            over.where(c.digest == bindparam("digest", type_=Text)).returning(c.sid, c.account_id)
        )
        self._all = database.prepare(
            over.where(c.account_id == bindparam("account", type_=Text)).returning(c.sid, c.account_id)
        )
        self._services = database.prepare(
            select(s.sid, s.client_id, s.subject)
            .where(database.among(s.sid, "sids"))
            .order_by(s.sid, s.first_at, s.client_id)
        )
        written = (deliveries_written(), audit.insert_rows())
        self._write = database.prepare(AtomicWrite(None, written, select(literal_column("1"))))

    async def of_digest(
        self, unit: UnitOfWork, digest: str, event: AuditEvent, fan_out: LogoutFanOut
    ) -> EndedSession | None:
        """Ends the session with this digest; None, and nothing written, if it is not live."""
        ended = await self._end(unit, self._one, {"digest": digest}, event, fan_out)
        return ended[0] if ended else None

    async def of_account(self, unit: UnitOfWork, account: str, event: AuditEvent, fan_out: LogoutFanOut) -> int:
        """Ends every session of an account. Returns their number."""
        return len(await self._end(unit, self._all, {"account": account}, event, fan_out))

    async def _end(
        self, unit: UnitOfWork, which: Prepared, key: dict[str, str], event: AuditEvent, fan_out: LogoutFanOut
    ) -> Sequence[EndedSession]:
        rows = await unit.run(which, {**key, "now": event.at})
        if not rows:
            return ()
        took_part = await unit.run(self._services, {"sids": [row[0] for row in rows]})
        ended = [_ended(row, took_part) for row in rows]
        sent = [delivery for one in ended for delivery in fan_out(one)]
        events = [replace(event, account=one.account, details={**event.details, "sid": one.id}) for one in ended]
        await unit.run(self._write, {"deliveries": self._deliveries.rows(sent), "events": audit.rows(events)})
        return ended


def _ended(row: Row, took_part: Sequence[Row]) -> EndedSession:
    return EndedSession(row[0], row[1], {client: subject for sid, client, subject in took_part if sid == row[0]})
