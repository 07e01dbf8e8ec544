"""Staff sign-ins in progress and staff sessions. What the staff provider returned for a member is sealed."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Double, LargeBinary, Text, and_, bindparam, delete, insert, select, update

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.staff import StaffAttempt, StaffSession
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql.case_tables import staff_attempts, staff_sessions
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.shared_counters import EPOCH


@dataclass(frozen=True, slots=True)
class StaffProof:
    """How a member of staff authenticated."""

    subject: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int


def _place(digest: str, table: str = "staff_attempts") -> str:
    return f"{table}:{digest}"


class SqlStaffSessions:
    """Staff sign-ins and sessions in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._attempts = SealedCodec(sealer, RecordCodec(StaffAttempt))
        self._proved = SealedCodec(sealer, RecordCodec(StaffProof))
        digest = bindparam("digest", type_=Text)
        a, s = staff_attempts.c, staff_sessions.c
        columns = {
            "digest": digest,
            "member": bindparam("member", type_=Text),
            "created": bindparam("created", type_=Double),
            "used": bindparam("used", type_=Double),
            "expires": bindparam("expires", type_=Double),
            "terms": bindparam("terms", type_=Text),
            "epoch": EPOCH,
        }
        live = and_(s.digest == digest, s.ended.is_(None), s.epoch == EPOCH)
        self._store_attempt = database.prepare(
            insert(staff_attempts).values(
                digest=digest,
                expires=bindparam("expires", type_=Double),
                sealed=bindparam("sealed", type_=LargeBinary),
            )
        )
        self._attempt = database.prepare(select(a.sealed).where(a.digest == digest))
        self._claim = database.prepare(delete(staff_attempts).where(a.digest == digest).returning(a.digest))
        begun = insert(staff_sessions).from_select(list(columns), select(*columns.values()))
        replaced = (
            update(staff_sessions)
            .where(s.digest == bindparam("replaces", type_=Text), s.ended.is_(None))
            .values(ended=bindparam("created", type_=Double))
        )
        self._start = database.prepare(
            AtomicWrite(begun.returning(s.digest), (lambda passed: replaced.where(passed), audit.insert_rows()))
        )
        self._load = database.prepare(select(s.digest, s.member, s.created, s.used, s.expires, s.terms).where(live))
        used = bindparam("used", type_=Double)
        self._touch = database.prepare(update(staff_sessions).where(live, s.used < used).values(used=used))
        ended = update(staff_sessions).where(live).values(ended=bindparam("now", type_=Double))
        self._end = database.prepare(AtomicWrite(ended.returning(s.digest), (audit.insert_rows(),)))

    async def store_attempt(self, attempt: StaffAttempt) -> None:
        """Stores a sign-in in progress."""
        sealed = self._attempts.write(attempt, _place(attempt.digest))
        values = {"digest": attempt.digest, "expires": attempt.expires, "sealed": sealed}
        await self._database.perform(self._store_attempt, values)

    async def attempt(self, digest: str) -> StaffAttempt | None:
        """Returns the sign-in in progress with this digest, unless it was claimed."""
        rows = await self._database.query(self._attempt, {"digest": digest})
        return self._attempts.read(rows[0][0], _place(digest)) if rows else None

    async def claim(self, digest: str) -> bool:
        """Claims a sign-in on its way: of two callers one gets True."""
        return bool(await self._database.perform(self._claim, {"digest": digest}))

    async def start(self, session: StaffSession, replaces: str | None, events: Sequence[AuditEvent]) -> None:
        """Writes a session; `replaces` is the digest of one that ends in the same transaction."""
        proved = StaffProof(session.subject, session.acr, session.amr, session.auth_time)
        terms = self._proved.write(proved, _place(session.digest, "staff_sessions"))
        values = {
            "digest": session.digest,
            "member": session.member,
            "created": session.created,
            "used": session.used,
            "expires": session.expires,
            "terms": base64.b64encode(terms).decode("ascii"),
            "replaces": replaces,
            "events": audit.rows(events),
        }
        await self._database.perform(self._start, values)

    async def load(self, digest: str) -> StaffSession | None:
        """Returns a live session, or None. Sessions of earlier epochs count as unknown."""
        rows = await self._database.query(self._load, {"digest": digest})
        if not rows:
            return None
        digest, member, created, used, expires, terms = rows[0]
        try:
            sealed = base64.b64decode(terms, validate=True)
        except binascii.Error:  # a row of a release that did not seal it: the member of staff signs in again
            return None
        proved = self._proved.read(sealed, _place(digest, "staff_sessions"))
        if proved is None:
            return None
        return StaffSession(
            digest, member, proved.subject, proved.acr, proved.amr, proved.auth_time, created, used, expires
        )

    async def touch(self, digest: str, used: float) -> None:
        """Records the use of a session; does nothing if it is gone or `used` is earlier than the recorded use."""
        await self._database.perform(self._touch, {"digest": digest, "used": used})

    async def end(self, digest: str, event: AuditEvent) -> None:
        """Ends a session; nothing is written if it is not live."""
        values = {"digest": digest, "now": event.at, "events": audit.rows([event])}
        await self._database.perform(self._end, values)
