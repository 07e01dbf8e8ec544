"""Kept identities in SQL: what leads to an account by its passkeys. The identity itself is sealed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import BigInteger, Double, LargeBinary, Text, bindparam, delete, insert, null, select, update

from broker.model.audit import AuditEvent
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import KeptIdentity, KeptWithPasskeys, NewlyKept, Passkey
from broker.model.session import LogoutFanOut, Session
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Conflict, Database, Prepared
from broker.stores.sql.digests import Digests
from broker.stores.sql.live_proofs import LiveProofs
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.passkey_rows import (
    KEPT,
    KEPT_REACH,
    KEPT_UNTIL,
    PASSKEY,
    KeptIdentityRows,
    PasskeyRows,
    inserted_passkey,
)
from broker.stores.sql.passkey_tables import kept_identities, passkeys
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.tables import identities

_digest: Final = bindparam("digest", type_=Text)
_account: Final = bindparam("account", type_=Text)
_now: Final = bindparam("now", type_=Double)


class SqlKeptIdentities:
    """Kept identities in SQL, each with its row in `identities`."""

    def __init__(
        self, database: Database, digests: Digests, proved_sessions: ProvedSessions, audit_log: audit.SqlAudit
    ) -> None:
        self._database = database
        self._digests = digests
        self._proved_sessions = proved_sessions
        self._audit = audit_log
        self._kept = KeptIdentityRows(digests.sealer)
        self._proofs = LiveProofs(database, digests)
        self._deliveries = DeliveryRows(digests.sealer)
        self._passkeys = PasskeyRows(digests.sealer)
        k = kept_identities.c
        self._of_account = database.prepare(
            select(*KEPT, *PASSKEY)
            .select_from(
                kept_identities.join(identities, identities.c.digest == k.digest).outerjoin(
                    passkeys, passkeys.c.owner == k.digest
                )
            )
            .where(identities.c.account_id == _account)
            .order_by(k.since, k.digest, passkeys.c.created, passkeys.c.digest)
        )
        linked = insert(identities).values(
            issuer=bindparam("issuer", type_=Text),
            digest=_digest,
            sealed=bindparam("subject", type_=LargeBinary),
            account_id=_account,
            created=bindparam("since", type_=Double),
            provider=bindparam("provider", type_=Text),
            level=bindparam("level", type_=BigInteger),
        )
        self._keep = database.prepare(
            AtomicWrite(
                insert(kept_identities).values(digest=_digest, **KEPT_UNTIL, **KEPT_REACH).returning(k.digest),
                (lambda _: linked, lambda _: inserted_passkey(), audit.insert_rows(), deliveries_written()),
            )
        )
        changed = update(kept_identities).where(k.digest == _digest)
        self._renew = database.prepare(
            AtomicWrite(changed.values(**KEPT_UNTIL).returning(k.digest), (audit.insert_rows(), deliveries_written()))
        )
        self._freeze = database.prepare(
            AtomicWrite(
                changed.where(k.frozen.is_(None)).values(frozen=_now).returning(k.digest), (audit.insert_rows(),)
            )
        )
        self._release = database.prepare(
            AtomicWrite(
                changed.where(k.frozen.is_not(None)).values(frozen=null()).returning(k.digest), (audit.insert_rows(),)
            )
        )
        self._owner = database.prepare(select(identities.c.account_id).where(identities.c.digest == _digest))
        self._unlink = database.prepare(
            AtomicWrite(
                delete(kept_identities).where(k.digest == _digest).returning(k.digest),
                (
                    lambda passed: delete(passkeys).where(passed, passkeys.c.owner == _digest),
                    lambda passed: delete(identities).where(passed, identities.c.digest == _digest),
                    audit.insert_rows(),
                ),
            )
        )

    def key(self, issuer: str, subject: str) -> str:
        """The key of the identity with this issuer and subject (`KeptIdentity.key`)."""
        return self._digests.of_subject(issuer, subject)

    async def of_account(self, account: str) -> Sequence[KeptWithPasskeys]:
        """The kept identities of an account with their passkeys, oldest first. One round trip."""
        found: dict[str, tuple[KeptIdentity, list[Passkey]]] = {}
        size = len(KEPT)
        for row in await self._database.query(self._of_account, {"account": account}):
            kept = self._kept.read(row[:size]) if row[0] not in found else found[row[0]][0]
            if kept is not None:
                passkey = self._passkeys.read(row[size:])
                found.setdefault(kept.key, (kept, []))[1].extend([] if passkey is None else [passkey])
        return [KeptWithPasskeys(kept, tuple(theirs)) for kept, theirs in found.values()]

    async def keep(
        self,
        proof: Session,
        new: NewlyKept,
        events: Sequence[AuditEvent],
        deliveries: Sequence[OutboundDelivery] = (),
    ) -> bool:
        """Keeps an identity, whose issuer and subject are new, with its first passkey: a way of the account of the
        session `proof`, which its provider asserts. False, and nothing written, if the passkey is registered already,
        or if the session has ended or counts no more."""
        kept, identity, account = new.kept, new.kept.identity, proof.account
        values = {
            **self._kept.values(kept, new.reach.remind_at),
            **self._kept.reach_values(kept.key, new.reach),
            **self._passkeys.values(new.passkey),
            "issuer": identity.issuer,
            "subject": self._digests.sealed_subject(identity.issuer, kept.key, identity.subject),
            "account": account,
            "provider": new.provider,
            "level": int(identity.level),
            "deliveries": self._deliveries.rows(deliveries),
            "events": audit.rows(events),
        }
        try:
            async with self._database.transaction() as unit:
                if not await self._proofs.lock(unit, [account]) or not await self._proofs.count(unit, proof):
                    return False
                await unit.run(self._keep, values)
        except Conflict:
            return False
        self._audit.report(events)
        return True

    async def renew(
        self,
        kept: KeptIdentity,
        remind_at: float | None,
        event: AuditEvent,
        deliveries: Sequence[OutboundDelivery] = (),
    ) -> bool:
        """Writes what the source said again, until when it is kept, and when its citizen is reminded.

        False if it is not kept any more.
        """
        values = {**self._kept.values(kept, remind_at), "deliveries": self._deliveries.rows(deliveries)}
        return bool(await self._audit.perform(self._renew, values, [event]))

    async def freeze(self, key: str, event: AuditEvent, ended: AuditEvent, fan_out: LogoutFanOut) -> bool:
        """Stops the use of a kept identity until it is released, and ends the sessions that it proved.

        False, and nothing written, if it is not kept, or frozen already.
        """
        return await self._stop(self._freeze, key, event, ended, fan_out)

    async def release(self, key: str, event: AuditEvent) -> bool:
        """Permits the use of a frozen identity again. False, and nothing written, if it was not frozen."""
        return bool(await self._audit.perform(self._release, {"digest": key}, [event]))

    async def revoke(self, key: str, event: AuditEvent, ended: AuditEvent, fan_out: LogoutFanOut) -> bool:
        """Deletes a kept identity with its passkeys and its way to the account, and ends the sessions that it proved.

        False, and nothing written, if it is not kept.
        """
        return await self._stop(self._unlink, key, event, ended, fan_out)

    async def _stop(
        self, write: Prepared, key: str, event: AuditEvent, ended: AuditEvent, fan_out: LogoutFanOut
    ) -> bool:
        async with self._database.transaction() as unit:
            owner = await unit.run(self._owner, {"digest": key})
            account = owner[0][0] if owner else None
            known = event if account is None else replace(event, account=account)
            rows = await unit.run(write, {"digest": key, "now": event.at, "events": audit.rows([known])})
            if rows and account is not None:
                await self._proved_sessions.end(unit, account, key, ended, fan_out)
        if rows:
            self._audit.report([known])
        return bool(rows)
