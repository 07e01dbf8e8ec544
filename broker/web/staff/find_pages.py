"""Find: a case or a failed sign-in by what the citizen says, and the look-ups that no work followed."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.permissions import has_staff_role
from broker.actions.assisted.staff_results import ActionRefused, StaffAction
from broker.actions.console.find import PAGE, LookUpBy
from broker.assisted.reasons import ReasonContext, valid_for
from broker.model.failures import FailureClass
from broker.model.sign_in_failure import SignInFailure
from broker.model.staff import StaffRole
from broker.model.staff_audit import StaffAct
from broker.web.citizens.failure_texts import FAILURE_TEXTS, marked
from broker.web.shared.pages import PageTemplate
from broker.web.staff.labels import WHY, reasons
from broker.web.staff.lists import list_row
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page, refuse

BY: Final = MappingProxyType(
    {
        LookUpBy.REFERENCE: marked("Reference"),
        LookUpBy.EMAIL: marked("Email address"),
        LookUpBy.PHONE: marked("Telephone number"),
        LookUpBy.DOCUMENT: marked("Number of a document"),
    }
)
_FIRST: Final = 2**62
"""An id that no audit row reaches: the first page."""

SHEETS = (
    PageTemplate("find", "staff/find.html", {"why": WHY, "by": {by.value: text for by, text in BY.items()}}),
    PageTemplate("found", "staff/found.html"),
    PageTemplate("look-ups", "staff/look_ups.html"),
    PageTemplate("acts", "staff/acts.html", {"why": WHY}),
)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One failed sign-in. `advice` is what to tell the citizen."""

    at: str
    heading: str
    meaning: str
    advice: str
    provider: str
    service: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ActRow:
    """One audit row of a member of staff."""

    at: str
    who: str
    what: str
    details: str
    case: str
    worked: bool


def find_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/find", staff(app, ask), methods=["GET"]),
        Route("/find", staff(app, look_up), methods=["POST"]),
        Route("/found", staff(app, show_found), methods=["GET"]),
        Route("/look-ups", staff(app, show_look_ups), methods=["GET"]),
        Route("/acts", staff(app, show_acts), methods=["POST"]),
    ]


async def ask(req: StaffPage) -> Response:
    """The form of a look-up. No reason is preset."""
    if not has_staff_role(req.member, StaffAction.OPEN):
        return outcome_page(req, "not-yours")
    return req.visit.page("find", may_watch=req.member.may(StaffRole.LEAD, StaffRole.AUDITOR))


async def look_up(req: StaffPage) -> Response:
    """Looks something up, and leads to what was found. What was typed never enters a URL."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/find", problem="again")
    by = form.get("by", "")
    if by not in set(LookUpBy):
        return redirect_to("/find", problem="choice")
    why = await req.app.finder.look_up(req.principal, LookUpBy(by), form.get("text", ""), form.get("reason", ""))
    match why:
        case None:
            return redirect_to("/found")
        case ActionRefused.UNKNOWN:
            return redirect_to("/find", problem="found_nothing")
        case _:
            return refuse(req, why, "/find")


async def show_found(req: StaffPage) -> Response:
    """What the last look-up found, with a form for each case that opens it for the same reason."""
    found, now, words = await req.app.finder.result(req.principal), req.app.system.now(), req.visit.language
    if found is None:
        return redirect_to("/find")
    return req.visit.page(
        "found",
        acts=(),
        reason=found.reason,
        reason_text=reasons([found.reason], words),
        failures=[_failure(one, req) for one in found.failures],
        rows=[list_row(row, req, now) for row in found.rows],
    )


def _failure(one: SignInFailure, req: StaffPage) -> FailureRow:
    words, service = req.visit.language, req.app.services.get(one.client_id)
    texts = FAILURE_TEXTS.get(FailureClass(one.failure)) if one.failure in set(FailureClass) else None
    return FailureRow(
        at=words.format_time(one.at, req.app.system.now()),
        heading=one.failure if texts is None else words.text(texts.heading),
        meaning="" if texts is None else words.text(texts.meaning),
        advice="" if texts is None else words.text(texts.advice),
        provider=one.provider,
        service=one.client_id if service is None else service.name(words.code),
        request_id=one.request_id,
    )


async def show_look_ups(req: StaffPage) -> Response:
    """For leads and auditors: look-ups that no work followed, or all."""
    query = req.visit.query
    idle, before = query.get("all") != "yes", _before(query.get("before", ""))
    acts = await req.app.finder.look_ups(req.principal, before, idle=idle)
    if isinstance(acts, ActionRefused):
        return outcome_page(req, "not-yours")
    shown = {} if idle else {"all": "yes"}
    return req.visit.page(
        "look-ups",
        idle=idle,
        rows=[_act(act, req) for act in acts],
        more={**shown, "before": str(acts[-1].id)} if len(acts) == PAGE else {},
        people=[(one.id, one.name) for one in req.app.members.values()] if req.member.may(StaffRole.AUDITOR) else (),
        reasons=[(word, req.visit.language.text(text)) for word, text in WHY[ReasonContext.OPEN.value].items()],
    )


async def show_acts(req: StaffPage) -> Response:
    """For auditors: what a member of staff did. A POST, since each reading has its reason in the audit record."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/look-ups", problem="again")
    reason, member = form.get("reason", ""), form.get("member", "")
    if not valid_for(ReasonContext.OPEN, reason):
        return redirect_to("/look-ups", problem="reason")
    acts = await req.app.finder.acts_of(req.principal, member, _before(form.get("before", "")), reason)
    if isinstance(acts, ActionRefused):
        return outcome_page(req, "not-yours")
    found = req.app.members.get(member)
    return req.visit.page(
        "acts",
        who=member if found is None else found.name,
        of=member,
        reason=reason,
        rows=[_act(act, req) for act in acts],
        before=str(acts[-1].id) if len(acts) == PAGE else "",
    )


def _before(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else _FIRST


def _act(act: StaffAct, req: StaffPage) -> ActRow:
    words, member = req.visit.language, req.app.members.get(act.member)
    details = dict(act.details)
    why = reasons(details.pop("reason", "").split(), words)
    return ActRow(
        at=words.format_time(act.at, req.app.system.now()),
        who=act.member if member is None else member.name,
        what=act.kind.removeprefix("case_").replace("_", " "),
        details="; ".join(filter(None, [why, *(f"{name}: {value}" for name, value in details.items() if value)])),
        case=act.case or "",
        worked=act.worked,
    )
