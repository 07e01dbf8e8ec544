"""Feedback of the public: leads publish what its writer agreed to, with an answer, or delete it."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.open_data.feedback import FeedbackRefused
from broker.model.feedback import LONGEST, Feedback
from broker.model.staff import StaffRole
from broker.web.public.feedback import RATING_TEXTS
from broker.web.shared.pages import PageTemplate
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import outcome_page

SHEETS = (PageTemplate("feedback-desk", "staff/feedback.html", {"longest": LONGEST}),)
_PROBLEMS: Final = {
    FeedbackRefused.GONE: "feedback_gone",
    FeedbackRefused.TOO_LONG: "feedback_long",
    FeedbackRefused.NOT_PUBLIC: "feedback_private",
}


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Feedback that waits, in words. `act` is the path of its form."""

    name: str
    given: str
    rating: str
    text: str
    language: str
    public: bool
    act: str


def feedback_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/feedback", staff(app, show_feedback), methods=["GET"]),
        Route("/feedback/{feedback}", staff(app, answer), methods=["POST"]),
    ]


async def show_feedback(req: StaffPage) -> Response:
    """What waits, the oldest first."""
    found = await req.app.feedback.waiting(req.principal)
    if isinstance(found, FeedbackRefused):
        return outcome_page(req, "not-yours")
    return req.visit.page(
        "feedback-desk",
        rows=[_row(one, req, number) for number, one in enumerate(found, 1)],
        may_answer=req.member.may(StaffRole.LEAD),
    )


def _row(one: Feedback, req: StaffPage, number: int) -> WaitingRow:
    words = req.visit.language
    return WaitingRow(
        str(number),
        words.format_time(one.at, req.app.system.now()),
        words.text(RATING_TEXTS[one.rating]),
        one.words.text,
        one.language,
        one.public,
        f"/feedback/{one.id}",
    )


async def answer(req: StaffPage) -> Response:
    """Publishes feedback with an answer, or deletes it."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/feedback", problem="again")
    name, do = str(req.visit.request.path_params["feedback"]), form.get("do", "")
    if do == "publish":
        done = await req.app.feedback.publish(req.principal, name, form.get("answer", ""), req.visit.language.code)
    elif do == "delete":
        done = await req.app.feedback.delete(req.principal, name)
    else:
        return redirect_to("/feedback", problem="choice")
    if done is FeedbackRefused.NOT_ALLOWED:
        return outcome_page(req, "not-yours")
    if isinstance(done, FeedbackRefused):
        return redirect_to("/feedback", problem=_PROBLEMS[done])
    return redirect_to("/feedback", told=f"feedback_{'published' if do == 'publish' else 'deleted'}")
