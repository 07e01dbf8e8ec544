"""Continuation code pages: create a code to finish later, and enter it on any device."""

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.results import ContinuationIssued, ResumedTransaction
from broker.actions.sign_in import dispatch, resume
from broker.actions.views import CaseStatusView, ConsentView, FailureView, PickerView
from broker.web.citizens.continuation_code import code_variables
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import TypedValues
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, set_cookie

SHEETS = (
    PageTemplate("resume-later", "citizens/resume_later.html"),
    PageTemplate("continue", "citizens/continue.html"),
)
PLACE = "continue"
"""CSRF token place of the page to enter a code, before there is a transaction."""


def resume_routes(app: CitizenApp) -> list[Route]:
    """The routes of continuation codes."""
    return [
        Route("/journey/{handle}/later", page(app, show_code), methods=["GET"]),
        Route("/journey/{handle}/later", page(app, create_code), methods=["POST"]),
        Route("/continue", page(app, code_form), methods=["GET"]),
        Route("/continue", page(app, resume_with_code), methods=["POST"]),
    ]


async def show_code(req: CitizenRequest) -> Response:
    """The page of the code while this browser has its cookie, else of the button that creates one."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    frame = req.frame(language_of(view))
    if not isinstance(view, PickerView | FailureView | ConsentView | CaseStatusView):
        return req.answer(render_view(view, frame, req.cookies), frame, shared)
    until = frame.language.format_time(view.transaction.expires, frame.now)
    variables = frame.template_variables(
        view.service, until=until, **code_variables(req.cookies.get(cookies.CODE), frame)
    )
    return req.answer(PageResponse("resume-later", variables), frame, shared)


async def create_code(req: CitizenRequest) -> Response:
    """Creates a code. A cookie keeps it for 10 minutes, so that a reload or the back button does not lose it."""
    if await req.form() is None:
        return redirect_to(f"{req.base}/later", "again")
    given = await resume.finish_later(req.app.context, req.app.cases, req.handle, req.browser)
    if not isinstance(given, ContinuationIssued):
        return redirect_to(req.base)
    response = redirect_to(f"{req.base}/later")
    set_cookie(response, cookies.code(req.handle, given.code))
    return response


async def code_form(req: CitizenRequest) -> Response:
    """The page to enter a code. The QR code's address fills it in; the citizen still has to submit the form."""
    frame = req.frame(place=PLACE)
    brought = req.request.query_params.get("code", "")[:64]
    typed = req.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return req.answer(
        PageResponse("continue", frame.template_variables(None, typed=TypedValues(typed), keeps=True)), frame
    )


async def resume_with_code(req: CitizenRequest) -> Response:
    """Moves the transaction to this browser; the previous browser loses it."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to("/continue", "again")
    if (other := req.switched(form)) is not None:
        return await code_form(other)
    resumed = await resume.resume(req.app.context, req.app.cases, form.get("code", "")[:64], req.browser)
    if not isinstance(resumed, ResumedTransaction):
        return redirect_to("/continue", "code" if resumed is None else "bound_elsewhere")
    response = redirect_to(f"/journey/{resumed.handle}")
    set_cookie(response, cookies.browser(req.browser.secrets, resumed.secret))
    if resumed.code is not None:
        set_cookie(response, cookies.code(resumed.handle, resumed.code))
    return response
