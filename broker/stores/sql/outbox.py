"""Outbox: notifications to citizens and deliveries to services.

Both are written in the transaction of the fact they report, sealed, and erased after delivery. A worker claims entries
for a time; entries of a process that died become due again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.event_stream import DeliveryMethod, StreamStatus
from broker.model.notification import Notification
from broker.model.outbound_delivery import DeliveryBacklog, DeliveryKind, OutboundDelivery
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import Database, InsertRows, Parameters
from broker.stores.sql.signal_tables import event_streams
from broker.stores.sql.tables import deliveries, notifications

_Record = TypeVar("_Record")
_NOW: Final = bindparam("now", type_=Double)
_EVENTS: Final = literal_column(f"'{DeliveryKind.SECURITY_EVENT.value}'", Text)
_PAUSED: Final = literal_column(f"'{StreamStatus.PAUSED.value}'", Text)
NO_PARAMETERS: Final[Parameters] = {}
_COLUMNS: Final = ("id", "created", "expires", "sealed")
_CLEAR: Final = ("kind", "client_id")
_NEVER: Final = {
    "claimed_until": literal_column("0", Double),
    "tries": literal_column("0", BigInteger),
}
TAKEN: Final = ("id", "sealed", "tries")
"""Columns that an outbox reads of a claimed row."""


def notices_written() -> InsertRows:
    """The step of an atomic write that inserts the notifications in the parameter `notices`."""
    columns = (*_COLUMNS, "claimed_until", "way", "kind", "case_id")
    return InsertRows(notifications, "notices", columns, {"tries": _NEVER["tries"]})


def deliveries_written() -> InsertRows:
    """The step of an atomic write that inserts the deliveries in the parameter `deliveries`, each id only once."""
    return InsertRows(deliveries, "deliveries", (*_COLUMNS, *_CLEAR), _NEVER, key=("id",))


def _with_life(earlier: dict[str, Any]) -> dict[str, Any]:
    """A notification of the release in which its text said how many minutes a code works."""
    fields = dict(earlier.get("fields", {}))
    if "minutes" in fields:
        fields["life"] = str(int(fields.pop("minutes")) * 60)
    return earlier | {"fields": fields}


class NotificationRows:
    """Sealing of notifications. Their sealing context keeps the table's first name, or earlier rows would not open."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(Notification, 2, _with_life))

    def rows(self, sent: Sequence[Notification]) -> Sequence[Mapping[str, object]]:
        """The parameter `notices` of the step."""
        return [
            {
                "id": n.id,
                "created": n.created,
                "expires": n.expires,
                "sealed": self._sealed.write(n, f"notices:{n.id}"),
                "claimed_until": n.not_before or 0.0,
                "way": n.way,
                "kind": n.kind.value,
                "case_id": n.case,
            }
            for n in sent
        ]

    def read(self, notification_id: str, sealed: bytes, tries: int) -> Notification | None:
        """A notification from its row, or None if it cannot be opened."""
        found = self._sealed.read(sealed, f"notices:{notification_id}")
        return None if found is None else replace(found, tries=tries)


