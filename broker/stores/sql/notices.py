"""Outbox of notifications to citizens: a lane for each way of sending, and what staff see of what became of them.

Way, kind and case are in the clear: a lane claims by way, and staff see what was sent in a case after its content was
erased. A notification that is not to be sent yet counts as claimed until then.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Text,
    Update,
    and_,
    bindparam,
    case,
    literal_column,
    null,
    or_,
    select,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.notification import WARNINGS, NoticeRecord, NoticeStatus, Notification, NotificationKind
from broker.stores.sql import audit
from broker.stores.sql.case_tables import cases
from broker.stores.sql.database import AtomicWrite, Database, Prepared, Row, Step
from broker.stores.sql.outbox import NotificationRows, OutboxStatements, SqlOutbox
from broker.stores.sql.tables import notifications

_c: Final = notifications.c
_now: Final = bindparam("now", type_=Double)
_id: Final = bindparam("id", type_=Text)
_UNDELIVERED: Final[ColumnElement[Any]] = literal_column(f"'{NoticeStatus.UNDELIVERED.value}'", Text)
_STATUS: Final = case(
    (_c.status.is_not(None), _c.status),
    (_c.sent.is_not(None), literal_column(f"'{NoticeStatus.SENT.value}'", Text)),
    (_c.expires <= _now, _UNDELIVERED),
    else_=literal_column(f"'{NoticeStatus.WAITING.value}'", Text),
)
_IDLE: Final = and_(
    _c.sent.is_(None),
    _c.status.is_(None),
    _c.sealed.is_not(None),
    _c.expires > _now,
    or_(_c.sending.is_(None), _c.sending <= _now),
    _c.kind.not_in([literal_column(f"'{kind.value}'", Text) for kind in sorted(WARNINGS)]),
)
"""A notification that waits for its time or for its next attempt, and may be withdrawn."""
_WITHDRAWN: Final[dict[str, Any]] = {
    "status": literal_column(f"'{NoticeStatus.WITHDRAWN.value}'", Text),
    "sealed": null(),
}
_ALARMING: Final = (NotificationKind.CHECKED, NotificationKind.REBIND)
"""Kinds that a lead has to know of even if their case is closed: else a person never learns of their identity."""


class SqlNotices:
    """Notifications in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        mine = _c.way == bindparam("way", type_=Text)
        self._rows = NotificationRows(sealer)
        self._lanes = OutboxStatements(database, notifications, self._rows.read, (mine,))
        given_up = update(notifications).where(_c.id == _id, _c.sent.is_(None), _c.status.is_(None))
        self._give_up = self._undelivered(given_up)
        self._not_arrived = self._undelivered(update(notifications).where(_c.id == _id, _c.status.is_(None)))
        one = (_c.id == _id, _c.case_id == bindparam("case", type_=Text))
        gate = update(notifications).where(*one, _IDLE).values(**_WITHDRAWN).returning(_c.id)
        self._withdraw = database.prepare(AtomicWrite(gate, (audit.insert_rows(),)))
        self._arrived = database.prepare(
            update(notifications)
            .where(_c.id == _id, _c.status.is_(None))
            .values(status=literal_column(f"'{NoticeStatus.DELIVERED.value}'", Text))
            .returning(_c.id)
        )
        self._read = select(_c.id, _c.kind, _c.way, _c.case_id, _c.created, _c.sent, _STATUS, _IDLE)
        self._one = database.prepare(self._read.where(_c.id == _id))
        self._of_case = database.prepare(
            self._read.where(_c.case_id == bindparam("case", type_=Text)).order_by(_c.created, _c.id)
        )
        letter = (
            _c.way == literal_column("'post'", Text),
            _c.sealed.is_not(None),
            _c.sent.is_(None),
            _c.expires > _now,
        )
        self._letters = database.prepare(
            self._read.add_columns(cases.c.reference)
            .join(cases, cases.c.id == _c.case_id)
            .where(*letter, _c.claimed_until <= _now)
            .order_by(_c.created, _c.id)
            .limit(bindparam("limit", type_=Integer))
        )
        self._letter = database.prepare(select(_c.id, _c.sealed, _c.tries).where(_c.id == _id, *letter))
        posted = update(notifications).where(_c.id == _id, *letter).values(sent=_now, sealed=null()).returning(_c.id)
        self._posted = database.prepare(AtomicWrite(posted, (audit.insert_rows(),)))
        alarming = _c.kind.in_([literal_column(f"'{kind.value}'", Text) for kind in _ALARMING])
        lost = or_(_c.status == _UNDELIVERED, and_(_c.status.is_(None), _c.sent.is_(None), _c.expires <= _now))
        self._lost = database.prepare(
            self._read.add_columns(cases.c.reference)
            .join(cases, cases.c.id == _c.case_id)
            .where(lost, or_(cases.c.is_open, alarming))
            .order_by(_c.created.desc(), _c.id)
            .limit(bindparam("limit", type_=Integer))
        )

    def _undelivered(self, which: Any) -> Prepared:
        gate = which.values(status=_UNDELIVERED, sealed=null()).returning(_c.id)
        return self._database.prepare(AtomicWrite(gate, (audit.insert_rows(),)))

    def lane(self, way: str) -> SqlOutbox[Notification]:
        """The notifications that are sent this way."""
        return SqlOutbox(self._lanes, {"way": way})

    async def give_up(self, notice_id: str, event: AuditEvent) -> None:
        """The notification will not be tried again: its content is erased, with an audit row."""
        await self._audit.perform(self._give_up, {"id": notice_id}, [event])

    async def withdraw(self, notice_id: str, case_id: str, event: AuditEvent) -> bool:
        """Withdraws a notification of a case that waits and is not being sent, with an audit row. False if it is."""
        values = {"id": notice_id, "case": case_id, "now": event.at}
        return bool(await self._audit.perform(self._withdraw, values, [event]))

    async def letters(self, now: float, limit: int) -> Sequence[tuple[str, NoticeRecord]]:
        """Letters to be posted, the oldest first, with the reference of their case."""
        rows = await self._database.query(self._letters, {"now": now, "limit": limit})
        return [(row[-1], _record(row)) for row in rows]

    async def open_letter(self, notice_id: str, now: float) -> Notification | None:
        """A letter to be posted, with its content; None if it was posted or expired."""
        rows = await self._database.query(self._letter, {"id": notice_id, "now": now})
        return self._rows.read(*rows[0]) if rows else None

    async def mark_posted(self, notice_id: str, event: AuditEvent) -> bool:
        """A person posted the letter: its content is erased, with an audit row. False if it was posted before."""
        return bool(await self._audit.perform(self._posted, {"id": notice_id, "now": event.at}, [event]))

    async def record_receipt(self, notice_id: str, event: AuditEvent | None) -> bool:
        """Records that a notification arrived, or with an `event` that it did not. False if that is known already."""
        if event is None:
            return bool(await self._database.perform(self._arrived, {"id": notice_id}))
        return bool(await self._audit.perform(self._not_arrived, {"id": notice_id}, [event]))

    async def load(self, notice_id: str, now: float) -> NoticeRecord | None:
        """A notification without its content; None if the id is unknown."""
        rows = await self._database.query(self._one, {"id": notice_id, "now": now})
        return _record(rows[0]) if rows else None

    async def of_case(self, case_id: str, now: float) -> Sequence[NoticeRecord]:
        """The notifications of a case, the oldest first."""
        return [_record(row) for row in await self._database.query(self._of_case, {"case": case_id, "now": now})]

    async def undelivered(self, now: float, limit: int) -> Sequence[tuple[str, NoticeRecord]]:
        """Notifications that did not arrive, with the reference of their case, the newest first.

        Of closed cases only those that report an identity to the person.
        """
        rows = await self._database.query(self._lost, {"now": now, "limit": limit})
        return [(row[-1], _record(row)) for row in rows]


def _record(row: Row) -> NoticeRecord:
    notice_id, kind, way, case_id, created, sent, status, idle = row[:8]
    known = None if kind is None else NotificationKind(kind)
    return NoticeRecord(notice_id, known, way, case_id, created, sent, NoticeStatus(status), bool(idle))


_EARLIER: Final = (_c.case_id == _id, _c.created < _now, _c.sent.is_(None), _c.status.is_(None))


def outdated_withdrawn(database: Database) -> tuple[Step, Step]:
    """The steps of a write of a case that withdraw its earlier notifications of the kinds in `outdated`, at `now`. One
    that is being sent is not tried again."""
    of_kind = database.among(_c.kind, "outdated")

    def waits(passed: ColumnElement[bool]) -> Update:
        return update(notifications).where(passed, *_EARLIER, of_kind, _IDLE).values(**_WITHDRAWN)

    def is_sent(passed: ColumnElement[bool]) -> Update:
        return update(notifications).where(passed, *_EARLIER, of_kind, _c.sending > _now).values(expires=_now)

    return waits, is_sent
