"""Events of providers: sessions, grants, codes and the way that they end, in one transaction with the audit row."""

from dataclasses import replace
from typing import Final

from sqlalchemy import Double, Text, and_, bindparam, delete, literal_column, null, or_, select, update

from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse, ReleasedIdentity
from broker.model.provider_event import EventEffect, ProviderEvent
from broker.model.session import LogoutFanOut, UpstreamLogout
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit, used_jtis
from broker.stores.sql.database import AtomicWrite, Conflict, Database, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.passkey_rows import KEPT, KeptIdentityRows
from broker.stores.sql.passkey_tables import kept_identities
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import authorization_codes, grants, identities, tokens
from broker.stores.sql.upstream_logouts import SqlUpstreamLogouts

REMEMBERED: Final = 8 * 86_400
"""Seconds for which the `jti` of an event is stored: longer than its token is accepted."""

_ENDS: Final = frozenset({EventEffect.END_SESSIONS, EventEffect.END_ALL, EventEffect.SUSPEND, EventEffect.REMOVE})
_REVOKES: Final = _ENDS - {EventEffect.END_SESSIONS}


class SqlProviderEvents:
    """Applies events of providers."""

    def __init__(
        self,
        database: Database,
        digests: Digests,
        upstream_logouts: SqlUpstreamLogouts,
        proved_sessions: ProvedSessions,
        audit_log: audit.SqlAudit,
    ) -> None:
        self._database = database
        self._digests = digests
        self._logouts = upstream_logouts
        self._proved_sessions = proved_sessions
        self._audit = audit_log
        self._releases = SealedCodec(digests.sealer, RecordCodec(ReleasedIdentity))
        self._kept = KeptIdentityRows(digests.sealer)
        now, account = bindparam("now", type_=Double), bindparam("account", type_=Text)
        i, g, c = identities.c, grants.c, authorization_codes.c
        mine = and_(i.issuer == bindparam("issuer", type_=Text), i.digest == bindparam("digest", type_=Text))
        self._owner = database.prepare(select(i.account_id).where(mine).with_for_update(key_share=True))
        live = and_(g.account_id == account, g.revoked.is_(None), g.sealed.is_not(None), g.epoch == EPOCH)
        self._grants = database.prepare(select(g.id, g.sealed).where(live))
        these = database.among(g.id, "grants")
        self._revoke = (
            database.prepare(update(grants).where(these).values(revoked=now, sealed=null())),
            database.prepare(
                update(tokens)
                .where(database.among(tokens.c.grant_id, "grants"), tokens.c.revoked.is_(None))
                .values(revoked=now)
            ),
        )
        self._codes = database.prepare(
            update(authorization_codes)
            .where(c.account_id == account, c.redeemed.is_(None), c.expires > now)
            .values(expires=now)
        )
        blocked = bindparam("blocked", type_=Double)
        stale = or_(i.fresh_after.is_(None), i.fresh_after < blocked)
        self._outdate = database.prepare(update(identities).where(mine, stale).values(fresh_after=blocked))
        self._block = database.prepare(update(identities).where(mine).values(blocked=blocked))
        self._enable = database.prepare(update(identities).where(mine, i.blocked <= blocked).values(blocked=null()))
        self._remove = database.prepare(delete(identities).where(mine))
        k = kept_identities.c
        self._kept_of = database.prepare(
            select(*KEPT)
            .select_from(kept_identities.join(identities, i.digest == k.digest))
            .where(i.account_id == account, k.frozen.is_(None))
        )
        self._freeze = database.prepare(
            update(kept_identities).where(k.digest == bindparam("digest", type_=Text)).values(frozen=now)
        )
        used = (used_jtis.insert_use(), audit.insert_rows())
        self._use = database.prepare(AtomicWrite(None, used, select(literal_column("1"))))

    async def apply(self, event: ProviderEvent, effect: EventEffect, record: AuditEvent, fan_out: LogoutFanOut) -> bool:
        """Applies an event. False, and nothing written, for a `jti` that was used before."""
        use = AssertionUse(f"event:{event.issuer}", event.jti, record.at + REMEMBERED)
        try:
            async with self._database.transaction() as unit:
                account = await self._account(unit, event)
                record = replace(record, account=account)
                await unit.run(self._use, {**used_jtis.insert_parameters(use), "events": audit.rows([record])})
                await self._act(unit, event, effect, record, fan_out)
        except Conflict:
            return False
        self._audit.report([record])
        return True

    async def _account(self, unit: UnitOfWork, event: ProviderEvent) -> str | None:
        rows = () if event.subject is None else await unit.run(self._owner, self._key(event))
        return str(rows[0][0]) if rows else None

    def _key(self, event: ProviderEvent) -> dict[str, str]:
        digest = self._digests.of_subject(event.issuer, event.subject or "")
        return {"issuer": event.issuer, "digest": digest}

    async def _act(
        self, unit: UnitOfWork, event: ProviderEvent, effect: EventEffect, record: AuditEvent, fan_out: LogoutFanOut
    ) -> None:
        if effect in _ENDS and (event.subject is not None or event.sid is not None):
            logout = UpstreamLogout(event.issuer, event.subject, event.sid, event.at)
            await self._logouts.end_in(unit, logout, _ended(record), fan_out)
        if record.account is None:
            return
        if effect in _REVOKES:
            await self._revoke_proven(unit, record)
        if effect in (EventEffect.SUSPEND, EventEffect.REMOVE):
            await self._freeze_kept(unit, record.account, record, fan_out)
        way = {**self._key(event), "blocked": event.at}
        if effect in _ENDS:
            await unit.run(self._outdate, way)
        match effect:
            case EventEffect.SUSPEND:
                await unit.run(self._block, way)
            case EventEffect.ENABLE:
                await unit.run(self._enable, way)
            case EventEffect.REMOVE:
                await unit.run(self._remove, self._key(event))

    async def _freeze_kept(self, unit: UnitOfWork, account: str, record: AuditEvent, fan_out: LogoutFanOut) -> None:
        """Freezes the kept identities of the account that the provider proved, until staff release them."""
        for row in await unit.run(self._kept_of, {"account": account}):
            kept = self._kept.read(row)
            if kept is not None and kept.identity.provider == record.provider:
                await unit.run(self._freeze, {"digest": kept.key, "now": record.at})
                await self._proved_sessions.end(unit, account, kept.key, _ended(record), fan_out)

    async def _revoke_proven(self, unit: UnitOfWork, record: AuditEvent) -> None:
        """Revokes the grants that rest on the provider, and the account's codes, which live for a minute."""
        proven = []
        for grant, sealed in await unit.run(self._grants, {"account": record.account}):
            release = self._releases.read(sealed, f"grants:{grant}")
            if release is None or release.provider == record.provider:
                proven.append(grant)
        for statement in self._revoke if proven else ():
            await unit.run(statement, {"grants": proven, "now": record.at})
        await unit.run(self._codes, {"account": record.account, "now": record.at})


def _ended(record: AuditEvent) -> AuditEvent:
    """The audit event of a session that ends with the event."""
    return AuditEvent("session_ended", record.at, "broker", provider=record.provider, details={"why": "event"})
