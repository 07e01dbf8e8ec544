"""Ports of the console's lists."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from broker.assisted.case import Case
from broker.assisted.case_row import CaseCounts, CaseFilter, CaseOrder, CasePage, CaseRow
from broker.assisted.incidents import IncidentJob
from broker.assisted.queue import Worker
from broker.model.audit import AuditEvent
from broker.model.staff import SavedViews, StaffPresence
from broker.model.staff_audit import StaffAct
from broker.model.staff_people import LastUse


class SavedViewStore(Protocol):
    """Views of lists that staff saved. The content is sealed."""

    async def load(self, member: str) -> SavedViews:
        """The views of a member of staff, none if they saved none."""
        ...

    async def save(self, member: str, views: SavedViews, now: float) -> None:
        """Writes the views of a member of staff in place of those of before."""
        ...


class StaffAudit(Protocol):
    """Audit rows of members of staff, the newest first. `before` is the id of the last row of the page before."""

    async def look_ups(self, since: float, before: int, limit: int, *, idle: bool) -> Sequence[StaffAct]:
        """Look-ups of cases since a time; with `idle` those that no work followed."""
        ...

    async def last_use(self, since: float) -> Mapping[str, LastUse]:
        """For each member of staff since a time: the last sign-in, and the last time of each kind of audit row."""
        ...

    async def began(self) -> float | None:
        """When the audit record begins, in seconds since 1970 UTC; None if it has no row."""
        ...

    async def of_member(self, member: str, before: int, limit: int) -> Sequence[StaffAct]:
        """What a member of staff did."""
        ...


class StaffPresences(Protocol):
    """Sessions of members of staff."""

    async def present(self, now: float, idle_since: float) -> Sequence[StaffPresence]:
        """Who is signed in and has used the console since `idle_since`."""
        ...

    async def end_all(self, member: str, event: AuditEvent) -> int:
        """Ends every session of a member of staff, with an audit row if there was one. Returns how many."""
        ...


class CaseLists(Protocol):
    """Lists of cases. The cost of each method does not depend on how many cases there are."""

    async def page(self, want: CaseFilter, order: CaseOrder, after: str | None, limit: int) -> CasePage:
        """At most `limit` rows of the filter's cases. No record is opened."""
        ...

    async def by_reference(self, reference: str) -> Sequence[CaseRow]:
        """The rows of the cases with this reference, in any notation, the newest first. No record is opened."""
        ...

    async def by_fingerprints(self, marks: Sequence[str], limit: int) -> Sequence[CaseRow]:
        """The rows of the newest cases that bear one of these keyed digests. No record is opened."""
        ...

    async def held(self) -> Mapping[str, int]:
        """How many open cases each holder has."""
        ...

    async def count(self, want: CaseFilter) -> int:
        """How many cases a filter selects, up to the `most` of `counts`."""
        ...

    async def counts(self) -> CaseCounts:
        """How many cases wait. No record is opened."""
        ...

    async def next_for(self, worker: Worker, now: float, limit: int, after: Case | None = None) -> Sequence[Case]:
        """At most `limit` cases that may be next for a member of staff, in turn, after an earlier one."""
        ...


class IncidentJobs(Protocol):
    """Jobs of leads with every case of a filter. A worker has a job while its lease lasts."""

    async def add(self, job: IncidentJob, event: AuditEvent) -> None:
        """Writes a new job, with its audit row."""
        ...

    async def claim(self, now: float, until: float) -> IncidentJob | None:
        """The oldest open job, for the worker that asks; None if there is none, or if another worker has it."""
        ...

    async def save(self, job: IncidentJob, until: float) -> bool:
        """Writes how far a job is, and renews its lease. False, and nothing written, if it is not open any more, or if
        another worker has it."""
        ...

    async def end(self, job: IncidentJob, event: AuditEvent) -> bool:
        """Writes the end of a job, with its audit row. False, and nothing written, as for `save`."""
        ...

    async def stop(self, job_id: str, now: float, event: AuditEvent) -> bool:
        """Stops an open job, with its audit row. False if it is not open."""
        ...

    async def recent(self, limit: int) -> Sequence[IncidentJob]:
        """The newest jobs."""
        ...
