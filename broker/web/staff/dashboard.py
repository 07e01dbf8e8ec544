"""The home page: held cases, the next case, and a case by its reference. There is nothing to browse or search."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.permissions import has_staff_role
from broker.actions.assisted.staff_results import ActionRefused, CaseView, HeldCase, StaffAction, Workload
from broker.assisted.case import Case
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.labels import STATES, WHY, history_line
from broker.web.staff.report_pages import may_read
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import case_presenter, refuse

SHEETS = (PageTemplate("desk", "staff/home.html", {"why": WHY}),)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the held cases."""

    path: str
    reference: str
    state: str
    service: str
    lease: str
    due: str


@dataclass(frozen=True, slots=True)
class StoppedRow:
    """One row of the cases that wait for a lead."""

    reference: str
    state: str
    since: str
    why: str


def home_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/", staff(app, home), methods=["GET"]),
        Route("/next", staff(app, take), methods=["POST"]),
        Route("/open", staff(app, find), methods=["POST"]),
    ]


async def home(req: StaffPage) -> Response:
    """The home page."""
    cases, words, tell = req.cases, req.visit.language, case_presenter(req)
    own_cases, stopped = await cases.own_cases(req.principal), await cases.stopped(req.principal)
    return req.visit.page(
        "desk",
        own_cases=[_row(one.case, tell) for one in own_cases],
        waiting=_waiting(await cases.workload(), words, tell.now),
        stopped=[_stopped(one, words, tell.now) for one in stopped] if isinstance(stopped, tuple) else [],
        may_take=has_staff_role(req.member, StaffAction.CLAIM),
        may_open=has_staff_role(req.member, StaffAction.OPEN),
        may_report=may_read(req),
    )


def _row(case: Case, tell: CasePresenter) -> Row:
    return Row(
        path=f"/cases/{case.id}",
        reference=readable(case.reference),
        state=tell.language.text(STATES[case.state]),
        service=tell.service(case),
        lease="" if case.lease is None else tell.language.format_time(case.lease, tell.now),
        due=tell.language.format_time(tell.due(case), tell.now),
    )


def _stopped(one: HeldCase, words: Language, now: float) -> StoppedRow:
    state = words.text("Review is late") if one.late else words.text(STATES[one.state])
    happened, _, why = one.why.partition(" ")
    return StoppedRow(
        readable(one.reference), state, words.format_time(one.since, now), history_line(happened, why, words)
    )


def _waiting(load: Workload, words: Language, now: float) -> list[str]:
    parts = [
        words.ngettext("{n} case in line", "{n} cases in line", load.queued),
        words.ngettext("{n} review", "{n} reviews", load.reviews),
    ]
    if load.late_reviews:
        parts.append(words.ngettext("{n} of them late", "{n} of them late", load.late_reviews))
    if load.held:
        parts.append(words.ngettext("{n} held for a lead", "{n} held for a lead", load.held))
    if load.oldest is not None:
        parts.append(words.text("the longest since {time}").format(time=words.format_time(load.oldest, now)))
    return parts


async def take(req: StaffPage) -> Response:
    """Claims the next case in turn."""
    if await req.visit.form() is None:
        return redirect_to("/", problem="again")
    taken = await req.cases.next_case(req.principal)
    if isinstance(taken, CaseView):
        return redirect_to(f"/cases/{taken.case.id}")
    return refuse(req, taken, "/")


async def find(req: StaffPage) -> Response:
    """Looks a case up by its exact reference."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/", problem="again")
    reference, reason = form.get("reference", ""), form.get("reason", "")
    found = await req.cases.open_by_reference(req.principal, reference, reason)
    match found:
        case CaseView():
            return redirect_to(f"/cases/{found.case.id}")
        case ActionRefused.UNKNOWN:
            return redirect_to("/", problem="reference")
        case _:
            return refuse(req, found, "/")
