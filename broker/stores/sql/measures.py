"""Measures of assisted verification: counted from sealed audit rows by one process at a time, and read by reports."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Double, Integer, Text, bindparam, delete, func, literal_column, select

from broker.assisted.measures import Key, Measure, Tally, Track
from broker.model.audit import AuditEvent
from broker.stores.sql.audit import COLUMNS, read_event
from broker.stores.sql.centre_tables import measured_cases, measured_rows, measures
from broker.stores.sql.database import Database
from broker.stores.sql.tables import audit

PORTION: Final = 500
"""Numbers of audit rows that are read in one transaction."""

_LEASE: Final = "measures"
_CURSOR: Final = "cases"

CountAll = Callable[[Mapping[str, Track], Iterable[AuditEvent]], tuple[Mapping[str, Track | None], Mapping[Key, Tally]]]
"""`assisted.measures.count_all`, the rule that is applied to each portion."""


class SqlMeasures:
    """Measures in SQL. What was counted, and up to which audit row, changes in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tracks = msgspec.json.Decoder(Track)
        self._prepare_counting(database)
        m, since = measures.c, bindparam("since", type_=Text)
        summed = (func.sum(m.counted), func.sum(m.seconds))
        key = (m.measure, m.detail, m.channel, m.language, m.bucket)
        until = bindparam("until", type_=Text)
        span = select(func.min(m.day), *key, *summed).where(m.day >= since, m.day < until)
        self._by_month = database.prepare(span.group_by(func.substr(m.day, 1, 7), *key))
        self._waits = database.prepare(
            select(m.channel, m.bucket, func.sum(m.counted))
            .where(m.measure == bindparam("measure", type_=Text), m.day >= since)
            .group_by(m.channel, m.bucket)
        )

    def _prepare_counting(self, database: Database) -> None:
        m, t, r = measures.c, measured_cases.c, measured_rows.c
        number, case_id = bindparam("number", type_=BigInteger), bindparam("case_id", type_=Text)
        after, last = audit.c.number > number, audit.c.number <= bindparam("last", type_=BigInteger)
        self._cursor = database.prepare(select(r.number).where(r.name == bindparam("name", type_=Text)))
        self._end = database.prepare(select(func.max(audit.c.number)).where(after, last))
        counted = select(r.number).where(r.name == literal_column(f"'{_CURSOR}'", Text)).scalar_subquery()
        later = audit.c.number > func.coalesce(counted, literal_column("0", BigInteger))
        self._first = database.prepare(
            select(audit.c.at).where(later).order_by(audit.c.number).limit(literal_column("1", Integer))
        )
        self._rows = database.prepare(
            select(*(audit.c[name] for name in COLUMNS))
            .where(after, last, audit.c.case_id.is_not(None))
            .order_by(audit.c.number)
        )
        self._known = database.prepare(select(t.case_id, t.track).where(database.among(t.case_id, "cases")))
        moved = database.upsert(measured_rows).values(name=bindparam("name", type_=Text), number=number)
        self._move = database.prepare(
            moved.on_conflict_do_update(index_elements=["name"], set_={"number": number}).returning(r.name)
        )
        columns = {
            name: bindparam(name, type_=BigInteger if name == "bucket" else Text)
            for name in ("day", "measure", "detail", "channel", "language", "bucket")
        }
        made = database.upsert(measures).values(
            **columns, counted=bindparam("counted", type_=BigInteger), seconds=bindparam("seconds", type_=Double)
        )
        summed = {"counted": m.counted + made.excluded.counted, "seconds": m.seconds + made.excluded.seconds}
        self._add = database.prepare(
            made.on_conflict_do_update(index_elements=list(columns), set_=summed).returning(m.day)
        )
        content = {"seen": bindparam("seen", type_=Double), "track": bindparam("track", type_=Text)}
        kept = database.upsert(measured_cases).values(case_id=case_id, **content)
        self._keep = database.prepare(
            kept.on_conflict_do_update(index_elements=["case_id"], set_=content).returning(t.case_id)
        )
        self._forget = database.prepare(delete(measured_cases).where(t.case_id == case_id).returning(t.case_id))

    async def count_sealed(self, count_all: CountAll) -> int:
        """Counts the next portion of sealed audit rows. Returns how many rows it went on; 0 if there were none, or if
        another process counts at present.
        """
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return 0
            found = await unit.run(self._cursor, {"name": _CURSOR})
            before = int(found[0][0]) if found else 0
            span = {"number": before, "last": before + PORTION}
            end = (await unit.run(self._end, span))[0][0]
            if end is None:
                return 0
            events = [read_event(row) for row in await unit.run(self._rows, span)]
            cases = sorted({event.case for event in events if event.case is not None})
            known = await unit.run(self._known, {"cases": cases})
            tracks, counted = count_all({case: self._tracks.decode(track) for case, track in known}, events)
            for key, tally in counted.items():
                await unit.run(self._add, {**_columns(key), "counted": tally.count, "seconds": tally.seconds})
            for case, track in tracks.items():
                if track is None:
                    await unit.run(self._forget, {"case_id": case})
                    continue
                seen = max(event.at for event in events if event.case == case)
                text = msgspec.json.encode(track).decode()
                await unit.run(self._keep, {"case_id": case, "seen": seen, "track": text})
            await unit.run(self._move, {"name": _CURSOR, "number": int(end)})
        return int(end) - before

    async def first_uncounted(self) -> float | None:
        """The time of the first sealed audit row that is not counted yet; None if all are."""
        rows = await self._database.query(self._first, {})
        return float(rows[0][0]) if rows else None

    async def by_month(self, since: str, until: str) -> Mapping[Key, Tally]:
        """What was counted on days from `since` (YYYY-MM-DD) to before `until`, summed by month: the key's day is the
        first one counted in its month.
        """
        rows = await self._database.query(self._by_month, {"since": since, "until": until})
        return {
            Key(day, Measure(measure), detail, channel, language, bucket): Tally(int(counted), float(seconds))
            for day, measure, detail, channel, language, bucket, counted, seconds in rows
        }

    async def durations(self, measure: Measure, since: str) -> Mapping[str, Mapping[int, int]]:
        """How often a duration was in each bucket since a day, by channel."""
        found: dict[str, dict[int, int]] = {}
        for channel, bucket, counted in await self._database.query(
            self._waits, {"measure": measure.value, "since": since}
        ):
            found.setdefault(channel, {})[bucket] = int(counted)
        return found


def _columns(key: Key) -> dict[str, object]:
    return {
        "day": key.day,
        "measure": key.measure.value,
        "detail": key.detail,
        "channel": key.channel,
        "language": key.language,
        "bucket": key.bucket,
    }
