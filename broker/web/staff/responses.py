"""Responses to a request about a case: its page, or why nothing was changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.responses import Response

from broker.actions.assisted.permissions import has_staff_role
from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseView,
    EditRefused,
    InvalidInput,
    RefusalReason,
    StaffAction,
)
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.drafts import keep_or_discard
from broker.web.staff.intake_view import first_kind
from broker.web.staff.request import StaffPage, redirect_to


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The text of a page after an action. `links_case` offers a link to the case as it stands now."""

    title: str
    lines: tuple[str, ...]
    links_case: bool = False
    status: int = 200


ERROR_TEXTS: Mapping[str, ErrorText] = MappingProxyType(
    {
        "decided": ErrorText(
            marked("Your decision is recorded"),
            (
                marked("The citizen reads the result on their own page. Do not tell it, and do not call to tell it."),
                marked("Where a second person is needed, a colleague gets the case."),
                marked("If it can still be corrected, you find the case on your desk for some minutes."),
            ),
        ),
        "reviewed": ErrorText(
            marked("Your review is recorded"),
            (marked("The citizen reads the result on their own page. If you disagreed, a lead looks at the case."),),
        ),
        "back": ErrorText(marked("The case is back in line"), (marked("Somebody else can take it now."),)),
        "missed": ErrorText(
            marked("It is recorded that you missed each other"),
            (
                marked(
                    "The case has left you. The citizen reads on their page that you tried, and says when it suits."
                ),
                marked("Missed too often, they read until when the request stays open, and how to keep it open."),
            ),
        ),
        "stranger": ErrorText(
            marked("The case has left you"), (marked("It does not come back to you. Thank you for saying so."),)
        ),
        "settled": ErrorText(marked("It is recorded"), (marked("The case goes its way from here."),)),
        "lapsed": ErrorText(
            marked("Your time with this case ran out"),
            (
                marked("Nothing was done in it for a while, so it went back in line. What you saved before is kept."),
                marked("What you sent just now was not saved. If the case comes back to you, you find it in the form."),
            ),
            links_case=True,
        ),
        "overtaken": ErrorText(
            marked("Somebody else was faster"),
            (
                marked("The case changed after your page was made, so what you sent just now was not saved."),
                marked("What you typed is kept for a while. If the case is still with you, you find it in the form."),
                marked("Look at it as it stands now, and decide whether there is still something to do."),
            ),
            links_case=True,
        ),
        "closed": ErrorText(
            marked("This case is not open to you"),
            (
                marked("If it was with you, your time with it ran out, or it was taken back. What you saved is kept."),
                marked("A case you looked up by its reference closes again after a while."),
            ),
            status=404,
        ),
        "call-over": ErrorText(
            marked("This call is over"),
            (
                marked("Its time ran out, the citizen finished, or it was never yours. The number works no more."),
                marked("If the citizen still needs a call, they ask for another one on their page."),
            ),
            status=404,
        ),
        "not-yours": ErrorText(
            marked("This is not for you"),
            (marked("Your part does not allow it, or you have another part in this case."),),
            status=403,
        ),
    }
)

SHEETS = tuple(PageTemplate(name, "staff/done.html", {"texts": texts}) for name, texts in ERROR_TEXTS.items())

_PROBLEMS: Mapping[RefusalReason, str] = MappingProxyType(
    {
        ActionRefused.NOTE: "note",
        ActionRefused.MESSAGE: "message",
        ActionRefused.ASKED: "asked",
        ActionRefused.SENT: "sent",
        TransitionRefused.NO_SUCH_TIME: "next_time",
        ActionRefused.NO_MATCH: "no_match",
        ActionRefused.STOPPED: "kept_stopped",
        ActionRefused.REASON: "reason",
        TransitionRefused.REASON_NEEDED: "reason",
        TransitionRefused.NO_LEVEL: "level",
        TransitionRefused.NO_DETAILS: "details",
        TransitionRefused.WORDS_FIRST: "words",
        TransitionRefused.FORMER_FIRST: "former",
        TransitionRefused.ENOUGH_ASKED: "enough_asked",
    }
)


def case_presenter(req: StaffPage) -> CasePresenter:
    """The presenter of cases for this request."""
    app = req.app
    idle = app.login.policy.sessions.idle
    return CasePresenter(req.visit.language, app.profiles, app.services, req.member, app.system.now(), idle)


