"""Stops of accounts: everything open ends in one transaction, and a way is stopped or turned on again."""

from typing import Final

from sqlalchemy import Double, Text, and_, bindparam, exists, func, literal_column, null, or_, select, update

from broker.crypto.seal import Sealer
from broker.model.account import AccountStop, WayStop
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.stores.sql import audit
from broker.stores.sql.account_rows import lock_account
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.tables import authorization_codes, grants, identities, tokens

_account: Final = bindparam("account", type_=Text)
_now: Final = bindparam("now", type_=Double)


class SqlAccountStops:
    """Stops accounts, in SQL."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        session_termination: SessionTermination,
        proved_sessions: ProvedSessions,
        audit_log: audit.SqlAudit,
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._session_termination = session_termination
        self._proved_sessions = proved_sessions
        self._deliveries = DeliveryRows(sealer)
        self._lock = lock_account(database)
        i, c, g = identities.c, authorization_codes.c, grants.c
        stale = or_(i.fresh_after.is_(None), i.fresh_after < _now)
        self._ends = tuple(
            database.prepare(statement)
            for statement in (
                update(identities).where(i.account_id == _account, stale).values(fresh_after=_now),
                update(authorization_codes)
                .where(c.account_id == _account, c.redeemed.is_(None))
                .values(redeemed=_now, sealed=null()),
                update(tokens)
                .where(tokens.c.grant_id.in_(select(g.id).where(g.account_id == _account)), tokens.c.revoked.is_(None))
                .values(revoked=_now),
                update(grants).where(g.account_id == _account, g.revoked.is_(None)).values(revoked=_now, sealed=null()),
            )
        )
        way = and_(i.account_id == _account, i.digest == bindparam("way", type_=Text))
        self._stop = database.prepare(update(identities).where(way, i.stopped.is_(None)).values(stopped=_now))
        others, lowest = identities.alias("others"), int(Level.LOW)
        another = exists(
            select(others.c.digest).where(
                others.c.account_id == i.account_id,
                others.c.digest != i.digest,
                others.c.stopped.is_(None),
                func.coalesce(others.c.level, lowest) >= func.coalesce(i.level, lowest),
            )
        )
        self._stop_way = database.prepare(
            update(identities).where(way, i.stopped.is_(None), another).values(stopped=_now).returning(i.digest)
        )
        self._resume = database.prepare(
            update(identities).where(way, i.stopped.is_not(None)).values(stopped=null()).returning(i.digest)
        )
        written = (deliveries_written(), audit.insert_rows())
        self._write = database.prepare(AtomicWrite(None, written, select(literal_column("1"))))

    async def stop(self, write: AccountStop) -> bool:
        """Stops an account. False, and nothing written, if it does not exist any more."""
        key = {"account": write.account, "now": write.event.at}
        async with self._database.transaction() as unit:
            if not await self._lock(unit, write.account):
                return False
            for statement in self._ends:
                await unit.run(statement, key)
            if write.way is not None:
                await unit.run(self._stop, {**key, "way": write.way})
            await self._session_termination.of_account(unit, write.account, write.ended, write.logout_fan_out)
            rows = {"deliveries": self._deliveries.rows(write.deliveries), "events": audit.rows([write.event])}
            await unit.run(self._write, rows)
        self._audit.report([write.event])
        return True

    async def stop_way(self, write: WayStop) -> bool:
        """Stops one way. False, and nothing written, if it is none of the account's, stopped already, or no other way
        that can be used proves as much."""
        key = {"account": write.account, "way": write.way, "now": write.event.at}
        async with self._database.transaction() as unit:
            await self._lock(unit, write.account)
            if not await unit.run(self._stop_way, key):
                return False
            await self._proved_sessions.end(unit, write.account, write.way, write.ended, write.logout_fan_out)
            await unit.run(self._write, {"deliveries": [], "events": audit.rows([write.event])})
        self._audit.report([write.event])
        return True

    async def resume(self, account: str, way: str, event: AuditEvent) -> bool:
        """Turns a stopped way on again. False, and nothing written, if it is none of the account's."""
        async with self._database.transaction() as unit:
            await self._lock(unit, account)
            if not await unit.run(self._resume, {"account": account, "way": way}):
                return False
            await unit.run(self._write, {"deliveries": [], "events": audit.rows([event])})
        self._audit.report([event])
        return True
