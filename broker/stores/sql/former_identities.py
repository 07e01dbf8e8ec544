"""Kept identities that cases renew or bind again: found by key or by marks of evidence, and written with the case."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Double, Text, bindparam, delete, func, literal_column, select, update

from broker.assisted.case_work import FormerWrite
from broker.crypto.seal import Sealer
from broker.model.passkey import FormerKept, Passkey
from broker.stores.sql.case_tables import case_fingerprints
from broker.stores.sql.database import Database, Row, UnitOfWork
from broker.stores.sql.passkey_rows import (
    KEPT,
    KEPT_REACH,
    KEPT_UNTIL,
    PASSKEY,
    KeptIdentityRows,
    PasskeyRows,
    lost_at,
    outdated,
)
from broker.stores.sql.passkey_tables import kept_identities, passkeys
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.tables import identities

_digest: Final = bindparam("digest", type_=Text)


class SqlFormerIdentities:
    """Kept identities of earlier cases, in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._kept, self._passkeys = KeptIdentityRows(sealer), PasskeyRows(sealer)
        k = kept_identities.c
        found = (
            select(*KEPT, k.remind_at, k.case_id, k.reach, k.rebound, identities.c.account_id, *PASSKEY)
            .select_from(
                kept_identities.outerjoin(identities, identities.c.digest == k.digest).outerjoin(
                    passkeys, passkeys.c.owner == k.digest
                )
            )
            .order_by(k.since.desc(), k.digest, passkeys.c.created)
        )
        self._by_key = database.prepare(found.where(k.digest == _digest))
        alike = select(case_fingerprints.c.case_id).where(database.among(case_fingerprints.c.fingerprint, "marks"))
        self._by_marks = database.prepare(found.where(k.case_id.in_(alike)).limit(literal_column("50")))

    async def load(self, key: str) -> FormerKept | None:
        """The kept identity with this key. One round trip."""
        return next(iter(self._found(await self._database.query(self._by_key, {"digest": key}))), None)

    async def by_marks(self, marks: Sequence[str]) -> Sequence[FormerKept]:
        """Those whose case bears one of these marks, the newest first. One round trip."""
        return self._found(await self._database.query(self._by_marks, {"marks": list(marks)})) if marks else ()

    def _found(self, rows: Sequence[Row]) -> Sequence[FormerKept]:
        size, found = len(KEPT), []
        grouped: dict[str, list[Row]] = {}
        for row in rows:
            grouped.setdefault(row[0], []).append(row)
        for key, theirs in grouped.items():
            kept = self._kept.read(theirs[0][:size])
            remind_at, proved_by, reach, rebound, account = theirs[0][size : size + 5]
            if kept is not None:
                read = [self._passkeys.read(row[size + 5 :]) for row in theirs]
                have: list[Passkey] = [one for one in read if one is not None]
                reached = self._kept.read_reach(key, remind_at, proved_by, reach)
                found.append(FormerKept(kept, reached, rebound or 0.0, account, have))
        return found


class FormerWrites:
    """Writes what becomes of a kept identity within the transaction of its case."""

    def __init__(self, database: Database, sealer: Sealer, proved_sessions: ProvedSessions) -> None:
        self._proved_sessions = proved_sessions
        self._kept = KeptIdentityRows(sealer)
        k, before = kept_identities.c, bindparam("before", type_=Double)
        usable = (k.digest == _digest, k.frozen.is_(None), func.coalesce(k.rebound, literal_column("0")) == before)
        rebound = func.coalesce(bindparam("rebound", type_=Double), k.rebound)
        self._mark = database.prepare(
            update(kept_identities).where(*usable).values(rebound=rebound).returning(k.digest)
        )
        written: Mapping[str, Any] = {**KEPT_UNTIL, **KEPT_REACH}
        self._write = database.prepare(update(kept_identities).where(k.digest == _digest).values(**written))
        others = (passkeys.c.owner == _digest, passkeys.c.digest != bindparam("leads", type_=Text))
        self._end = database.prepare(delete(passkeys).where(*others))
        self._outdate = database.prepare(outdated(_digest))

    async def perform(self, unit: UnitOfWork, write: FormerWrite) -> bool:
        """Writes it. False if it is frozen, not kept any more, or was bound again meanwhile: then nothing counts."""
        rebound = write.ended.at if write.ends and write.kept is not None else None
        if not await unit.run(self._mark, {"digest": write.key, "before": write.rebound, "rebound": rebound}):
            return False
        if write.kept is not None:
            values = self._kept.values(write.kept, write.reach.remind_at)
            await unit.run(self._write, {**values, **self._kept.reach_values(write.key, write.reach)})
        if write.ends:
            await unit.run(self._end, {"digest": write.key, "leads": write.leads})
            await unit.run(self._outdate, {"digest": write.key, "lost": lost_at(write.ended.at)})
            if write.account is not None:
                await self._proved_sessions.end(unit, write.account, write.key, write.ended, write.fan_out)
        return True
