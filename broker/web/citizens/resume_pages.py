"""Finishing later: a code that brings the citizen back, on any device, and the page where it is typed in."""

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.results import ContinuationIssued
from broker.actions.sign_in import dispatch, resume
from broker.actions.views import CaseStatusView, ConsentView, FailureView, PickerView
from broker.web.citizens.continuation_code import slip
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import TypedValues
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, set_cookie

SHEETS = (
    PageTemplate("later", "citizens/later.html"),
    PageTemplate("continue", "citizens/continue.html"),
)
PLACE = "continue"
"""What the token of the page for typing in a code is made for: there is no transaction yet."""


def later_routes(door: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/later", page(door, look), methods=["GET"]),
        Route("/journey/{handle}/later", page(door, make), methods=["POST"]),
        Route("/continue", page(door, ask), methods=["GET"]),
        Route("/continue", page(door, take), methods=["POST"]),
    ]


async def look(here: CitizenRequest) -> Response:
    """The code, as long as this browser remembers it; else the button that makes one."""
    view, shared = await dispatch.current_view(here.app.context, here.app.cases, here.handle, here.browser)
    frame = here.frame(language_of(view))
    if not isinstance(view, PickerView | FailureView | ConsentView | CaseStatusView):
        return here.answer(render_view(view, frame, here.cookies), frame, shared)
    until = frame.language.format_time(view.transaction.expires, frame.now)
    holes = frame.holes(view.service, until=until, **slip(here.cookies.get(cookies.CODE), frame))
    return here.answer(PageResponse("later", holes), frame, shared)


async def make(here: CitizenRequest) -> Response:
    """Makes a code. The browser remembers it for some minutes, so that a reload or the back button does not lose it."""
    if await here.form() is None:
        return redirect_to(f"{here.base}/later", "again")
    given = await resume.finish_later(here.app.context, here.app.cases, here.handle, here.browser)
    if not isinstance(given, ContinuationIssued):
        return redirect_to(here.base)
    response = redirect_to(f"{here.base}/later")
    set_cookie(response, cookies.code(here.handle, given.code))
    return response


async def ask(here: CitizenRequest) -> Response:
    """Where a code is typed in. A camera brings it along; it still has to be sent by hand."""
    frame = here.frame(place=PLACE)
    brought = here.request.query_params.get("code", "")[:64]
    typed = here.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return here.answer(PageResponse("continue", frame.holes(None, typed=TypedValues(typed), keeps=True)), frame)


async def take(here: CitizenRequest) -> Response:
    """Takes the place up in this browser. The browser that had it before loses it."""
    form = await here.form(PLACE)
    if form is None:
        return redirect_to("/continue", "again")
    if (other := here.switched(form)) is not None:
        return await ask(other)
    resumed = await resume.resume(here.app.context, here.app.cases, form.get("code", "")[:64])
    if resumed is None:
        return redirect_to("/continue", "code")
    response = redirect_to(f"/journey/{resumed.handle}")
    set_cookie(response, cookies.browser(here.browser.secrets, resumed.secret))
    if resumed.code is not None:
        set_cookie(response, cookies.code(resumed.handle, resumed.code))
    return response
