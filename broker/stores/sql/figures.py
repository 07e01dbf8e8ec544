"""Figures of sign-ins: counted from sealed audit rows by one process at a time, and published day by day."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Double, Text, bindparam, delete, func, insert, select

from broker.journey.figures import FigureKey, FigureLine, PublishedDay
from broker.model.audit import AuditEvent
from broker.stores.sql.audit import SqlAudit, insert_rows, read_event
from broker.stores.sql.audit_cursor import PORTION, AuditCursor
from broker.stores.sql.database import AtomicWrite, Conflict, Database
from broker.stores.sql.open_data_tables import figures, published_days
from broker.stores.sql.tables import audit

_LEASE: Final = "figures"
_CURSOR: Final = "sign_ins"

CountAll = Callable[[Iterable[AuditEvent]], Mapping[FigureKey, int]]
"""`journey.figures.count_all`, the rule that is applied to each portion."""

_lines: Final = msgspec.json.Decoder(tuple[tuple[str, str, int], ...])


class SqlFigures:
    """Figures in SQL. What was counted, and up to which audit row, changes in one transaction.

    A day's counts are deleted once the day is published: only the published figures stay.
    """

    def __init__(self, database: Database, audit_log: SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._cursor = AuditCursor(database, _CURSOR)
        self._prepare_counting(database)
        p, day = published_days.c, bindparam("day", type_=Text)
        self._days = database.prepare(
            select(p.day, p.revision, p.published, p.reason, p.lines)
            .where(p.day >= bindparam("since", type_=Text))
            .order_by(p.day, p.revision)
        )
        columns = {
            "day": day,
            "revision": bindparam("revision", type_=BigInteger),
            "published": bindparam("published", type_=Double),
            "reason": bindparam("reason", type_=Text),
            "lines": bindparam("lines", type_=Text),
        }
        made = insert(published_days).values(**columns).returning(p.day)
        counted = delete(figures).where(figures.c.day <= day)
        self._publish = database.prepare(AtomicWrite(made, (lambda gate: counted.where(gate), insert_rows())))

    def _prepare_counting(self, database: Database) -> None:
        f = figures.c
        begins, ends = bindparam("begins", type_=Double), bindparam("ends", type_=Double)
        self._span = database.prepare(
            select(func.min(audit.c.number), func.max(audit.c.number)).where(audit.c.at >= begins, audit.c.at < ends)
        )
        key = {name: bindparam(name, type_=Text) for name in ("day", "measure", "detail")}
        made = database.upsert(figures).values(**key, counted=bindparam("counted", type_=BigInteger))
        summed = {"counted": f.counted + made.excluded.counted}
        self._add = database.prepare(made.on_conflict_do_update(index_elements=list(key), set_=summed).returning(f.day))
        self._counted = database.prepare(
            select(f.day, f.measure, f.detail, f.counted).where(f.day == bindparam("day", type_=Text))
        )
        self._last_day = database.prepare(select(func.max(published_days.c.day)))
        self._first_day = database.prepare(select(func.min(f.day)))

    async def count_sealed(self, count_all: CountAll) -> int:
        """Counts the next portion of sealed audit rows. Returns how many rows it went on; 0 if there were none, or if
        another process counts at present.
        """
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return 0
            advanced, events = await self._cursor.next(unit)
            counted = count_all(events)
            published = (await unit.run(self._last_day, {}))[0][0] or ""
            for key, number in counted.items():
                if key.day <= published:
                    continue
                values = {"day": key.day, "measure": key.measure, "detail": key.detail, "counted": number}
                await unit.run(self._add, values)
        return advanced

    async def first_uncounted(self) -> float | None:
        """The time of the first sealed audit row that is not counted yet; None if all are."""
        rows = await self._database.query(self._cursor.first_unread, {})
        return float(rows[0][0]) if rows else None

    async def first_day(self) -> str | None:
        """The first day of which something was counted that is not published; None if there is none."""
        found = (await self._database.query(self._first_day, {}))[0][0]
        return None if found is None else str(found)

    async def last_day(self) -> str | None:
        """The last published day; None if none is."""
        found = (await self._database.query(self._last_day, {}))[0][0]
        return None if found is None else str(found)

    async def counted(self, day: str) -> Mapping[FigureKey, int]:
        """What was counted of a day that is not published."""
        rows = await self._database.query(self._counted, {"day": day})
        return {FigureKey(day, measure, detail): int(number) for day, measure, detail, number in rows}

    async def publish(self, published: PublishedDay, events: Sequence[AuditEvent] = ()) -> bool:
        """Publishes a day or a correction of it, with audit rows. False, and nothing written, if that revision of the
        day is published already.
        """
        lines = msgspec.json.encode([(line.measure, line.detail, line.count) for line in published.lines]).decode()
        values = {
            "day": published.day,
            "revision": published.revision,
            "published": published.published,
            "reason": published.reason,
            "lines": lines,
        }
        try:
            return bool(await self._audit.perform(self._publish, values, events))
        except Conflict:
            return False

    async def published(self, since: str) -> Sequence[PublishedDay]:
        """Every revision of each published day from `since` (YYYY-MM-DD) on."""
        rows = await self._database.query(self._days, {"since": since})
        return [
            PublishedDay(
                day, int(revision), float(at), reason, tuple(FigureLine(*line) for line in _lines.decode(lines))
            )
            for day, revision, at, reason, lines in rows
        ]

    async def sealed(self, begins: float, ends: float) -> AsyncIterator[Sequence[AuditEvent]]:
        """The sealed audit rows of a time, in portions."""
        number, last = (await self._database.query(self._span, {"begins": begins, "ends": ends}))[0]
        while number is not None and number <= last:
            until = min(int(last), int(number) - 1 + PORTION)
            rows = await self._database.query(self._cursor.rows, {"number": int(number) - 1, "last": until})
            yield [event for event in map(read_event, rows) if begins <= event.at < ends]
            number = until + 1
