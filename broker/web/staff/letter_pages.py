"""Letters that staff print and post: the list, a letter with its envelope, and that it was posted."""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.letters import Letters, may_post
from broker.actions.assisted.staff_results import ActionRefused
from broker.web.citizens.page_context import readable
from broker.web.shared.pages import PageTemplate
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page
from broker.web.staff.sent_notices import KINDS

SHEETS = (PageTemplate("letters", "staff/letters.html"), PageTemplate("letter", "staff/letter.html"))


def letter_routes(app: StaffApp) -> list[Route]:
    """The routes of this file; none if staff post no letters."""
    if app.letters is None:
        return []
    return [
        Route("/letters", staff(app, show_list), methods=["GET"]),
        Route("/letters/{letter}", staff(app, show_letter), methods=["GET"]),
        Route("/letters/{letter}/posted", staff(app, mark_posted), methods=["POST"]),
    ]


def letters_offered(req: StaffPage) -> bool:
    """Whether the member of staff prints and posts letters."""
    return req.app.letters is not None and may_post(req.member)


async def show_list(req: StaffPage) -> Response:
    """The letters that wait to be posted."""
    found = await _letters(req).waiting(req.principal)
    if isinstance(found, ActionRefused):
        return outcome_page(req, "not-yours")
    words, now = req.visit.language, req.app.system.now()
    rows = [
        (
            f"/letters/{one.id}",
            readable(reference),
            "" if one.kind is None else words.text(KINDS[one.kind]),
            words.format_time(one.created, now),
        )
        for reference, one in found
    ]
    return req.visit.page("letters", rows=rows)


async def show_letter(req: StaffPage) -> Response:
    """A letter with the address for its envelope, to print."""
    found = await _letters(req).open(req.principal, _id(req))
    if isinstance(found, ActionRefused):
        return _refused(req, found)
    page = req.visit.page("letter", letter=found, path=f"/letters/{found.id}", paragraphs=found.text.split("\n"))
    page.headers["cache-control"] = "no-store"
    return page


async def mark_posted(req: StaffPage) -> Response:
    """Records that a letter was posted."""
    if await req.visit.form() is None:
        return redirect_to(f"/letters/{_id(req)}", problem="again")
    refused = await _letters(req).posted(req.principal, _id(req))
    return redirect_to("/letters", told="posted") if refused is None else _refused(req, refused)


def _refused(req: StaffPage, why: ActionRefused) -> Response:
    if why is ActionRefused.NOT_ALLOWED:
        return outcome_page(req, "not-yours")
    return redirect_to("/letters", problem="no_letter")


def _letters(req: StaffPage) -> Letters:
    if req.app.letters is None:
        raise HTTPException(404)
    return req.app.letters


def _id(req: StaffPage) -> str:
    return str(req.visit.request.path_params["letter"])
