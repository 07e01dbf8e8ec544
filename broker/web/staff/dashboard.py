"""The home page: held cases, the next case, the lists, and a case by its reference."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.call_backs import calls_wanted
from broker.actions.assisted.permissions import has_staff_role
from broker.actions.assisted.staff_results import ActionRefused, CaseView, StaffAction
from broker.actions.quality.exercises import Calibration
from broker.assisted.case import Case
from broker.assisted.case_row import CaseCounts, CaseFlag, CaseRow
from broker.assisted.case_states import CaseState
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff import quality_pages
from broker.web.staff.calibration_pages import may_practise
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.labels import STATES, WHY, history_line
from broker.web.staff.letter_pages import letters_offered
from broker.web.staff.lists import lists_of
from broker.web.staff.report_pages import may_read
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import case_presenter, refuse
from broker.web.staff.sent_notices import lost_notices

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


COMPLAINT = marked("The citizen complains")
_CORRECTABLE = marked("Decided, can be corrected")


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
    own_cases, stopped = await cases.own_cases(req.principal), await req.app.lists.stopped(req.principal)
    return req.visit.page(
        "desk",
        own_cases=[_row(one.case, tell) for one in own_cases],
        waiting=_waiting(await req.app.lists.counts(), words, tell.now),
        stopped=[_stopped(one, words, tell.now) for one in stopped] if isinstance(stopped, tuple) else [],
        lost=await lost_notices(req),
        lists=[*lists_of(req), *_about_work(req)],
        full=sum(one.case.unsettled is None for one in own_cases) >= req.member.capacity,
        may_take=has_staff_role(req.member, StaffAction.CLAIM),
        calls=await calls_wanted(cases.context) if has_staff_role(req.member, StaffAction.CALL_BACK) else 0,
        may_open=has_staff_role(req.member, StaffAction.OPEN),
        may_report=may_read(req),
        may_oversee=req.member.may(StaffRole.LEAD, StaffRole.AUDITOR, StaffRole.ADMIN),
        letters=letters_offered(req),
        may_book=has_staff_role(req.member, StaffAction.BOOK),
    )


def _about_work(req: StaffPage) -> list[tuple[str, str]]:
    """Address and title of the pages about the work of staff."""
    words, decides = req.visit.language, has_staff_role(req.member, StaffAction.DECIDE)
    return [
        *([("/outcomes", words.text("What became of my decisions"))] if decides else []),
        *([("/quality", words.text("Quality sample"))] if quality_pages.may_read(req) else []),
        *([("/calibration", words.text("Calibration"))] if may_practise(req.member) else []),
    ]


def _row(case: Case, tell: CasePresenter) -> Row:
    until = case.lease if case.unsettled is None else case.unsettled.until
    return Row(
        path=f"/cases/{case.id}",
        reference=readable(case.reference),
        state=tell.language.text(STATES[case.state] if case.unsettled is None else _CORRECTABLE),
        service=tell.service(case),
        lease="" if until is None else tell.language.format_time(until, tell.now),
        due=tell.language.format_time(tell.due(case), tell.now),
    )


def _stopped(one: CaseRow, words: Language, now: float) -> StoppedRow:
    late = CaseFlag.LATE in one.flags and one.state is CaseState.REVIEW
    written = CaseFlag.COMPLAINT in one.flags and one.state is not CaseState.HELD
    happened, _, why = one.why.partition(" ")
    return StoppedRow(
        readable(one.reference),
        words.text("Review is late") if late else words.text(COMPLAINT if written else STATES[one.state]),
        words.format_time(one.changed, now),
        history_line(happened, why, words),
    )


def _waiting(load: CaseCounts, words: Language, now: float) -> list[str]:
    def number(one: str, many: str, count: int) -> str:
        text = words.ngettext(one, many, count)
        return text.replace(str(count), f"{count}+", 1) if count >= load.most else text

    parts = [
        number("{n} case in line", "{n} cases in line", load.queued),
        number("{n} review", "{n} reviews", load.reviews),
    ]
    if load.late:
        parts.append(number("{n} of them late", "{n} of them late", load.late))
    if load.stopped:
        parts.append(number("{n} held for a lead", "{n} held for a lead", load.stopped))
    if load.oldest is not None:
        parts.append(words.text("the longest since {time}").format(time=words.format_time(load.oldest, now)))
    return parts


async def take(req: StaffPage) -> Response:
    """Claims the next case in turn. A made-up case that waits for the member of staff comes first."""
    if await req.visit.form() is None:
        return redirect_to("/", problem="again")
    made_up = await Calibration(req.cases.context).next(req.principal)
    if made_up is not None:
        return redirect_to(f"/tasks/{made_up.id}")
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
