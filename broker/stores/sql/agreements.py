"""What services may do in the name of an account: listed, taken back, blocked. Each change is one transaction with its
audit row, the end of what the service holds, and the messages to it.

A change locks the account's row, then its identities: a sign-in of the citizen comes before it, and what it wrote ends
here, or after it, and finds the agreement taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Double, Text, and_, bindparam, delete, func, literal_column, null, select, update

from broker.crypto.seal import Sealer
from broker.model.account import Agreement, AgreementEnd, Disclosure
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.session import EndedSession
from broker.stores.sql import audit
from broker.stores.sql.account_rows import lock_account
from broker.stores.sql.database import AtomicWrite, Database, Row, UnitOfWork
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import audit as audit_table
from broker.stores.sql.tables import (
    authorization_codes,
    consents,
    grants,
    service_blocks,
    session_clients,
    sessions,
    tokens,
)

ANSWERS: Final = ("service_answered", "identity_kept", "question_confirmed")
"""Kinds of audit rows that say at which level a service learned of the citizen."""

_account: Final = bindparam("account", type_=Text)
_client: Final = bindparam("client_id", type_=Text)
_now: Final = bindparam("now", type_=Double)


class SqlAgreements:
    """Agreements of citizens with services in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._deliveries = DeliveryRows(sealer)
        c, g, b, a = consents.c, grants.c, service_blocks.c, audit_table.c
        self._lock = lock_account(database)
        self._disclosed = database.prepare(
            select(c.client_id, c.claim, c.first_at, c.last_at, c.withdrawn)
            .where(c.account_id == _account)
            .order_by(c.client_id, c.claim)
        )
        self._blocks = database.prepare(select(b.client_id, b.at).where(b.account_id == _account))
        live = and_(g.account_id == _account, g.revoked.is_(None), g.epoch == EPOCH, g.expires > _now)
        usable = and_(tokens.c.grant_id == g.id, tokens.c.revoked.is_(None), tokens.c.expires > _now)
        self._granted = database.prepare(
            select(g.client_id, func.max(tokens.c.expires))
            .join_from(grants, tokens, usable)
            .where(live)
            .group_by(g.client_id)
        )
        last = (
            select(func.max(a.id))
            .where(a.account_id == _account, a.client_id.is_not(None), database.among(a.kind, "kinds"))
            .group_by(a.client_id)
        )
        self._answered = database.prepare(select(*(a[name] for name in audit.COLUMNS)).where(a.id.in_(last)))
        agreed = and_(c.account_id == _account, c.client_id == _client)
        self._known = database.prepare(select(c.claim).where(agreed).limit(1))
        self._withdraw = database.prepare(
            update(consents).where(agreed, c.withdrawn.is_(None)).values(withdrawn=_now).returning(c.claim)
        )
        codes, theirs = authorization_codes.c, and_(g.account_id == _account, g.client_id == _client)
        self._ends = tuple(
            database.prepare(statement)
            for statement in (
                update(authorization_codes)
                .where(codes.account_id == _account, codes.client_id == _client, codes.redeemed.is_(None))
                .values(redeemed=_now, sealed=null()),
                update(tokens)
                .where(tokens.c.grant_id.in_(select(g.id).where(theirs)), tokens.c.revoked.is_(None))
                .values(revoked=_now),
                update(grants).where(theirs, g.revoked.is_(None)).values(revoked=_now, sealed=null()),
            )
        )
        s, took_part = sessions.c, session_clients.c
        mine = and_(s.account_id == _account, s.ended.is_(None), s.epoch == EPOCH)
        self._joined = database.prepare(
            select(s.sid, took_part.subject)
            .join_from(sessions, session_clients, took_part.sid == s.sid)
            .where(mine, took_part.client_id == _client)
            .order_by(s.sid)
        )
        self._leave = database.prepare(
            delete(session_clients).where(
                took_part.client_id == _client, took_part.sid.in_(select(s.sid).where(s.account_id == _account))
            )
        )
        blocked = database.upsert(service_blocks).from_select(
            ["account_id", "client_id", "at"], select(_account, _client, _now).where(literal_column("(1 = 1)"))
        )
        self._block = database.prepare(
            blocked.on_conflict_do_nothing(index_elements=["account_id", "client_id"]).returning(b.at)
        )
        self._unblock = database.prepare(
            delete(service_blocks).where(b.account_id == _account, b.client_id == _client).returning(b.at)
        )
        written = (deliveries_written(), audit.insert_rows())
        self._write = database.prepare(AtomicWrite(None, written, select(literal_column("1"))))

    async def of_account(self, account: str, now: float) -> Sequence[Agreement]:
        """The agreements of an account, those with the latest answer first, and blocked services. Four round trips."""
        key = {"account": account}
        disclosed = [Disclosure(*row) for row in await self._database.query(self._disclosed, key)]
        blocks: Mapping[str, float] = dict(_pairs(await self._database.query(self._blocks, key)))
        granted: Mapping[str, float] = dict(_pairs(await self._database.query(self._granted, {**key, "now": now})))
        answered = await self._database.query(self._answered, {**key, "kinds": ANSWERS})
        levels = [audit.read_event(row) for row in answered]
        found = [
            Agreement(
                client,
                tuple(one for one in disclosed if one.client_id == client),
                next((_level(event) for event in levels if event.client_id == client), None),
                granted.get(client),
                blocks.get(client),
            )
            for client in sorted({*blocks, *(one.client_id for one in disclosed)})
        ]
        return sorted(found, key=lambda one: -one.last)

    async def end(self, write: AgreementEnd) -> bool:
        """Takes back an agreement. False, and nothing written, if there is none that stands; a block also needs one,
        but it may have been taken back."""
        key = {"account": write.account, "client_id": write.client_id, "now": write.event.at}
        async with self._database.transaction() as unit:
            await self._lock(unit, write.account)
            changed = await unit.run(self._withdraw, key)
            if write.block and await unit.run(self._known, key):
                changed = await unit.run(self._block, key) or changed
            if not changed:
                return False
            for statement in self._ends:
                await unit.run(statement, key)
            sent = [*write.deliveries, *await self._logouts(unit, write, key)]
            rows = {"deliveries": self._deliveries.rows(sent), "events": audit.rows([write.event])}
            await unit.run(self._write, rows)
        self._audit.report([write.event])
        return True

    async def unblock(self, account: str, client_id: str, event: AuditEvent) -> bool:
        """Lifts the block of a service. False, and nothing written, if there is none."""
        async with self._database.transaction() as unit:
            await self._lock(unit, account)
            if not await unit.run(self._unblock, {"account": account, "client_id": client_id}):
                return False
            await unit.run(self._write, {"deliveries": [], "events": audit.rows([event])})
        self._audit.report([event])
        return True

    async def _logouts(self, unit: UnitOfWork, write: AgreementEnd, key: Mapping[str, object]) -> Sequence[Any]:
        """The logout tokens of the service for the live sessions in which it took part; it leaves them."""
        joined = await unit.run(self._joined, key)
        await unit.run(self._leave, key)
        ended = [EndedSession(sid, write.account, {write.client_id: subject}) for sid, subject in joined]
        return [delivery for one in ended for delivery in write.logout_fan_out(one)]


def _pairs(rows: Sequence[Row]) -> Sequence[tuple[str, float]]:
    return [(client, value) for client, value in rows]


def _level(event: AuditEvent) -> Level | None:
    """The level that an audit row says."""
    return next((level for level in Level if level.name.lower() == event.details.get("level")), None)
