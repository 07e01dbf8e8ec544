"""Assisted verification: the form to request it, and the forms of a waiting case."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.citizen import CitizenCases
from broker.actions.browser import Browser
from broker.actions.results import (
    ContinuationIssued,
    HelpOffered,
    HelpRefused,
    HelpRequest,
    RateLimited,
)
from broker.actions.sign_in import dispatch
from broker.actions.views import CaseStatusView, DeadEnd
from broker.assisted.case_status import CaseStage
from broker.assisted.former import CasePurpose
from broker.web.citizens.binding_pages import keep_mark
from broker.web.citizens.case_status_page import ALWAYS_DATED
from broker.web.citizens.help_form import ADDRESS, NEAR, NO_WAY, SECOND, UNREACHABLE, help_page, read_wanted
from broker.web.citizens.help_form import SHEETS as FORM_SHEETS
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import readable
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, set_cookie

SHEETS = (
    *FORM_SHEETS,
    PageTemplate("withdraw", "citizens/withdraw.html"),
    PageTemplate("open-case", "citizens/open_case.html"),
)


def help_routes(app: CitizenApp) -> list[Route]:
    """The routes of requests for help."""
    return [
        Route("/journey/{handle}/help", page(app, help_form), methods=["GET"]),
        Route("/journey/{handle}/help", page(app, request_help), methods=["POST"]),
        Route("/journey/{handle}/change", page(app, change_form), methods=["GET"]),
        Route("/journey/{handle}/change", page(app, change_request), methods=["POST"]),
        Route("/journey/{handle}/withdraw", page(app, ask_withdrawal), methods=["GET"]),
        Route("/journey/{handle}/ready", page(app, _button(lambda c, h, b: c.ready(h, b))), methods=["POST"]),
        Route("/journey/{handle}/keep-open", page(app, _button(lambda c, h, b: c.keep_open(h, b))), methods=["POST"]),
        Route(
            "/journey/{handle}/remove-second",
            page(app, _button(lambda c, h, b: c.remove_second(h, b))),
            methods=["POST"],
        ),
        Route("/journey/{handle}/status", page(app, _button(lambda c, h, b: c.resume_case(h, b))), methods=["POST"]),
        Route("/journey/{handle}/withdraw", page(app, _button(lambda c, h, b: c.withdraw(h, b))), methods=["POST"]),
    ]


async def help_form(req: CitizenRequest) -> Response:
    """The page with the form and what the citizen should have ready."""
    asked = req.request.query_params.get("for", "")
    return await _show_form(req, {"for": asked} if asked else {}, {})


def _purpose(form: Mapping[str, str]) -> CasePurpose:
    """What the citizen asks for: a new passkey, or anything else."""
    return CasePurpose.REBIND if form.get("for") == CasePurpose.REBIND else CasePurpose.NEW


async def request_help(req: CitizenRequest) -> Response:
    """Submits a request for help. An incomplete form is shown again with the typed values and error texts."""
    form = await req.form()
    if form is None:
        return redirect_to(f"{req.base}/help", "again")
    if (other := req.switched(form)) is not None:
        return await _show_form(other, form, {})
    wanted, missing = read_wanted(form, req.app.region)
    if _orders(form, complete=wanted is not None):
        return await _show_form(req, form, {})
    if wanted is None:
        return await _show_form(req, form, missing)
    wanted = replace(wanted, purpose=_purpose(form))
    outcome = await req.app.cases.request_help(req.handle, req.browser, wanted)
    if isinstance(outcome, HelpRefused) and (error := _refused(outcome, wanted)):
        return await _show_form(req, form, error)
    if isinstance(outcome, RateLimited):
        frame = req.frame(outcome.transaction.language if outcome.transaction else None)
        return req.answer(rate_limited_page(outcome, frame), frame)
    response = redirect_to(req.base, "not_now" if outcome is HelpRefused.NOT_NOW else "")
    if isinstance(outcome, ContinuationIssued):
        set_cookie(response, cookies.code(req.handle, outcome.code))
        keep_mark(req, response, outcome.mark)
    return response


def _orders(form: Mapping[str, str], *, complete: bool) -> bool:
    """Whether the form only orders the counters: its button was pressed, or Enter in the field of the place, which
    presses the first button, before the rest was typed."""
    return form.get("do") == NEAR or (not complete and form.get("near", "") != form.get("near_shown", ""))


def _refused(why: HelpRefused, wanted: HelpRequest) -> dict[str, str]:
    """The error texts of a refused request, by field; none if the form is not at fault."""
    match why:
        case HelpRefused.ADDRESS:
            return {"address": ADDRESS[wanted.way]}
        case HelpRefused.UNREACHABLE:
            return {"address": UNREACHABLE}
        case HelpRefused.WAY:
            return {"way": NO_WAY}
        case HelpRefused.SECOND:
            return {"second": SECOND}
        case _:
            return {}


async def change_form(req: CitizenRequest) -> Response:
    """The form with what was asked for."""
    return await _show_change(req, {}, {})


async def change_request(req: CitizenRequest) -> Response:
    """Changes what was asked for, as long as no member of staff has the case."""
    form = await req.form()
    if form is None:
        return redirect_to(f"{req.base}/change", "again")
    if (other := req.switched(form)) is not None:
        return await _show_change(other, form, {})
    wanted, missing = read_wanted(form, req.app.region, changing=True)
    if _orders(form, complete=wanted is not None):
        return await _show_change(req, form, {})
    if wanted is None:
        return await _show_change(req, form, missing)
    outcome = await req.app.cases.change_request(req.handle, req.browser, wanted)
    if isinstance(outcome, HelpRefused) and (error := _refused(outcome, wanted)):
        return await _show_change(req, form, error)
    return redirect_to(req.base, "not_now" if outcome is HelpRefused.NOT_NOW else "")


async def _show_change(req: CitizenRequest, typed: Mapping[str, str], missing: Mapping[str, str]) -> Response:
    offered = await req.app.cases.offer_change(req.handle, req.browser)
    if not isinstance(offered, HelpOffered):
        return redirect_to(req.base, "" if isinstance(offered, DeadEnd) else "not_now")
    frame = req.frame(offered.transaction.language)
    return req.answer(help_page(req.app, offered, frame, typed, missing), frame)


async def ask_withdrawal(req: CitizenRequest) -> Response:
    """Asks before a request for help is taken back."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    if not isinstance(view, CaseStatusView):
        return redirect_to(req.base)
    frame = req.frame(language_of(view))
    appointment = view.status.appointment
    variables = frame.template_variables(
        view.service,
        reference=readable(view.status.reference),
        in_line=view.status.stage is CaseStage.IN_LINE,
        appointment=None if appointment is None else frame.language.format_time(appointment.begins, ALWAYS_DATED),
    )
    return req.answer(PageResponse("withdraw", variables), frame, shared)


async def _show_form(req: CitizenRequest, typed: Mapping[str, str], missing: Mapping[str, str]) -> Response:
    asked = _purpose(typed)
    offered = await dispatch.help_on_offer(req.app.context, req.app.cases, req.handle, req.browser, asked)
    if not isinstance(offered, HelpOffered):
        frame = req.frame(language_of(offered))
        return req.answer(render_view(offered, frame, req.cookies), frame)
    frame = req.frame(offered.transaction.language)
    return req.answer(help_page(req.app, offered, frame, typed, missing), frame)


def _button(
    act: Callable[[CitizenCases, str, Browser], Awaitable[HelpRefused | DeadEnd | None]],
) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler for a form without fields."""

    async def answer(req: CitizenRequest) -> Response:
        if await req.form() is None:
            return redirect_to(req.base, "again")
        outcome = await act(req.app.cases, req.handle, req.browser)
        return redirect_to(req.base, outcome.value if isinstance(outcome, HelpRefused) else "")

    return answer
