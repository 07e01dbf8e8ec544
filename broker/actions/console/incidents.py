"""Incident jobs: a lead asks for an action with every case of a filter, and a worker does it until none is left.

Each case is a write of its own with its own audit row, and leaves the list with it (`touched`): after a crash the next
worker goes on where the last one stopped, and no case is changed twice. Cases that changed meanwhile are looked at
again in another pass, as long as a pass changes something.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.assisted.context import CaseContext, load_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef
from broker.actions.console.rows import RowAction, RowOrder, RowsDone, act_on_rows, reasons_for, touched
from broker.assisted.case_row import CaseFilter, CaseOrder
from broker.assisted.incidents import IncidentJob, IncidentProgress, IncidentState
from broker.assisted.reasons import valid_for
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.staff import StaffMember, StaffRole

BATCH: Final = 25
"""Cases that are read from the list at a time. How far a job is, is written once for each batch."""

LEASE: Final = 60.0
"""Seconds after which another worker takes over a job whose worker wrote nothing more."""

SHOWN: Final = 10
"""Jobs that the page shows."""

_EVENTS: Final = {RowAction.HOLD: "held", RowAction.END_HOLD: "hold_ended"}

Members = Callable[[], Awaitable[Mapping[str, StaffMember]]]
"""Returns the members of staff of this moment."""


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """The lead who asked for a job, without a session: they may do what needs no recent sign-in."""

    member: StaffMember
    fresh_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Incidents:
    """What leads do with incident jobs."""

    context: CaseContext

    async def recent(self) -> Sequence[IncidentJob]:
        """The newest jobs."""
        return await self.context.stores.incidents.recent(SHOWN)

    async def ask(
        self, who: StaffPrincipal, action: RowAction, reason: str, want: CaseFilter
    ) -> IncidentJob | ActionRefused:
        """Asks for an action with every case of a filter that exists now. REASON for a reason it does not take."""
        if not who.member.may(StaffRole.LEAD) or action not in _EVENTS:
            return ActionRefused.NOT_ALLOWED
        occasion = reasons_for(action)
        if occasion is None or not valid_for(occasion, reason):
            return ActionRefused.REASON
        now = self.context.system.now()
        present = replace(touched(action, want), before=min(now + 1, want.before or now + 1))
        name = handles.new_handle(self.context.system, "incident", 12)
        job = IncidentJob(name, who.member.id, now, action.value, reason, present)
        details = {"job": job.id, "action": job.action, "reason": job.reason}
        event = AuditEvent("incident_asked", now, f"staff:{job.by}", details=details)
        await self.context.stores.incidents.add(job, event)
        return job

    async def stop(self, who: StaffPrincipal, job_id: str) -> bool | ActionRefused:
        """Stops a job after its batch. False if it is not open any more."""
        if not who.member.may(StaffRole.LEAD):
            return ActionRefused.NOT_ALLOWED
        now = self.context.system.now()
        event = AuditEvent("incident_stopped", now, f"staff:{who.member.id}", details={"job": job_id})
        return await self.context.stores.incidents.stop(job_id, now, event)


async def run_incidents(context: CaseContext, members: Members) -> None:
    """Does what leads asked for, one job after the other. Several processes may run it concurrently."""
    while True:
        now = context.system.now()
        job = await context.stores.incidents.claim(now, now + LEASE)
        if job is None or not await _run(context, members, job):
            return


async def _run(context: CaseContext, members: Members, job: IncidentJob) -> bool:
    """Goes through the list until a pass changes nothing more. False if the job was stopped, or taken over."""
    store, resumed = context.stores.incidents, True
    while True:
        lead = (await members()).get(job.by)
        if lead is None or not lead.may(StaffRole.LEAD):
            return await _end(context, job, IncidentState.STOPPED)
        progress = await _batch(context, OnBehalf(lead), job, resumed=resumed)
        if progress.after is None and not (progress.changed and progress.left):
            return await _end(context, replace(job, progress=progress), IncidentState.DONE)
        if progress.after is None:
            progress = replace(progress, left=0, changed=False, after="")
        page = await context.stores.lists.page(job.want, CaseOrder.OLDEST, progress.after or None, BATCH)
        batch = tuple((row.id, row.edit_version) for row in page.rows)
        job = replace(job, progress=replace(progress, after=page.after, batch=batch))
        until = context.system.now() + LEASE
        if not await store.save(job, until):
            return False
        job, resumed = replace(job, leased=until), False


async def _batch(context: CaseContext, lead: OnBehalf, job: IncidentJob, *, resumed: bool) -> IncidentProgress:
    """Does it with the cases of the batch. Those of a `resumed` one may have been changed before a crash."""
    progress, done = job.progress, 0
    order = RowOrder(RowAction(job.action), job.reason, incident=True)
    for case_id, edition in progress.batch:
        result = await act_on_rows(context, lead, order, [CaseRef(case_id, edition)])
        changed = isinstance(result, RowsDone) and result.done == 1
        done += changed or (resumed and await _was_changed(context, job, case_id))
    left = len(progress.batch) - done
    return replace(
        progress, done=progress.done + done, left=progress.left + left, changed=progress.changed or done > 0, batch=()
    )


async def _was_changed(context: CaseContext, job: IncidentJob, case_id: str) -> bool:
    case, event = await load_case(context, case_id), _EVENTS[RowAction(job.action)]
    moves = () if case is None else case.history
    return any((move.event, move.who) == (event, job.by) and move.at >= job.asked for move in moves)


async def _end(context: CaseContext, job: IncidentJob, state: IncidentState) -> bool:
    now = context.system.now()
    details = {"job": job.id, "done": str(job.progress.done), "left": str(job.progress.left), "state": state.value}
    event = AuditEvent("incident_ended", now, "broker", details=details)
    return await context.stores.incidents.end(replace(job, state=state, ended=now), event)
