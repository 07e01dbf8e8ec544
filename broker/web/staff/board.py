"""The lead's board, and the hold of many cases for an incident."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.console.incidents import Incidents
from broker.actions.console.lists import WorkList
from broker.actions.console.rows import RowAction, touched
from broker.actions.quality.exercises import Calibration
from broker.assisted.case_row import COUNTED, CaseFlag
from broker.assisted.incidents import IncidentJob, IncidentState
from broker.assisted.reasons import Reason, ReasonContext
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate
from broker.web.staff.calibration_pages import kind_row, member_row
from broker.web.staff.labels import WHY
from broker.web.staff.lists import (
    FLAGS,
    counted,
    filter_choices,
    filters,
    list_row,
    wanted,
)
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page

QUEUES: Final = (
    CaseFlag.FRAUD,
    CaseFlag.SAFEGUARDING,
    CaseFlag.SPENT,
    CaseFlag.PROMISE,
    CaseFlag.REDRESS,
    CaseFlag.COMPLAINT,
    CaseFlag.FROZEN,
    CaseFlag.STOPPED,
)
"""Marks whose cases are queues of the leads."""

DOING: Final[Mapping[str, str]] = MappingProxyType(
    {RowAction.HOLD.value: marked("Hold"), RowAction.END_HOLD.value: marked("Let go on")}
)
JOB_STATES: Final[Mapping[IncidentState, str]] = MappingProxyType(
    {
        IncidentState.OPEN: marked("Under way"),
        IncidentState.DONE: marked("Finished"),
        IncidentState.STOPPED: marked("Stopped"),
    }
)
SHEETS = (
    PageTemplate("board", "staff/board.html"),
    PageTemplate("incident", "staff/incident.html", {"why": WHY}),
)


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """A signed-in member of staff."""

    name: str
    used: str
    held: str
    path: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """An incident job. `stop` is its id while it can be stopped, "" then."""

    when: str
    by: str
    what: str
    state: str
    done: int
    left: int
    stop: str


def board_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/board", staff(app, show_board), methods=["GET"]),
        Route("/board/incident", staff(app, show_incident), methods=["GET"]),
        Route("/board/incident", staff(app, act_on_incident), methods=["POST"]),
    ]


async def show_board(req: StaffPage) -> Response:
    """What needs a lead now."""
    view = await req.app.oversight.board(req.principal, req.app.login.policy.sessions.idle)
    if isinstance(view, ActionRefused):
        return outcome_page(req, "not-yours")
    now, words = req.app.system.now(), req.visit.language
    members = req.app.members
    return req.visit.page(
        "board",
        acts=(),
        sections=[
            (
                name,
                words.text(title),
                [list_row(row, req, now) for row in rows],
                address,
            )
            for name, title, rows, address in (
                ("risk", marked("Deadlines at risk"), view.at_risk, "/cases"),
                ("unseen", marked("Flags that no lead has seen"), view.unseen, "/cases?mark=unseen"),
                ("questions", marked("Questions to a lead"), view.questions, "/cases?mark=question"),
            )
        ],
        queues=await _queues(req, view.counts.most),
        shift=[
            ShiftRow(
                members[one.member].name if one.member in members else one.member,
                words.format_time(one.used, now),
                f"{one.held} / {members[one.member].capacity}" if one.member in members else str(one.held),
                f"/cases?{urlencode({'holder': one.member})}",
            )
            for one in view.shift
        ],
        most=view.counts.most,
        calibrated=[
            [row(req, name, one) for name, one in found.items()]
            for row, found in zip((member_row, kind_row), await Calibration(req.cases.context).agreement(), strict=True)
        ],
        overdue=await req.app.access.overdue(),
    )


async def _queues(req: StaffPage, most: int) -> list[tuple[str, str, str]]:
    """The queues of a lead: title, address, and how many cases are in it."""
    words, counts = req.visit.language, await req.app.lists.marked(QUEUES)
    found = []
    for flag, count in zip(QUEUES, counts, strict=True):
        word, title = FLAGS[flag]
        found.append((words.text(title), f"/cases?mark={word}", counted(count, most)))
    return found


async def show_incident(req: StaffPage) -> Response:
    """The first step of a hold of many cases: which ones, and how many they are."""
    if not req.member.may(StaffRole.LEAD):
        return outcome_page(req, "not-yours")
    query, now, lists = req.visit.query, req.app.system.now(), req.cases.context.stores.lists
    words, kept = req.visit.language, filters(query)
    want, _ = wanted(kept, now)
    jobs = [_job_row(job, req) for job in await Incidents(req.cases.context).recent()]
    return req.visit.page(
        "incident",
        choices=tuple(filter_choices(req, WorkList.CASES, kept)),
        kept=tuple(kept.items()),
        count=counted(await lists.count(touched(RowAction.HOLD, want)), COUNTED) if "sort" in query else None,
        held=counted(await lists.count(touched(RowAction.END_HOLD, want)), COUNTED) if "sort" in query else None,
        jobs=jobs,
        running=any(job.stop for job in jobs),
        ends=[(word, words.text(text)) for word, text in WHY[ReasonContext.END_HOLD.value].items()],
    )


def _job_row(job: IncidentJob, req: StaffPage) -> JobRow:
    words, found = req.visit.language, req.app.members.get(job.by)
    return JobRow(
        when=words.format_time(job.asked, req.app.system.now()),
        by=job.by if found is None else found.name,
        what=words.text(DOING[job.action]),
        state=words.text(JOB_STATES[job.state]),
        done=job.progress.done,
        left=job.progress.left,
        stop=job.id if job.state is IncidentState.OPEN else "",
    )


async def act_on_incident(req: StaffPage) -> Response:
    """The second step: asks for a hold of the open cases of the filter, or that those go on that an incident holds.
    A worker does it. Also stops what a worker does."""
    form, at, incidents = await req.visit.form(), "/board/incident", Incidents(req.cases.context)
    if form is None:
        return redirect_to(at, problem="again")
    kept, action = filters(form), form.get("do", "")
    if action == "stop":
        stopped = await incidents.stop(req.principal, form.get("job", ""))
        return outcome_page(req, "not-yours") if isinstance(stopped, ActionRefused) else redirect_to(at)
    if action not in DOING:
        return redirect_to(at, **kept, problem="choice")
    reason = Reason.INCIDENT.value if action == RowAction.HOLD else form.get("reason", "")
    want, _ = wanted(kept, req.app.system.now())
    match await incidents.ask(req.principal, RowAction(action), reason, want):
        case ActionRefused.REASON:
            return redirect_to(at, **kept, problem="reason")
        case ActionRefused():
            return outcome_page(req, "not-yours")
        case _:
            return redirect_to(at, **kept, told="incident")
