"""Passkeys in SQL. The credential and its public key are sealed; its digest finds it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Double, LargeBinary, Text, bindparam, delete, select, update

from broker.model.audit import AuditEvent
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import KnownPasskey, Passkey
from broker.model.session import Session
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Conflict, Database
from broker.stores.sql.digests import Digests
from broker.stores.sql.live_proofs import LiveProofs
from broker.stores.sql.outbox import DeliveryRows, deliveries_written
from broker.stores.sql.passkey_rows import (
    KEPT,
    PASSKEY,
    KeptIdentityRows,
    PasskeyRows,
    inserted_passkey,
    lost_at,
    outdated,
)
from broker.stores.sql.passkey_tables import kept_identities, passkeys

_digest: Final = bindparam("digest", type_=Text)


class SqlPasskeys:
    """Passkeys in SQL."""

    def __init__(self, database: Database, digests: Digests, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._proofs, sealer = LiveProofs(database, digests), digests.sealer
        self._rows, self._kept = PasskeyRows(sealer), KeptIdentityRows(sealer)
        c = passkeys.c
        mine = (c.digest == _digest, c.owner == bindparam("owner", type_=Text))
        known = passkeys.outerjoin(kept_identities, kept_identities.c.digest == c.owner)
        self._find = database.prepare(select(*PASSKEY, *KEPT).select_from(known).where(c.digest == _digest))
        self._deliveries = DeliveryRows(sealer)
        told = (audit.insert_rows(), deliveries_written())
        self._add = database.prepare(AtomicWrite(inserted_passkey().returning(c.digest), told))
        counted = {"sign_count": bindparam("sign_count", type_=BigInteger), "used": bindparam("now", type_=Double)}
        before = c.sign_count == bindparam("before", type_=BigInteger)
        self._use = database.prepare(
            update(passkeys).where(c.digest == _digest, before).values(**counted).returning(c.digest)
        )
        named = {"sealed": bindparam("sealed", type_=LargeBinary)}
        self._rename = database.prepare(update(passkeys).where(*mine).values(**named).returning(c.digest))
        owner = bindparam("owner", type_=Text)
        removed = (*told, lambda passed: outdated(owner).where(passed))
        self._remove = database.prepare(AtomicWrite(delete(passkeys).where(*mine).returning(c.digest), removed))

    async def find(self, digest: str) -> KnownPasskey | None:
        """The passkey with this digest of a credential id. One round trip."""
        rows = await self._database.query(self._find, {"digest": digest})
        passkey = self._rows.read(rows[0][: len(PASSKEY)]) if rows else None
        return None if passkey is None else KnownPasskey(passkey, self._kept.read(rows[0][len(PASSKEY) :]))

    async def add(
        self, passkey: Passkey, proof: Session, event: AuditEvent, deliveries: Sequence[OutboundDelivery] = ()
    ) -> bool:
        """Registers a passkey for the account of the session `proof`. False, and nothing written, if its credential id
        is registered, or if the session has ended or counts no more."""
        values = {**self._rows.values(passkey), "deliveries": self._deliveries.rows(deliveries)}
        try:
            async with self._database.transaction() as unit:
                if not await self._proofs.lock(unit, [proof.account]) or not await self._proofs.count(unit, proof):
                    return False
                await unit.run(self._add, {**values, "events": audit.rows([event])})
        except Conflict:
            return False
        self._audit.report([event])
        return True

    async def use(self, passkey: Passkey, sign_count: int, now: float) -> bool:
        """Records a use, and the new signature counter. False if the passkey was used or removed in between."""
        values = {"digest": passkey.digest, "before": passkey.sign_count, "sign_count": sign_count, "now": now}
        return bool(await self._database.perform(self._use, values))

    async def rename(self, passkey: Passkey) -> None:
        """Writes the name of a passkey that has an owner."""
        values = {"digest": passkey.digest, "owner": passkey.owner, "sealed": self._rows.sealed(passkey)}
        await self._database.perform(self._rename, values)

    async def remove(self, passkey: Passkey, event: AuditEvent, deliveries: Sequence[OutboundDelivery] = ()) -> bool:
        """Deletes a passkey that has an owner. False, and nothing written, if there is none."""
        values = {
            "digest": passkey.digest,
            "owner": passkey.owner,
            "lost": lost_at(event.at),
            "deliveries": self._deliveries.rows(deliveries),
        }
        return bool(await self._audit.perform(self._remove, values, [event]))
