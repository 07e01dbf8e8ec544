"""Finding an open request for help again, in the browser in which it was asked for, without a code."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted import find_again
from broker.actions.results import ContinuationIssued, ResumedTransaction
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext, readable
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared import cookies
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, set_cookie

SHEETS = (PageTemplate("open-cases", "citizens/open_cases.html"),)
PLACE = "case"
"""CSRF token place of the page, which belongs to no transaction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One open request."""

    reference: str
    service: str
    since: str


def open_case_routes(app: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/case", page(app, show_cases), methods=["GET"]),
        Route("/case", page(app, continue_case), methods=["POST"]),
        Route("/journey/{handle}/go-on", page(app, go_on), methods=["POST"]),
    ]


async def show_cases(req: CitizenRequest) -> Response:
    """The open requests of this browser. Nothing on the page says who the citizen is."""
    frame = req.frame(place=PLACE)
    found = await find_again.open_cases(req.app.cases, req.browser)
    return req.answer(PageResponse("open-cases", frame.template_variables(None, rows=_rows(found, frame))), frame)


def _rows(found: tuple[find_again.OpenCase, ...], frame: PageContext) -> list[Row]:
    words = frame.language
    return [
        Row(
            readable(one.case.reference),
            one.service.name(words.code) if one.service is not None else words.text("the service"),
            words.format_time(one.case.created, frame.now),
        )
        for one in found
    ]


async def continue_case(req: CitizenRequest) -> Response:
    """Continues one of them."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to("/case", "again")
    resumed = await find_again.continue_case(req.app.cases, req.browser, form.get("reference", "")[:40])
    if not isinstance(resumed, ResumedTransaction):
        return redirect_to("/case", "not_now")
    response = redirect_to(f"/journey/{resumed.handle}")
    set_cookie(response, cookies.browser(req.browser.secrets, resumed.secret))
    if resumed.code is not None:
        set_cookie(response, cookies.code(resumed.handle, resumed.code))
    return response


async def go_on(req: CitizenRequest) -> Response:
    """Goes on with the open request, for this sign-in."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    given = await find_again.go_on(req.app.cases, req.handle, req.browser)
    response = redirect_to(req.base, "" if given is not None else "not_now")
    if isinstance(given, ContinuationIssued):
        set_cookie(response, cookies.code(req.handle, given.code))
    return response
