"""Backchannel authentication requests (CIBA): created with their notification, answered once, polled, pinged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Insert,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    case,
    insert,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PingNotification, PollResult
from broker.model.grant import AssertionUse
from broker.model.handle import normalize_user_code
from broker.model.handle import sha256_hex as digest_of
from broker.model.identity import Identity
from broker.model.notification import Notification
from broker.model.store_results import RedeemResult
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit, outbox
from broker.stores.sql import sessions as session_rows
from broker.stores.sql import used_jtis as uses
from broker.stores.sql.database import AtomicWrite, Conflict, Database, Row
from broker.stores.sql.shared_counters import EPOCH, VERSION, is_mark
from broker.stores.sql.tables import backchannel_requests, pairwise_subjects, sessions, shared_counters

PAUSE: Final = 5
"""Minimum polling interval in seconds, and its increase after a poll that came too early (CIBA Core 1.0, 7.3, 11)."""

_c: Final = backchannel_requests.c
_now: Final = bindparam("now", type_=Double)
_WAITING: Final[ColumnElement[str]] = literal_column("'waiting'")
_CONFIRMED: Final[ColumnElement[str]] = literal_column("'confirmed'")
_YES: Final[ColumnElement[bool]] = true()
_NO_TRIES: Final[ColumnElement[int]] = literal_column("0", BigInteger)
_PAUSE: Final[ColumnElement[int]] = literal_column(str(PAUSE), BigInteger)

_READ: Final = (_c.id, _c.account_id, _c.state, _c.sealed)


def code_digest(code: str) -> str:
    """The digest of a user code, by which a request is found."""
    return digest_of(f"question:{normalize_user_code(code)}")


def _place(request_id: str) -> str:
    """The sealing context of a request. It keeps the table's first name, or earlier rows would not open."""
    return f"questions:{request_id}"


