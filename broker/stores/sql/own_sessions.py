"""The live sessions of one account: listed for its citizen, and ended by them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Text, and_, bindparam, select

from broker.model.account import OwnSession
from broker.model.audit import AuditEvent
from broker.model.session import LogoutFanOut
from broker.stores.sql import sessions as session_rows
from broker.stores.sql.account_rows import lock_account
from broker.stores.sql.database import Database
from broker.stores.sql.digests import Digests
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import session_clients, sessions

_account: Final = bindparam("account", type_=Text)


class SqlOwnSessions:
    """Sessions of accounts in SQL."""

    def __init__(self, database: Database, digests: Digests, session_termination: SessionTermination) -> None:
        self._database = database
        self._session_termination = session_termination
        self._identities = session_rows.identities(digests.sealer)
        self._lock = lock_account(database)
        s, c = sessions.c, session_clients.c
        live = and_(s.account_id == _account, s.ended.is_(None), s.epoch == EPOCH)
        self._live = database.prepare(
            select(s.digest, s.browser, s.created, s.used, s.expires, s.sealed).where(live).order_by(s.used.desc())
        )
        self._services = database.prepare(
            select(s.digest, c.client_id)
            .join_from(sessions, session_clients, c.sid == s.sid)
            .where(live)
            .order_by(c.first_at, c.client_id)
        )

    async def of_account(self, account: str) -> Sequence[OwnSession]:
        """The sessions of an account that were not ended, the one used last first. The caller checks expiry. Two round
        trips."""
        rows = await self._database.query(self._live, {"account": account})
        joined = await self._database.query(self._services, {"account": account})
        found = []
        for digest, browser, created, used, expires, sealed in rows:
            identity = None if sealed is None else self._identities.read(sealed, session_rows.place(digest))
            provider, level = (None, None) if identity is None else (identity.provider, identity.level)
            services = tuple(client for of, client in joined if of == digest)
            found.append(OwnSession(digest, browser or "", provider, level, created, used, expires, services))
        return found

    async def end(self, account: str, digests: Sequence[str], event: AuditEvent, fan_out: LogoutFanOut) -> int:
        """Ends those of these sessions that are the account's, each with its audit row and logout deliveries, in one
        transaction. Returns their number."""
        ended = 0
        async with self._database.transaction() as unit:
            await self._lock(unit, account)
            mine = {row[0] for row in await unit.run(self._live, {"account": account})}
            for digest in sorted(mine.intersection(digests)):
                ended += await self._session_termination.of_digest(unit, digest, event, fan_out) is not None
        return ended
