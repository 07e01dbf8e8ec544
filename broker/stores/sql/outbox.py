"""Outbox: notifications to citizens and deliveries to services.

Both are written in the transaction of the fact they report, sealed, and erased after delivery. A worker claims entries
for a time; entries of a process that died become due again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import BigInteger, Double, Table, Text, and_, bindparam, func, literal_column, null, select, update

from broker.crypto.seal import Sealer
from broker.model.notification import Notification
from broker.model.outbound_delivery import DeliveryBacklog, DeliveryKind, OutboundDelivery
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import Database, InsertRows
from broker.stores.sql.tables import deliveries, notifications

_Record = TypeVar("_Record")
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
    return InsertRows(notifications, "notices", _COLUMNS, _NEVER)


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
    """An outbox in SQL: one table, and how a record is read from its row (`TAKEN`)."""

    def __init__(self, database: Database, table: Table, read: Callable[[str, bytes, int], _Record | None]) -> None:
        self._database = database
        self._read = read
        c = table.c
        now = bindparam("now", type_=Double)
        waiting = and_(c.sent.is_(None), c.sealed.is_not(None), c.expires > now, c.claimed_until <= now)
        first = (
            select(c.id)
            .where(waiting)
            .order_by(c.created)
            .limit(bindparam("limit", type_=BigInteger))
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(table)
            .where(c.id.in_(first))
            .values(claimed_until=bindparam("until", type_=Double), tries=c.tries + 1)
        )
        mine = and_(c.id == bindparam("id", type_=Text), c.sent.is_(None))
        self._claim = database.prepare(claimed.returning(*(c[name] for name in TAKEN), c.created))
        self._sent = database.prepare(update(table).where(mine).values(sent=now, sealed=null()))
        self._given_up = database.prepare(update(table).where(mine).values(sealed=null()))
        self._later = database.prepare(update(table).where(mine).values(claimed_until=bindparam("until", type_=Double)))

    async def claim(self, now: float, until: float, limit: int) -> Sequence[_Record]:
        """Claims entries that are unsent, unexpired and unclaimed at `now`, until `until`, oldest first.

        Each claim counts as an attempt.
        """
        rows = await self._database.perform(self._claim, {"now": now, "until": until, "limit": limit})
        found = [self._read(*row[:3]) for row in sorted(rows, key=lambda row: row[3])]
        return [record for record in found if record is not None]

    async def mark_sent(self, message_id: str, now: float, /) -> None:
        """Records the delivery and erases the content."""
        await self._database.perform(self._sent, {"id": message_id, "now": now})

    async def give_up(self, message_id: str) -> None:
        """Gives up on the delivery and erases the content."""
        await self._database.perform(self._given_up, {"id": message_id})

    async def postpone(self, message_id: str, until: float) -> None:
        """Postpones the next attempt until then."""
        await self._database.perform(self._later, {"id": message_id, "until": until})


class SqlDeliveries(SqlOutbox[OutboundDelivery]):
    """Deliveries in SQL, and the length of their queue."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        super().__init__(database, deliveries, DeliveryRows(sealer).read)
        c = deliveries.c
        still = and_(c.sealed.is_not(None), c.expires > bindparam("now", type_=Double))
        self._waiting = database.prepare(
            select(c.kind, func.count(), func.min(c.created)).where(still).group_by(c.kind).order_by(c.kind)
        )

    async def waiting(self, now: float) -> Sequence[DeliveryBacklog]:
        """The queue at `now`, by kind: how many entries, and the time of the oldest."""
        rows = await self._database.query(self._waiting, {"now": now})
        return [DeliveryBacklog(DeliveryKind(kind), count, now - oldest) for kind, count, oldest in rows]


def outbox(database: Database, sealer: Sealer) -> SqlOutbox[Notification]:
    """The outbox of notifications."""
    return SqlOutbox(database, notifications, NotificationRows(sealer).read)