def _open(request_id: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(_c.id == request_id, _c.state == _WAITING, _c.expires > _now, _c.epoch == EPOCH)


def _pinged() -> ColumnElement[Any]:
    """When the next ping is due: now, if the service uses ping mode."""
    return case((_c.pings, _now), else_=null())


def confirmed(account: ColumnElement[str], subject: ColumnElement[str], permitted: ColumnElement[bool]) -> Update:
    """The gate of an atomic write that approves the pending request `question`. Returns account and subject.

    No row if that is not `permitted`, or if the request is no longer pending, or belongs to another account.
    """
    whose = or_(_c.account_id.is_(None), _c.account_id == account)
    answered = update(backchannel_requests).where(permitted, _open(bindparam("question", type_=Text)), whose)
    settled = answered.values(state=_CONFIRMED, ping_due=_pinged())
    return settled.returning(account.label("account"), subject.label("subject"))


# Atomic writes


def _asking() -> AtomicWrite:
    columns: dict[str, ColumnElement[Any]] = {
        "id": bindparam("id", type_=Text),
        "digest": bindparam("digest", type_=Text),
        "code": bindparam("code", type_=Text),
        "client_id": bindparam("client_id", type_=Text),
        "account_id": bindparam("account", type_=Text),
        "case_id": bindparam("case", type_=Text),
        "state": _WAITING,
        "created": bindparam("created", type_=Double),
        "expires": bindparam("expires", type_=Double),
        "pause": _PAUSE,
        "early": literal_column("(1 = 0)", Boolean),
        "pings": bindparam("pings", type_=Boolean),
        "ping_tries": _NO_TRIES,
        "sealed": bindparam("sealed", type_=LargeBinary),
        "epoch": EPOCH,
    }
    made: Insert = insert(backchannel_requests).from_select(list(columns), select(*columns.values()))
    return AtomicWrite(made.returning(_c.id), (uses.insert_use(), outbox.notices_written(), audit.insert_rows()))


def _settling() -> AtomicWrite:
    settled = update(backchannel_requests).where(_open(bindparam("id", type_=Text)))
    settled = settled.values(state=bindparam("state", type_=Text), ping_due=_pinged())
    return AtomicWrite(settled.returning(_c.id), (audit.insert_rows(),))


def _polling() -> AtomicWrite:
    mine = and_(
        _c.digest == bindparam("digest", type_=Text),
        _c.client_id == bindparam("client_id", type_=Text),
        _c.epoch == EPOCH,
    )
    early = and_(_c.polled.is_not(None), _now < _c.polled + _c.pause)
    noted = {
        "polled": _now,
        "early": case((early, _YES), else_=~_YES),
        "pause": case((early, _c.pause + _PAUSE), else_=_c.pause),
    }
    polled = update(backchannel_requests).where(mine).values(**noted)
    return AtomicWrite(polled.returning(_c.state, _c.expires, _c.early, VERSION.label("version")), (uses.insert_use(),))


class SqlBackchannelRequests:
    """Backchannel authentication requests in SQL."""

    def __init__(
        self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit, observe_version: Callable[[int], None]
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._observe_version = observe_version
        self._sealed = SealedCodec(sealer, RecordCodec(BackchannelRequest))
        self._notices = outbox.NotificationRows(sealer)
        self._identities = session_rows.identities(sealer)
        live = _c.epoch == EPOCH
        self._ask = database.prepare(_asking())
        self._settle = database.prepare(_settling())
        self._poll = database.prepare(_polling())
        self._load = database.prepare(select(*_READ).where(_c.id == bindparam("id", type_=Text), live))
        self._by_code = database.prepare(select(*_READ).where(_c.code == bindparam("code", type_=Text), live))
        self._of_case = database.prepare(
            select(*_READ).where(_c.case_id == bindparam("case", type_=Text), live).order_by(_c.created)
        )
        whose = and_(
            pairwise_subjects.c.sector == bindparam("sector", type_=Text),
            pairwise_subjects.c.sub == bindparam("sub", type_=Text),
        )
        self._account = database.prepare(
            select(shared_counters.c.value, pairwise_subjects.c.account_id)
            .select_from(shared_counters.outerjoin(pairwise_subjects, whose))
            .where(is_mark("kill_switches"))
        )
        s = sessions.c
        mine = and_(s.account_id == bindparam("account", type_=Text), s.ended.is_(None), s.expires > _now)
        self._sessions = database.prepare(
            select(s.digest, s.sealed).where(mine, s.epoch == EPOCH).order_by(s.created.desc()).limit(1)
        )

    async def create(
        self,
        question: BackchannelRequest,
        use: AssertionUse | None,
        notices: Sequence[Notification],
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """Writes a request with its notifications and audit rows, in one transaction; nothing unless DONE.

        ASSERTION_USED_BEFORE if `use` was recorded before, USED_BEFORE if the user code belongs to another request.
        """
        parameters = {
            "id": question.id,
            "digest": digest_of(question.handle) if question.handle else None,
            "code": code_digest(question.code),
            "client_id": question.client_id,
            "account": question.account,
            "case": question.case,
            "created": question.created,
            "expires": question.expires,
            "pings": question.token is not None,
            "sealed": self._sealed.write(replace(question, account=None), _place(question.id)),
            **uses.insert_parameters(use),
            "notices": self._notices.rows(notices),
        }
        try:
            await self._audit.perform(self._ask, parameters, events)
        except Conflict as conflict:
            return RedeemResult.ASSERTION_USED_BEFORE if conflict.table == uses.TABLE else RedeemResult.USED_BEFORE
        return RedeemResult.DONE

    async def load(self, request_id: str) -> BackchannelRequest | None:
        """Returns the request with this id."""
        return self._one(await self._database.query(self._load, {"id": request_id}))

    async def by_code(self, code: str) -> BackchannelRequest | None:
        """Returns the request with this user code."""
        return self._one(await self._database.query(self._by_code, {"code": code_digest(code)}))

    async def of_case(self, case: str) -> Sequence[BackchannelRequest]:
        """The requests of a verification case, oldest first."""
        rows = await self._database.query(self._of_case, {"case": case})
        return [found for found in map(self._question, rows) if found is not None]

    async def end(self, request_id: str, state: BackchannelState, now: float, events: Sequence[AuditEvent]) -> bool:
        """Ends a pending request without an identity; False, and nothing written, if it is no longer pending."""
        parameters = {"id": request_id, "state": state.value, "now": now}
        return bool(await self._audit.perform(self._settle, parameters, events))

    async def poll(
        self, digest: str, client_id: str, now: float, use: AssertionUse | None
    ) -> PollResult | RedeemResult | None:
        """The state of a request, polled by its service; records the poll and the use of a client assertion.

        None if this service has no such request; ASSERTION_USED_BEFORE if the assertion was used before.
        """
        parameters = {"digest": digest, "client_id": client_id, "now": now, **uses.insert_parameters(use)}
        try:
            rows = await self._database.perform(self._poll, parameters)
        except Conflict:
            return RedeemResult.ASSERTION_USED_BEFORE
        if not rows:
            return None
        state, expires, early, version = rows[0]
        self._observe_version(version)
        return PollResult(BackchannelState(state), expires, bool(early))

    async def account(self, sector: str, subject: str) -> str | None:
        """The account that the services of a sector know by this `sub`. One round trip."""
        row = (await self._database.query(self._account, {"sector": sector, "sub": subject}))[0]
        self._observe_version(row[0])
        found: str | None = row[1]
        return found

    async def identity_of(self, account: str, now: float) -> Identity | None:
        """The identity of an account from its newest live session; it is stored nowhere else."""
        rows = await self._database.query(self._sessions, {"account": account, "now": now})
        if not rows or rows[0][1] is None:
            return None
        return self._identities.read(rows[0][1], session_rows.place(rows[0][0]))

    def _one(self, rows: Sequence[Row]) -> BackchannelRequest | None:
        return self._question(rows[0]) if rows else None

    def _question(self, row: Row) -> BackchannelRequest | None:
        request_id, account, state, sealed = row
        found = None if sealed is None else self._sealed.read(sealed, _place(request_id))
        return None if found is None else replace(found, account=account, state=BackchannelState(state))


class SqlPings:
    """Pings in SQL: an outbox whose messages are columns of the backchannel requests that they report."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealed = SealedCodec(sealer, RecordCodec(BackchannelRequest))
        first = (
            select(_c.id)
            .where(_c.ping_due <= _now, _c.sealed.is_not(None))
            .order_by(_c.ping_due)
            .limit(bindparam("limit", type_=BigInteger))
            .with_for_update(skip_locked=True)
        )
        until = bindparam("until", type_=Double)
        claimed = update(backchannel_requests).where(_c.id.in_(first))
        claimed = claimed.values(ping_due=until, ping_tries=_c.ping_tries + 1)
        mine = update(backchannel_requests).where(_c.id == bindparam("id", type_=Text), _c.ping_due.is_not(None))
        self._claim = database.prepare(claimed.returning(_c.id, _c.sealed, _c.ping_tries))
        self._later = database.prepare(mine.values(ping_due=until))
        self._done = database.prepare(mine.values(ping_due=null()))

    async def claim(self, now: float, until: float, limit: int) -> Sequence[PingNotification]:
        """Claims pings that are due at `now`, until `until`. Each claim counts as an attempt."""
        rows = await self._database.perform(self._claim, {"now": now, "until": until, "limit": limit})
        found = [(self._sealed.read(sealed, _place(request_id)), tries) for request_id, sealed, tries in rows]
        return [
            PingNotification(request.id, request.client_id, request.handle, request.token, tries)
            for request, tries in found
            if request is not None and request.token is not None
        ]

    async def mark_sent(self, request_id: str, _now: float, /) -> None:
        """The service was pinged. The request keeps its content, which it needs until it expires."""
        await self.give_up(request_id)

    async def give_up(self, request_id: str) -> None:
        """The service will not be pinged any more."""
        await self._database.perform(self._done, {"id": request_id})

    async def postpone(self, request_id: str, until: float) -> None:
        """Postpones the next attempt until then."""
        await self._database.perform(self._later, {"id": request_id, "until": until})