def outcome_page(req: StaffPage, name: str, case: str = "") -> Response:
    """The page with one of ERROR_TEXTS."""
    status = ERROR_TEXTS[name].status
    may_take = has_staff_role(req.member, StaffAction.CLAIM)
    return req.visit.page(name, status, may_take=may_take, case_path=f"/cases/{case}" if case else "")


def csv_file(content: str, name: str) -> Response:
    """A table as a file that the browser saves."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv", headers=headers)


async def load_case_view(req: StaffPage) -> CaseView | Response:
    """The view of the case in the path, or the response if it is not open to this member of staff."""
    found = await req.cases.view_case(req.principal, req.id)
    match found:
        case CaseView():
            return found
        case ActionRefused.LAPSED:
            return outcome_page(req, "lapsed")
        case ActionRefused.UNKNOWN:
            return outcome_page(req, "closed")
        case _:
            return refuse(req, found, "/")


def refuse(req: StaffPage, why: EditRefused, form: str, **again: str) -> Response:
    """The response to a refused action. `form` is the page of the form, `again` what its address needs.

    Of invalid input the first error is shown. What was typed is in the draft (`drafts`), never in a URL; browsers check
    a form before they send it.
    """
    match why:
        case InvalidInput(errors):
            name, error = next(iter(errors.items()))
            return redirect_to(form, problem=error.value, at=name, **again)
        case ActionRefused.UNKNOWN:
            return redirect_to(req.base)
        case ActionRefused.NOT_ALLOWED | TransitionRefused.SAME_PERSON:
            return outcome_page(req, "not-yours")
        case ActionRefused.LAPSED | TransitionRefused.TIME_RAN_OUT:
            return redirect_to(f"{req.base}/lapsed")
        case ActionRefused.CONFLICT | TransitionRefused.NOT_HOLDER | TransitionRefused.TAKEN:
            return redirect_to(f"{req.base}/overtaken")
        case ActionRefused.NOT_FRESH:
            return redirect_to(form, **again)
        case ActionRefused.NOTHING:
            return redirect_to("/", problem="nothing")
        case _ if why in _PROBLEMS:
            return redirect_to(form, problem=_PROBLEMS[why], **again)
        case _:
            return redirect_to(req.base, problem="not_now")


async def back_to_case(
    req: StaffPage,
    done: CaseView | EditRefused,
    typed: Mapping[str, str],
    form: str = "",
    confirmation: str = "saved",
    *,
    goes_on: bool = False,
    **again: str,
) -> Response:
    """Redirects to the case after an action that leaves it with its holder, or to the refusal. `typed` is the form.

    If it `goes_on`, what is still missing in the session is next.
    """
    await keep_or_discard(req, done, typed)
    if isinstance(done, CaseView):
        return next_form(req, done, confirmation) if goes_on else redirect_to(req.base, told=confirmation)
    return refuse(req, done, form or req.base, **again)


def next_form(req: StaffPage, view: CaseView, confirmation: str) -> Response:
    """Redirects to the form of what is still missing in a session: evidence, checks of the person, details; the case
    if nothing is.
    """
    case = view.case
    if StaffAction.RECORD not in view.actions or not case.phrase_verified:
        return redirect_to(req.base, told=confirmation)
    if not case.evidence:
        return redirect_to(f"{req.base}/evidence/new", kind=first_kind(case, req.app.profiles), told=confirmation)
    if not case.checks:
        return redirect_to(f"{req.base}/person", told=confirmation)
    return redirect_to(req.base if case.details.claims else f"{req.base}/details", told=confirmation)


async def leave_case(
    req: StaffPage, done: CaseView | EditRefused, typed: Mapping[str, str], what: str, form: str = ""
) -> Response:
    """Redirects to the result of an action after which the case has left its holder, or to the refusal."""
    await keep_or_discard(req, done, typed)
    if isinstance(done, CaseView):
        return redirect_to(f"/done/{what}")
    return refuse(req, done, form or req.base)


def ticked(form: Mapping[str, str], under: str) -> tuple[str, ...]:
    """The ticked boxes of a choice: those named `<under>.<word>`."""
    return tuple(name.removeprefix(f"{under}.") for name in form if name.startswith(f"{under}."))
