"""Tokens of services for themselves (RFC 6749 4.4): issued and revoked with their audit row, in one transaction."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Double, Text, and_, bindparam, insert, select, update

from broker.model.audit import AuditEvent
from broker.model.client_token import ClientToken
from broker.model.grant import AssertionUse
from broker.stores.sql import audit
from broker.stores.sql import used_jtis as uses
from broker.stores.sql.database import AtomicWrite, Conflict, Database
from broker.stores.sql.shared_counters import EPOCH, is_mark
from broker.stores.sql.signal_tables import client_tokens
from broker.stores.sql.tables import shared_counters

_TOKEN: Final = ("digest", "client_id", "scope", "created", "expires", "dpop_jkt", "x5t")


class SqlClientTokens:
    """Tokens of services for themselves, in SQL. Everything older than the current epoch counts as unknown."""

    def __init__(self, database: Database, audit_log: audit.SqlAudit, observe_version: Callable[[int], None]) -> None:
        self._database = database
        self._audit = audit_log
        self._observe_version = observe_version
        c = client_tokens.c
        digest = bindparam("digest", type_=Text)
        live = and_(c.digest == digest, c.revoked.is_(None), c.epoch == EPOCH)
        given = {name: bindparam(name, type_=c[name].type) for name in _TOKEN}
        written = insert(client_tokens).values(**given, epoch=EPOCH).returning(c.digest)
        self._issue = database.prepare(AtomicWrite(written, (uses.insert_use(), audit.insert_rows())))
        self._load = database.prepare(
            select(shared_counters.c.value, *(c[name] for name in _TOKEN))
            .select_from(shared_counters.outerjoin(client_tokens, live))
            .where(is_mark("kill_switches"))
        )
        mine = and_(live, c.client_id == bindparam("client_id", type_=Text))
        revoked = update(client_tokens).where(mine).values(revoked=bindparam("now", type_=Double)).returning(c.digest)
        self._revoke = database.prepare(AtomicWrite(revoked, (audit.insert_rows(),)))

    async def issue(self, token: ClientToken, assertion: AssertionUse | None, event: AuditEvent) -> bool:
        """Writes a token; False, and nothing written, if the client assertion was used before. One round trip."""
        parameters = {name: getattr(token, name) for name in _TOKEN}
        try:
            await self._audit.perform(self._issue, {**parameters, **uses.insert_parameters(assertion)}, [event])
        except Conflict as conflict:
            if conflict.table != uses.TABLE:
                raise
            return False
        return True

    async def load(self, digest: str) -> ClientToken | None:
        """Returns a token that was not revoked, or None. The caller checks expiry. One round trip."""
        row = (await self._database.query(self._load, {"digest": digest}))[0]
        self._observe_version(row[0])
        return None if row[1] is None else ClientToken(*row[1:])

    async def revoke(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes a token of this client; False, and nothing written, if it has no such token."""
        return bool(
            await self._audit.perform(self._revoke, {"digest": digest, "client_id": client_id, "now": now}, [event])
        )
