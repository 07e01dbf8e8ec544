"""Data of accounts: what is held of one is read for its citizen, and erased when they leave.

The row of an erased account stays, with its random id and the time of its creation: codes refer to it, which show that
their transactions were answered. They hold no subject any more, and go with their time (`retention`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Double, Text, and_, bindparam, delete, func, literal_column, null, select, update

from broker.crypto.seal import Sealer
from broker.model.account import AccountErasure, AccountRecord, HeldRelease
from broker.model.grant import ReleasedIdentity
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit, grants
from broker.stores.sql.account_rows import lock_account
from broker.stores.sql.database import AtomicWrite, Database, Row, Statement
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.passkey_tables import kept_identities, passkeys
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import (
    accounts,
    authorization_codes,
    backchannel_requests,
    consents,
    identities,
    pairwise_subjects,
    service_blocks,
    session_clients,
    sessions,
    tokens,
)
from broker.stores.sql.tables import grants as grant_table

_account: Final = bindparam("account", type_=Text)
_now: Final = bindparam("now", type_=Double)


class SqlAccountData:
    """What is held of accounts, in SQL."""

    def __init__(
        self, database: Database, sealer: Sealer, session_termination: SessionTermination, audit_log: audit.SqlAudit
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._session_termination = session_termination
        self._deliveries = DeliveryRows(sealer)
        self._releases = SealedCodec(sealer, RecordCodec(ReleasedIdentity))
        self._lock = lock_account(database)
        p, g, c, s = pairwise_subjects.c, grant_table.c, authorization_codes.c, sessions.c
        self._created = database.prepare(select(accounts.c.created).where(accounts.c.id == _account))
        self._subjects = database.prepare(select(p.sector, p.sub).where(p.account_id == _account).order_by(p.sector))
        usable = and_(tokens.c.grant_id == g.id, tokens.c.revoked.is_(None), tokens.c.expires > _now)
        live = and_(g.account_id == _account, g.revoked.is_(None), g.epoch == EPOCH, g.expires > _now)
        self._held = database.prepare(
            select(g.id, g.client_id, g.created, g.sealed, func.max(tokens.c.expires))
            .join_from(grant_table, tokens, usable)
            .where(live)
            .group_by(g.id)
            .order_by(g.created, g.id)
        )
        mine = select(identities.c.digest).where(identities.c.account_id == _account)
        self._ways = database.prepare(mine.limit(1))
        spent = {"redeemed": func.coalesce(c.redeemed, _now), "sealed": null(), "subject": literal_column("''", Text)}
        erasures: tuple[Statement, ...] = (
            delete(passkeys).where(passkeys.c.owner.in_(mine)),
            delete(kept_identities).where(kept_identities.c.digest.in_(mine)),
            delete(identities).where(identities.c.account_id == _account),
            update(authorization_codes).where(c.account_id == _account).values(**spent),
            delete(tokens).where(tokens.c.grant_id.in_(select(g.id).where(g.account_id == _account))),
            delete(grant_table).where(g.account_id == _account),
            delete(session_clients).where(session_clients.c.sid.in_(select(s.sid).where(s.account_id == _account))),
            delete(sessions).where(s.account_id == _account),
            delete(backchannel_requests).where(backchannel_requests.c.account_id == _account),
            delete(consents).where(consents.c.account_id == _account),
            delete(service_blocks).where(service_blocks.c.account_id == _account),
            delete(pairwise_subjects).where(p.account_id == _account),
        )
        self._erasures = tuple(database.prepare(statement) for statement in erasures)
        written = (deliveries_written(), audit.insert_rows())
        self._write = database.prepare(AtomicWrite(None, written, select(literal_column("1"))))

    async def read(self, account: str, now: float) -> AccountRecord | None:
        """What is held of an account at a time, None if it does not exist. Three round trips."""
        key = {"account": account}
        created = await self._database.query(self._created, key)
        if not created:
            return None
        subjects = await self._database.query(self._subjects, key)
        releases = []
        for grant, client, since, sealed, until in await self._database.query(self._held, {**key, "now": now}):
            release = None if sealed is None else self._releases.read(sealed, grants.place(grant))
            if release is not None:
                releases.append(HeldRelease(client, release.claims, since, until))
        return AccountRecord(created[0][0], _by_sector(subjects), tuple(releases))

    async def erase(self, write: AccountErasure) -> bool:
        """Erases what is held of an account. False, and nothing written, if it has no way any more."""
        key = {"account": write.account}
        async with self._database.transaction() as unit:
            await self._lock(unit, write.account)
            subjects = await unit.run(self._subjects, key)
            if not await unit.run(self._ways, key):
                return False
            await self._session_termination.of_account(unit, write.account, write.ended, write.logout_fan_out)
            for statement in self._erasures:
                await unit.run(statement, {**key, "now": write.event.at})
            rows = {
                "deliveries": self._deliveries.rows(write.purged(_by_sector(subjects))),
                "events": audit.rows([write.event]),
            }
            await unit.run(self._write, rows)
        self._audit.report([write.event])
        return True


def _by_sector(rows: Sequence[Row]) -> Mapping[str, str]:
    return {row[0]: row[1] for row in rows}
