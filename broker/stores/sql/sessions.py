"""Sessions of citizens. The identity in them is sealed, and erased when they end."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Double, LargeBinary, Text, and_, bindparam, case, exists, select, update

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.identity import Identity
from broker.model.session import EndedSession, LogoutFanOut, Session
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.audit import SqlAudit
from broker.stores.sql.database import Database, Row, Step
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import EPOCH, is_mark
from broker.stores.sql.tables import session_clients, sessions, shared_counters

_LIVE: Final = and_(
    sessions.c.digest == bindparam("digest", type_=Text), sessions.c.ended.is_(None), sessions.c.epoch == EPOCH
)
_READ: Final = ("digest", "sid", "account_id", "created", "used", "expires", "sealed", "browser")


def identities(sealer: Sealer) -> SealedCodec[Identity]:
    """The codec of a session's identity."""
    return SealedCodec(sealer, RecordCodec(Identity))


def place(digest: str) -> str:
    """The sealing context of a session's identity."""
    return f"sessions:{digest}"


def upsert_session(database: Database, account: ColumnElement[str]) -> Step:
    """Writes a session, or renews the one with the same `sid`, whose digest may be another now.

    An ended session stays ended, and a session never changes its account. Nothing is written without a digest. Under
    the same digest the stored identity stays: `revise` may have changed it since the session was read.
    """

    def step(passed: ColumnElement[bool]) -> Any:
        columns = {
            "digest": bindparam("session", type_=Text),
            "sid": bindparam("sid", type_=Text),
            "account_id": account,
            "created": bindparam("session_created", type_=Double),
            "used": bindparam("session_used", type_=Double),
            "expires": bindparam("session_expires", type_=Double),
            "sealed": bindparam("session_sealed", type_=LargeBinary),
            "epoch": EPOCH,
            "upstream": bindparam("session_upstream", type_=Text),
            "browser": bindparam("session_browser", type_=Text),
        }
        chosen = select(*columns.values()).where(passed, columns["digest"].is_not(None))
        made = database.upsert(sessions).from_select(list(columns), chosen)
        same = sessions.c.account_id == made.excluded.account_id
        live = and_(sessions.c.ended.is_(None), sessions.c.epoch == EPOCH, same)
        renewed = {name: made.excluded[name] for name in ("digest", "used", "expires", "upstream", "browser")}
        kept = (sessions.c.digest == made.excluded.digest, sessions.c.sealed)
        renewed["sealed"] = case(kept, else_=made.excluded.sealed)
        return made.on_conflict_do_update(index_elements=["sid"], set_=renewed, where=live)

    return step


def upsert_client(database: Database, subject: ColumnElement[str]) -> Step:
    """Records that a service takes part in the session that is written, with its subject of the citizen."""

    def step(passed: ColumnElement[bool]) -> Any:
        now = bindparam("now", type_=Double)
        columns = {
            "sid": bindparam("sid", type_=Text),
            "client_id": bindparam("client_id", type_=Text),
            "subject": subject,
            "first_at": now,
            "last_at": now,
            "expires": bindparam("session_expires", type_=Double),
        }
        chosen = select(*columns.values()).where(passed, columns["sid"].is_not(None))
        made = database.upsert(session_clients).from_select(list(columns), chosen)
        renewed = {name: made.excluded[name] for name in ("subject", "last_at", "expires")}
        return made.on_conflict_do_update(index_elements=["sid", "client_id"], set_=renewed)

    return step


def has_ended(sid: "Column[Any]") -> ColumnElement[bool]:
    """The condition that the session with this `sid` was ended explicitly; mere expiry does not count."""
    over = select(sessions.c.sid).where(sessions.c.sid == sid, sessions.c.ended.is_not(None))
    return exists(over.correlate(sid.table))


def values(session: Session | None, codec: SealedCodec[Identity]) -> Mapping[str, object]:
    """The parameters of the statement."""
    if session is None:
        names = ("created", "used", "expires", "sealed", "upstream", "browser")
        return dict.fromkeys(("session", "sid", *(f"session_{name}" for name in names)))
    who = session.identity
    return {
        "session": session.digest,
        "sid": session.id,
        "session_created": session.created,
        "session_used": session.used,
        "session_expires": session.expires,
        "session_sealed": codec.write(who, place(session.digest)),
        "session_upstream": None if who.upstream_sid is None else upstream_session(who.issuer, who.upstream_sid),
        "session_browser": session.browser or None,
    }


def upstream_session(issuer: str, sid: str) -> str:
    """The digest by which the sessions of one session at a provider are found."""
    return sha256_hex(f"{len(issuer)}:{issuer}{sid}")


class SqlSessions:
    """Sessions of citizens in SQL."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        session_termination: SessionTermination,
        audit_log: SqlAudit,
        observe_version: Callable[[int], None],
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._session_termination = session_termination
        self._observe_version = observe_version
        self._identities = identities(sealer)
        c = sessions.c
        self._load = database.prepare(
            select(shared_counters.c.value, *(c[name] for name in _READ))
            .select_from(shared_counters.outerjoin(sessions, _LIVE))
            .where(is_mark("kill_switches"))
        )
        self._lock = database.prepare(update(sessions).where(_LIVE).values(used=c.used).returning(c.sealed))
        written = update(sessions).where(_LIVE).values(sealed=bindparam("new", type_=LargeBinary))
        self._revise = database.prepare(written.returning(c.sid))

    async def load(self, digest: str) -> Session | None:
        """Returns a live session, or None. The caller checks expiry. One round trip."""
        row = (await self._database.query(self._load, {"digest": digest}))[0]
        self._observe_version(row[0])
        return self._session(row)

    async def revise(self, digest: str, change: Callable[[Identity], Identity | None]) -> Identity | None:
        """Changes the identity of a live session, one caller at a time; `change` returns None to leave it.

        Returns the identity as it was before; None if the session is not live.
        """
        async with self._database.transaction() as unit:
            rows = await unit.run(self._lock, {"digest": digest})
            before = self._identities.read(rows[0][0], place(digest)) if rows and rows[0][0] is not None else None
            after = None if before is None else change(before)
            if after is not None:
                await unit.run(self._revise, {"digest": digest, "new": self._identities.write(after, place(digest))})
        return before

    async def end(self, digest: str, event: AuditEvent, fan_out: LogoutFanOut) -> EndedSession | None:
        """Ends a session, with its audit row and logout deliveries; None, and nothing written, if it is not live."""
        async with self._database.transaction() as unit:
            ended = await self._session_termination.of_digest(unit, digest, event, fan_out)
        if ended is not None:
            self._audit.report([event])
        return ended

    async def end_all(self, account: str, event: AuditEvent, fan_out: LogoutFanOut) -> int:
        """Ends every session of an account, each with its audit row and logout deliveries. Returns their number."""
        async with self._database.transaction() as unit:
            return await self._session_termination.of_account(unit, account, event, fan_out)

    def _session(self, row: Row) -> Session | None:
        _, digest, sid, account, created, used, expires, sealed, browser = row
        identity = None if sealed is None else self._identities.read(sealed, place(digest))
        if identity is None:
            return None
        return Session(digest, sid, account, identity, created, used, expires, browser or "")
