"""Calls to citizens who asked for one: the next call, what to say in it, and the code to read out."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.call_backs import call_missed, next_call, view_call
from broker.actions.assisted.staff_results import CaseView
from broker.assisted.reasons import ReasonContext
from broker.web.citizens.page_context import readable
from broker.web.shared.pages import PageTemplate
from broker.web.staff.labels import WHY
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import outcome_page, refuse

SHEETS = (PageTemplate("call", "staff/call.html", {"why": WHY[ReasonContext.CALL_MISSED]}),)


def call_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/calls/next", staff(app, take_call), methods=["POST"]),
        Route("/calls/{case}", staff(app, show_call), methods=["GET"]),
        Route("/calls/{case}/missed", staff(app, with_form(end_call)), methods=["POST"]),
    ]


async def take_call(req: StaffPage) -> Response:
    """Takes the next call."""
    if await req.visit.form() is None:
        return redirect_to("/", problem="again")
    taken = await next_call(req.cases.context, req.principal)
    return redirect_to(f"/calls/{taken.case.id}") if isinstance(taken, CaseView) else refuse(req, taken, "/")


async def show_call(req: StaffPage) -> Response:
    """The page of a call, for the agent who makes it."""
    call = await view_call(req.cases.context, req.principal, req.id)
    if call is None:
        return outcome_page(req, "call-over")
    words = req.visit.language
    return req.visit.page(
        "call",
        path=f"/calls/{call.case}",
        reference=readable(call.reference),
        number=call.number,
        language=call.language,
        code=f"{call.code[:3]} {call.code[3:]}",
        until=words.format_time(call.expires, req.app.system.now()),
    )


async def end_call(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records that the citizen was not reached."""
    done = await call_missed(req.cases.context, req.principal, req.id, form.get("reason", ""))
    return redirect_to("/", told="saved") if isinstance(done, CaseView) else refuse(req, done, f"/calls/{req.id}")