class DeliveryRows:
    """Sealing of deliveries."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(OutboundDelivery))

    def rows(self, sent: Sequence[OutboundDelivery]) -> Sequence[Mapping[str, object]]:
        """The parameter `deliveries` of the step."""
        return [
            {
                **{name: getattr(d, name) for name in ("id", "created", "expires", "client_id")},
                "kind": d.kind.value,
                "sealed": self._sealed.write(d, f"deliveries:{d.id}"),
            }
            for d in sent
        ]

    def read(self, delivery_id: str, sealed: bytes, tries: int) -> OutboundDelivery | None:
        """A delivery from its row, or None if it cannot be opened."""
        found = self._sealed.read(sealed, f"deliveries:{delivery_id}")
        return None if found is None else replace(found, tries=tries)


class SqlOutbox(Generic[_Record]):
    """An outbox in SQL. `parameters` are those of the conditions on its rows, if there are any."""

    def __init__(self, statements: "OutboxStatements[_Record]", parameters: Parameters = NO_PARAMETERS) -> None:
        self._statements = statements
        self._database = statements.database
        self._parameters = parameters

    async def claim(self, now: float, until: float, limit: int) -> Sequence[_Record]:
        """Claims entries that are unsent, unexpired and unclaimed at `now`, until `until`, oldest first.

        Each claim counts as an attempt.
        """
        parameters = {"now": now, "until": until, "limit": limit, **self._parameters}
        rows = await self._database.perform(self._statements.claim, parameters)
        found = [self._statements.read(*row[:3]) for row in sorted(rows, key=lambda row: row[3])]
        return [record for record in found if record is not None]

    async def mark_sent(self, message_id: str, now: float, /) -> None:
        """Records the delivery and erases the content."""
        await self._database.perform(self._statements.sent, {"id": message_id, "now": now})

    async def give_up(self, message_id: str) -> None:
        """Gives up on the delivery and erases the content."""
        await self._database.perform(self._statements.given_up, {"id": message_id})

    async def postpone(self, message_id: str, until: float) -> None:
        """Postpones the next attempt until then."""
        await self._database.perform(self._statements.later, {"id": message_id, "until": until})


class OutboxStatements(Generic[_Record]):
    """The statements of an outbox, prepared once: its table, how a record is read from its row (`TAKEN`), and the
    conditions on rows that are claimed.

    A column `sending` tells an entry that is being sent, until then at most, from one that waits for its next attempt.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        read: Callable[[str, bytes, int], _Record | None],
        conditions: Sequence[ColumnElement[bool]] = (),
    ) -> None:
        self.database = database
        self.read = read
        c = table.c
        first = (
            select(c.id)
            .where(waiting(table), *conditions)
            .order_by(c.created, c.id)
            .limit(bindparam("limit", type_=BigInteger))
            .with_for_update(skip_locked=True)
        )
        until = bindparam("until", type_=Double)
        marked = {"sending": until} if "sending" in c else {}
        claimed = update(table).where(c.id.in_(first)).values(claimed_until=until, tries=c.tries + 1, **marked)
        mine = and_(c.id == bindparam("id", type_=Text), c.sent.is_(None))
        self.claim = database.prepare(claimed.returning(*(c[name] for name in TAKEN), c.created))
        self.sent = database.prepare(update(table).where(mine).values(sent=_NOW, sealed=null()))
        self.given_up = database.prepare(update(table).where(mine).values(sealed=null()))
        self.later = database.prepare(
            update(table).where(mine).values(claimed_until=until, **dict.fromkeys(marked, null()))
        )


def waiting(table: Table) -> ColumnElement[bool]:
    """The condition of an entry that is due: unsent, unexpired and unclaimed at `now`."""
    c = table.c
    return and_(c.sent.is_(None), c.sealed.is_not(None), c.expires > _NOW, c.claimed_until <= _NOW)


class SqlDeliveries:
    """Deliveries in SQL: one outbox for each kind and service, and the length of their queue."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        c, older = deliveries.c, deliveries.alias("older").c
        earlier = select(older.id).where(
            older.kind == c.kind,
            older.client_id == c.client_id,
            tuple_(older.created, older.id) < tuple_(c.created, c.id),
            older.sent.is_(None),
            older.sealed.is_not(None),
            older.expires > _NOW,
        )
        s = event_streams.c
        waits = or_(s.method == literal_column(f"'{DeliveryMethod.POLL.value}'", Text), s.status == _PAUSED)
        held = exists(select(s.id).where(s.client_id == c.client_id, waits))
        mine = (
            c.kind == bindparam("kind", type_=Text),
            c.client_id == bindparam("client_id", type_=Text),
            or_(c.kind != _EVENTS, and_(~exists(earlier), ~held)),
        )
        self._lanes = OutboxStatements(database, deliveries, DeliveryRows(sealer).read, mine)
        self._due = database.prepare(
            select(c.kind, c.client_id).where(waiting(deliveries), or_(c.kind != _EVENTS, ~held)).distinct()
        )
        still = and_(c.sealed.is_not(None), c.expires > _NOW)
        self._pending = database.prepare(
            select(c.kind, func.count(), func.min(c.created)).where(still).group_by(c.kind).order_by(c.kind)
        )

    async def due(self, now: float) -> Sequence[tuple[DeliveryKind, str]]:
        """The kinds and services for which a delivery is due at `now`, without events that a service polls, or that
        wait for a paused stream. One round trip."""
        rows = await self._database.query(self._due, {"now": now})
        return [(DeliveryKind(kind), client_id) for kind, client_id in rows]

    def lane(self, kind: DeliveryKind, client_id: str) -> SqlOutbox[OutboundDelivery]:
        """The deliveries of one kind to one service. A security event is not claimed while an older one waits, so that
        they arrive in the order in which they happened."""
        return SqlOutbox(self._lanes, {"kind": kind.value, "client_id": client_id})

    async def waiting(self, now: float) -> Sequence[DeliveryBacklog]:
        """The queue at `now`, by kind: how many entries, and the time of the oldest."""
        rows = await self._database.query(self._pending, {"now": now})
        return [DeliveryBacklog(DeliveryKind(kind), count, now - oldest) for kind, count, oldest in rows]
