"""Calls of a partner desk: find a case, accept it, record evidence, give the result, read the state.

Each change is one write: the case, an audit row for each move, and the stored answer of the call. What the desk
recommends goes to a reviewer; a desk never decides.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from broker.actions.assisted.context import (
    TRIES,
    CaseContext,
    apply_events,
    load_by_reference,
    load_case,
    save,
)
from broker.actions.assisted.evidence_input import all_fingerprints
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.desk.case_state import desk_case
from broker.actions.desk.messages import AcceptCase, DeskCase, FindCase, GiveResult, Message, Recommendation
from broker.actions.desk.once import DeskCall
from broker.actions.desk.ports import Desks
from broker.actions.desk.problems import DeskProblem, invalid, not_found, refused
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Decision, DeskVisit, Verdict
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.assisted.levels import assess
from broker.assisted.reasons import Reason, ReasonContext, valid_for
from broker.assisted.separation_of_duties import desk_id
from broker.assisted.transitions import TransitionRefused
from broker.model.audit import AuditEvent
from broker.model.desk import DeskAnswer, DeskSettings, Use
from broker.model.evidence_file import EvidenceFile
from broker.model.service import Service

OPEN: Final = frozenset({CaseState.REQUESTED, CaseState.SCHEDULED, CaseState.QUEUED})
"""States in which every desk finds the case of a citizen who comes to it."""


@dataclass(frozen=True, slots=True)
class DeskContext:
    """What the calls work with, built once."""

    cases: CaseContext
    desks: Desks
    settings: DeskSettings


@dataclass(frozen=True, slots=True)
class Step:
    """What a call does to a case as it was read: events of one moment, and the photograph that becomes READY with them.
    Uses are counted first; `limit` is the code of the refusal beyond their limit.
    """

    events: tuple[ev.ByStaff, ...]
    uses: tuple[Use, ...] = ()
    limit: str = ""
    file: EvidenceFile | None = None


async def find_case(context: DeskContext, call: DeskCall, body: FindCase) -> DeskAnswer:
    """Finds a case by its exact reference, and records that the desk looked. Raises DeskProblem."""
    who = actor(call.service, body)
    case = await load_by_reference(context.cases, body.reference)
    seen = case is not None and (case.state in OPEN or _is_own(case, call.service))
    now = context.cases.system.now()
    row = AuditEvent(
        "desk_found" if seen else "desk_not_found",
        now,
        who,
        case=case.id if case is not None and seen else None,
        client_id=call.service.client_id,
        details={"location": body.location_id},
    )
    await context.cases.stores.audit.write([row])
    if case is None or not seen:
        raise not_found()
    answer = call.answer(200, await view(context, case, call.service), now)
    await context.desks.keep(answer)
    return answer


async def accept_case(context: DeskContext, call: DeskCall, case_id: str, body: AcceptCase) -> DeskAnswer:
    """Claims a case for the desk: the citizen stands at its counter. Raises DeskProblem, 429 beyond the limit."""
    settings, by = context.settings, actor(call.service, body)
    visit = DeskVisit(call.service.client_id, body.location_id, by, settings.lease)

    async def make(case: Case) -> Step:
        if case.state not in OPEN and not _is_own(case, call.service):
            raise not_found()
        use = Use(case_mark(case.id), call.name, settings.per_case)
        return Step((ev.DeskAccepted(visit),), (use,), "case_limit")

    return await change(context, call, case_id, 200, make)


async def give_result(context: DeskContext, call: DeskCall, case_id: str, body: GiveResult) -> DeskAnswer:
    """Ends the visit with a recommendation, upon which a member of staff decides. Raises DeskProblem."""
    by = actor(call.service, body)

    async def make(case: Case) -> Step:
        check_visit(case, call.service, body)
        flags = (ev.Flagged(by, Reason.FRAUD_SIGNALS.value),) if body.suspected_fraud else ()
        return Step((*flags, await _ending(context, case, by, body)))

    return await change(context, call, case_id, 202, make)


async def read_case(context: DeskContext, service: Service, case_id: str) -> DeskCase:
    """A case that this desk was the last to accept. Raises DeskProblem."""
    case = await load_case(context.cases, case_id)
    if case is None or not _is_own(case, service):
        raise not_found()
    return await view(context, case, service)


async def change(
    context: DeskContext, call: DeskCall, case_id: str, status: int, make: Callable[[Case], Awaitable[Step]]
) -> DeskAnswer:
    """Changes a case as `make` decides of one reading, with the answer in the same write. Raises DeskProblem.

    Uses are counted after the rules allowed the change and before it is saved, once for the call.
    """
    for _ in range(TRIES):
        case = await load_case(context.cases, case_id)
        if case is None:
            raise not_found()
        step = await make(case)
        after = apply_events(context.cases, case, *step.events)
        if isinstance(after, TransitionRefused):
            raise refused(after)
        for use in step.uses:
            await _count(context, use, step.limit)
        content = await view(context, after, call.service)
        answer = call.answer(status, content, context.cases.system.now())
        if await save(context.cases, case, after, CaseWork(answers=(answer,), file=step.file)) is not None:
            return answer
        if await context.desks.answer(call.service.client_id, call.key, context.cases.system.now()) is not None:
            break
    raise DeskProblem(409, ActionRefused.CONFLICT.value, "the case was changed at the same moment")


def actor(service: Service, body: Message) -> str:
    """The id of the agent in cases and audit rows. Raises DeskProblem for a location that is not the desk's."""
    if body.location_id not in service.own.location_ids:
        raise invalid("/location_id", "unknown", "the desk has no such location")
    return desk_id(service.client_id, body.agent_id)


