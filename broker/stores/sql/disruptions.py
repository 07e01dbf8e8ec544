"""Disruptions in SQL: recorded by one process at a time, with a heartbeat that tells when nothing was recorded."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Double, Text, bindparam, literal_column, or_, select

from broker.model.disruption import Disruption, DisruptionKind, StatusRecord, disruption_event
from broker.stores.sql.audit import SqlAudit, insert_rows, rows
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.open_data_tables import disruptions, heartbeats

_LEASE: Final = "status"
_FIRST, _LAST = "first", "last"

Decide = Callable[[Sequence[Disruption], float | None], Sequence[Disruption]]
"""Takes the disruptions that last and the time of the last record; returns those that begin or end."""


class SqlDisruptions:
    """Disruptions in SQL. What began or ended is in the audit record by the same transaction."""

    def __init__(self, database: Database, audit_log: SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        i, h = disruptions.c, heartbeats.c
        columns = (i.subject, i.kind, i.began, i.ended)
        self._lasting = database.prepare(select(*columns).where(i.ended.is_(None)))
        self._recent = database.prepare(
            select(*columns)
            .where(or_(i.ended.is_(None), i.ended >= bindparam("since", type_=Double)))
            .order_by(i.began.desc(), i.subject)
        )
        self._beats = database.prepare(select(h.name, h.at))
        at = bindparam("at", type_=Double)
        beat = database.upsert(heartbeats).values(name=bindparam("name", type_=Text), at=at)
        self._first = database.prepare(beat.on_conflict_do_nothing(index_elements=["name"]))
        self._last = database.prepare(beat.on_conflict_do_update(index_elements=["name"], set_={"at": at}))
        ended = bindparam("ended", type_=Double)
        made = database.upsert(disruptions).values(
            subject=bindparam("subject", type_=Text),
            kind=bindparam("kind", type_=Text),
            began=bindparam("began", type_=Double),
            ended=ended,
        )
        self._write = database.prepare(
            made.on_conflict_do_update(index_elements=["subject", "began"], set_={"ended": ended})
        )
        self._written = database.prepare(AtomicWrite(None, (insert_rows(),), select(literal_column("1"))))

    async def record(self, now: float, decide: Decide) -> Sequence[Disruption]:
        """Records what `decide` says, and that something was recorded. Returns what began or ended: nothing also if
        another process records at present.
        """
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return ()
            beats = {name: float(at) for name, at in await unit.run(self._beats, {})}
            lasting = [_disruption(row) for row in await unit.run(self._lasting, {})]
            changed = decide(lasting, beats.get(_LAST))
            for one in changed:
                values = {"subject": one.subject, "kind": one.kind.value, "began": one.began, "ended": one.ended}
                await unit.run(self._write, values)
            events = [disruption_event(one, now) for one in changed]
            if events:
                await unit.run(self._written, {"events": rows(events)})
            await unit.run(self._first, {"name": _FIRST, "at": now})
            await unit.run(self._last, {"name": _LAST, "at": now})
        self._audit.report(events)
        return changed

    async def recent(self, since: float) -> StatusRecord:
        """The disruptions that last or ended after a time, the newest first, and from when to when was recorded."""
        beats = {name: float(at) for name, at in await self._database.query(self._beats, {})}
        found = await self._database.query(self._recent, {"since": since})
        return StatusRecord(tuple(_disruption(row) for row in found), beats.get(_FIRST), beats.get(_LAST))


def _disruption(row: Sequence[object]) -> Disruption:
    subject, kind, began, ended = row
    return Disruption(
        str(subject), DisruptionKind(str(kind)), float(str(began)), None if ended is None else float(str(ended))
    )
