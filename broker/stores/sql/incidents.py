"""Incident jobs in SQL. A worker has a job while its lease lasts, and renews it with each batch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
from sqlalchemy import Double, Integer, bindparam, insert, select, update

from broker.assisted.case_row import CaseFilter, CaseFlag
from broker.assisted.case_states import CaseState
from broker.assisted.incidents import IncidentJob, IncidentProgress, IncidentState
from broker.model.audit import AuditEvent
from broker.stores.sql import audit as audit_rows
from broker.stores.sql.centre_tables import incident_jobs
from broker.stores.sql.database import AtomicWrite, Database

_c: Final = incident_jobs.c
_OPEN: Final = IncidentState.OPEN.value
_progress: Final = msgspec.json.Decoder(IncidentProgress)


class SqlIncidents:
    """Incident jobs in SQL."""

    def __init__(self, database: Database, audit_log: audit_rows.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        values = {column.name: bindparam(column.name, type_=column.type) for column in _c}
        self._add = database.prepare(
            AtomicWrite(insert(incident_jobs).values(**values).returning(_c.id), (audit_rows.insert_rows(),))
        )
        now, until = bindparam("now", type_=Double), bindparam("until", type_=Double)
        first = select(_c.id).where(_c.state == _OPEN).order_by(_c.asked, _c.id).limit(1).scalar_subquery()
        self._claim = database.prepare(
            update(incident_jobs)
            .where(_c.id == first, _c.state == _OPEN, _c.leased <= now)
            .values(leased=until)
            .returning(*_c)
        )
        written = {name: values[name] for name in ("state", "progress", "ended")}
        save = (
            update(incident_jobs)
            .where(_c.id == values["id"], _c.state == _OPEN, _c.leased == values["leased"])
            .values(leased=until, **written)
            .returning(_c.id)
        )
        self._save = database.prepare(save)
        self._end = database.prepare(AtomicWrite(save, (audit_rows.insert_rows(),)))
        stopped = {"state": IncidentState.STOPPED.value, "ended": now}
        self._stop = database.prepare(
            AtomicWrite(
                update(incident_jobs)
                .where(_c.id == values["id"], _c.state == _OPEN)
                .values(**stopped)
                .returning(_c.id),
                (audit_rows.insert_rows(),),
            )
        )
        self._any = database.prepare(select(_c.id).where(_c.state == _OPEN).limit(1))
        self._recent = database.prepare(
            select(*_c).order_by(_c.asked.desc(), _c.id).limit(bindparam("limit", type_=Integer))
        )

    async def add(self, job: IncidentJob, event: AuditEvent) -> None:
        """Writes a new job, with its audit row."""
        await self._audit.perform(self._add, _row(job), [event])

    async def claim(self, now: float, until: float) -> IncidentJob | None:
        """The oldest open job, for the worker that asks; None if there is none, or if another worker has it."""
        if not await self._database.query(self._any, {}):
            return None
        rows = await self._database.perform(self._claim, {"now": now, "until": until})
        return _job(rows[0]) if rows else None

    async def save(self, job: IncidentJob, until: float) -> bool:
        """Writes how far a job is, and renews its lease. False, and nothing written, if it is not open any more, or if
        another worker has it."""
        return bool(await self._database.perform(self._save, {**_row(job), "until": until}))

    async def end(self, job: IncidentJob, event: AuditEvent) -> bool:
        """Writes the end of a job, with its audit row. False, and nothing written, as for `save`."""
        return bool(await self._audit.perform(self._end, {**_row(job), "until": 0.0}, [event]))

    async def stop(self, job_id: str, now: float, event: AuditEvent) -> bool:
        """Stops an open job, with its audit row. False if it is not open."""
        return bool(await self._audit.perform(self._stop, {"id": job_id, "now": now}, [event]))

    async def recent(self, limit: int) -> Sequence[IncidentJob]:
        """The newest jobs."""
        return [_job(row) for row in await self._database.query(self._recent, {"limit": limit})]


def _row(job: IncidentJob) -> Mapping[str, object]:
    return {
        "id": job.id,
        "by": job.by,
        "asked": job.asked,
        "action": job.action,
        "reason": job.reason,
        "want": msgspec.json.encode(asdict(job.want)).decode(),
        "state": job.state.value,
        "progress": msgspec.json.encode(job.progress).decode(),
        "leased": job.leased,
        "ended": job.ended,
    }


def _job(row: Sequence[Any]) -> IncidentJob:
    job_id, by, asked, action, reason, want, state, progress, leased, ended = row
    return IncidentJob(
        job_id,
        by,
        asked,
        action,
        reason,
        _filter(msgspec.json.decode(want)),
        IncidentState(state),
        _progress.decode(progress),
        leased,
        ended,
    )


def _filter(stored: dict[str, Any]) -> CaseFilter:
    state = stored.pop("state", None)
    return CaseFilter(
        **{**stored, "state": None if state is None else CaseState(state), "flags": CaseFlag(stored.get("flags", 0))}
    )
