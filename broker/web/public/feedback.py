"""Feedback: a form for anybody, without an account, and what was published with its answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.open_data.feedback import FeedbackBox, FeedbackRefused
from broker.actions.ports import StoreUnavailable
from broker.model.feedback import LONGEST, Feedback, Rating
from broker.oidc.form_parser import UnreadableForm, read_form
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import TypedValues
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.request_parsing import comes_from, content_type
from broker.web.shared.responses import PageResponse, see_other

PATH: Final = "/feedback"
PLACE: Final = "feedback"
"""CSRF token place of the form."""

RATING_TEXTS: Final[Mapping[Rating, str]] = {
    Rating.GOOD: marked("It worked well"),
    Rating.MIXED: marked("It worked, but something was not right"),
    Rating.POOR: marked("It did not work"),
}
_FIELDS: Final = ("rating", "text", "public")

SHEET = PageTemplate("feedback", "public/feedback.html", {"ratings": RATING_TEXTS, "longest": LONGEST})


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """Published feedback, in words. `lang` is the language of the text if the page has another one, else ""."""

    day: str
    rating: str
    text: str
    lang: str
    answer: str
    answer_lang: str


@dataclass(frozen=True, slots=True)
class FormFault:
    """What is wrong with a form: the text, the field that it leads to, the status, and seconds to wait."""

    text: str
    field: str
    status: int = 422
    wait: int = 0


def feedback_routes(app: CitizenApp, box: FeedbackBox) -> list[Route]:
    """The routes of this file."""

    async def show(req: CitizenRequest) -> Response:
        return await _show(req, box, req.typed)

    async def give(req: CitizenRequest) -> Response:
        form = await req.form(PLACE)
        if form is None:
            text = req.language().text("We could not be sure that this came from you. Please do it once more.")
            return await _show(req, box, await _unproven(req), FormFault(text, "main-content", 403))
        if (other := req.switched(form)) is not None:
            return await show(other)
        try:
            given = await box.give(
                form.get("rating", ""),
                form.get("text", ""),
                req.browser.address,
                req.language().code,
                public=form.get("public") == "yes",
            )
        except StoreUnavailable:
            text = req.language().text("It could not be sent. Nothing you typed is lost: send it again in a minute.")
            return await _show(req, box, form, FormFault(text, "text", 503, 60))
        if isinstance(given, Feedback):
            return see_other(f"{PATH}?done=sent")
        return await _show(req, box, form, _fault(given, req.language(), req.app.system.now()))

    return [Route(PATH, page(app, show), methods=["GET"]), Route(PATH, page(app, give), methods=["POST"])]


async def _unproven(req: CitizenRequest) -> Mapping[str, str]:
    """What was typed into a form of this site whose token does not hold, such as after the cookie expired."""
    if not comes_from(req.request, req.app.pages.site.issuer):
        return {}
    try:
        return read_form(await req.request.body(), content_type(req.request))
    except UnreadableForm:
        return {}


def _fault(why: FeedbackRefused | float, words: Language, now: float) -> FormFault:
    """What the page says of feedback that was not taken. A number is the time from which on more is taken."""
    if why is FeedbackRefused.TOO_LONG:
        return FormFault(words.text("Write at most {n} characters", n=f"{LONGEST:,}"), "text")
    if isinstance(why, FeedbackRefused):
        return FormFault(words.text("Choose one of the answers"), "rating")
    until = words.format_time(math.ceil(why / 60) * 60, now)
    text = words.text(
        "Too much came from your connection at once. Nothing you typed is lost: send it at {until}.", until=until
    )
    return FormFault(text, "text", 429, max(1, math.ceil(why - now)))


async def _show(
    req: CitizenRequest, box: FeedbackBox, typed: Mapping[str, str], fault: FormFault | None = None
) -> Response:
    """The page, with what was typed."""
    frame = req.frame(place=PLACE)
    words, rows = frame.language, list[FeedbackRow]()
    try:
        rows = [_row(one, words) for one in await box.published()]
    except StoreUnavailable:
        if fault is None:
            raise
    sent = fault is None and not typed and req.request.query_params.get("done") == "sent"
    variables = frame.template_variables(
        None,
        typed=TypedValues({name: typed.get(name, "")[: LONGEST * 2] for name in _FIELDS}),
        fault=fault,
        sent=sent,
        rows=rows,
        keeps=True,
    )
    headers = (("Retry-After", str(fault.wait)),) if fault is not None and fault.wait else ()
    status = 200 if fault is None else fault.status
    return req.answer(PageResponse(SHEET.name, variables, status, headers=headers), frame)


def _row(one: Feedback, words: Language) -> FeedbackRow:
    answer = one.words.answer_language
    return FeedbackRow(
        words.day(one.at),
        words.text(RATING_TEXTS[one.rating]),
        one.words.text,
        "" if one.language == words.code else one.language,
        one.words.answer,
        "" if answer == words.code else answer,
    )