def check_holder(context: DeskContext, case: Case, by: str) -> None:
    """Raises DeskProblem if the desk may not record anything now, before the message is judged or anything counted."""
    why = apply_events(context.cases, case, ev.ChecksRecorded(by, ()))
    if isinstance(why, TransitionRefused):
        raise refused(why)


def check_visit(case: Case, service: Service, body: Message) -> None:
    """Raises DeskProblem if the last visit was at another desk or another location: 404, as for no case."""
    if not _is_own(case, service) or case.desk is None or case.desk.location != body.location_id:
        raise not_found()


async def view(context: DeskContext, case: Case, service: Service) -> DeskCase:
    """A case as the desk may see it."""
    used = await context.desks.counted(case_mark(case.id), context.cases.system.now())
    left = 0 if case.desk is not None and case.desk.final else max(0, context.settings.per_case - used.made)
    return desk_case(case, context.cases.rules.profiles, left, own=_is_own(case, service))


def case_mark(case_id: str) -> str:
    """Under what the visits of a case are counted."""
    return f"case:{case_id}"


def _is_own(case: Case, service: Service) -> bool:
    return case.desk is not None and case.desk.client_id == service.client_id


async def _count(context: DeskContext, use: Use, limit: str) -> None:
    now = context.cases.system.now()
    if await context.desks.count(use, now, now + context.settings.window) is None:
        until = (await context.desks.counted(use.mark, now)).until
        detail = "desks used this as often as they may"
        raise DeskProblem(429, limit, detail, retry_after=max(1, int(until - now)))


async def _ending(context: DeskContext, case: Case, by: str, body: GiveResult) -> ev.Recommended | ev.SessionDropped:
    """The event that ends the visit."""
    cases, reasons = context.cases, body.reasons
    if body.recommendation is Recommendation.INCOMPLETE:
        if body.final_attempt:
            raise invalid("/final_attempt", "not_with_incomplete", "a visit that broke off is no last attempt")
        if len(reasons) != 1 or not valid_for(ReasonContext.DROP, *reasons):
            raise refused(ActionRefused.REASON)
        return ev.SessionDropped(by, reasons[0])
    declines = body.recommendation is Recommendation.DECLINE
    if bool(reasons) != declines or (declines and not valid_for(ReasonContext.DECLINE, *reasons)):
        raise refused(ActionRefused.REASON)
    found, rules = assess(case, cases.rules.profiles), cases.rules
    verdict = Verdict(
        by=by,
        at=cases.system.now(),
        decision=Decision.DECLINE if declines else Decision.APPROVE,
        reasons=tuple(reasons),
        level=found.level,
        profile=found.profile,
        profiles=found.version,
    )
    marks = all_fingerprints(case, rules.region, cases.fingerprint)
    alike = await cases.stores.cases.count_similar(marks, case.id) if marks else 0
    return ev.Recommended(verdict, alike, body.final_attempt)
