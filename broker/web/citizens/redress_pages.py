"""Page of a declined case, which can be printed: why, what other documents help, a new look, a complaint."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.redress import LONGEST_COMPLAINT, DeclinedView, ask_new_look, complain, view_declined
from broker.actions.results import AskingMark
from broker.actions.views import DeadEnd
from broker.assisted.reasons import Reason
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.binding_pages import keep_mark
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import PageContext, TypedValues, readable
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("declined", "citizens/declined.html", {"longest": LONGEST_COMPLAINT}),)

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Reason.EVIDENCE_MISSING: marked("A document that we needed was not there."),
        Reason.EVIDENCE_EXPIRED: marked("A document had expired."),
        Reason.EVIDENCE_UNREADABLE: marked("A document could not be read well enough."),
        Reason.EVIDENCE_DOUBTFUL: marked("We could not be sure that a document is genuine and unchanged."),
        Reason.DETAILS_DIFFER: marked("What the documents say and what you told us did not agree."),
        Reason.FACE_DIFFERS: marked("We could not be sure that the picture in the document shows you."),
        Reason.WRONG_WORDS: marked("The two words on your page and those that you said did not agree."),
    }
)
"""Reasons as citizens read them; the others are not told (`declined.UNSAID`)."""
_NOT_SURE: Final = marked("From what we saw we could not be sure enough that it is you.")


def redress_routes(app: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/redress", page(app, show_declined), methods=["GET"]),
        Route("/journey/{handle}/redress", page(app, new_look), methods=["POST"]),
        Route("/journey/{handle}/complaint", page(app, send_complaint), methods=["POST"]),
    ]


async def show_declined(req: CitizenRequest) -> Response:
    """The page of the declined case; the transaction's page if there is none."""
    return await _show(req, "")


async def _show(req: CitizenRequest, typed: str, error: str | None = None) -> Response:
    view = await view_declined(req.app.cases, req.handle, req.browser)
    if view is None:
        return redirect_to(req.base)
    if isinstance(view, DeadEnd):
        frame = req.frame(None)
        return req.answer(render_view(view, frame, req.cookies), frame)
    frame = req.frame(view.transaction.language)
    kinds = req.app.cases.context.rules.profiles.kinds.values()
    helps = [in_language(kind.text, frame.language.code) for kind in kinds if kind.by_staff]
    return req.answer(_page(view, frame, helps, typed, error), frame)


def _page(view: DeclinedView, frame: PageContext, helps: list[str], typed: str, error: str | None) -> PageResponse:
    words, status = frame.language, view.status
    complaint = status.complaint
    variables = frame.template_variables(
        view.service,
        reference=readable(status.reference),
        decided=words.day(status.at),
        reasons=_reasons(status.reasons, words),
        helps=helps,
        until=words.day(status.until),
        days=words.duration(status.within),
        may_ask=status.may_ask and view.transaction.open and view.transaction.case is None,
        may_complain=status.may_complain,
        complaint=None if complaint is None else complaint.text,
        complained=None if complaint is None else words.format_time(complaint.at, frame.now),
        answer=None if complaint is None or complaint.answered_by is None else complaint.answer,
        complaint_error=None if error is None else words.text(error),
        typed=TypedValues({"complaint": typed}),
        keeps=True,
    )
    return PageResponse("declined", variables, 200 if error is None else 422)


def _reasons(given: tuple[str, ...], words: Language) -> list[str]:
    return [words.text(REASONS[one]) for one in given if one in REASONS] or [words.text(_NOT_SURE)]


async def new_look(req: CitizenRequest) -> Response:
    """Asks for a new look."""
    if await req.form() is None:
        return redirect_to(f"{req.base}/redress", "again")
    mark = await ask_new_look(req.app.cases, req.handle, req.browser)
    response = redirect_to(req.base, "not_now" if isinstance(mark, TransitionRefused) else "")
    keep_mark(req, response, mark if isinstance(mark, AskingMark) else None)
    return response


async def send_complaint(req: CitizenRequest) -> Response:
    """Sends a complaint. Without a text, or with too long a one, the page is shown again with what was typed."""
    form = await req.form()
    if form is None:
        return redirect_to(f"{req.base}/redress", "again")
    text = form.get("complaint", "")
    refused = await complain(req.app.cases, req.handle, req.browser, text)
    if refused is TransitionRefused.REASON_NEEDED:
        return await _show(req, text, marked("Type in what went wrong, in at most 2,000 characters"))
    problem = "not_now" if isinstance(refused, TransitionRefused) else ""
    return redirect_to(f"{req.base}/redress", problem)
