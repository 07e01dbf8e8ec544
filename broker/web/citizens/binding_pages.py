"""Assisted verification: the forms with which a citizen shows that they opened an approved case."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted import binding
from broker.actions.results import AskingMark, HelpRefused, IncompleteProof, ProofField, ProofResult, TypedProof
from broker.actions.sign_in import dispatch
from broker.actions.views import CaseStatusView
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.journey import page
from broker.web.citizens.request import CitizenApp, CitizenRequest, language_of, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.responses import PageResponse, set_cookie

_UNPROVEN: Final = MappingProxyType(
    {
        ProofResult.WRONG: "proof",
        ProofResult.ATTEMPTS_EXHAUSTED: "spent",
        ProofResult.EXPIRED: "run_out",
        ProofResult.NOT_ALLOWED: "not_now",
        ProofResult.BELOW_NEED: "below_need",
        ProofResult.CALL_OVER: "call_over",
    }
)
_CODE_ERRORS: Final = MappingProxyType(
    {
        ProofField.MISSING: marked("Type in the code that we sent you"),
        ProofField.MALFORMED: marked("The code has 6 digits. Look at the latest message from us and type it in again"),
    }
)
_WORDS_ERRORS: Final = MappingProxyType(
    {
        ProofField.MISSING: marked("Type in your two words"),
        ProofField.MALFORMED: marked("Type in two words, first the one you said and then the one they answered"),
    }
)
_CALL_ERRORS: Final = MappingProxyType(
    {
        ProofField.MISSING: marked("Type in the number that we read out to you"),
        ProofField.MALFORMED: marked("The number that we read out has 6 digits. Type in all of them"),
    }
)


def binding_routes(app: CitizenApp) -> list[Route]:
    """The routes of this file."""
    handlers = {"bind": bind, "code": send_code, "call": ask_call, "meet": meet_again}
    return [Route(f"/journey/{{handle}}/{name}", page(app, act), methods=["POST"]) for name, act in handlers.items()]


async def bind(req: CitizenRequest) -> Response:
    """Checks that the citizen is the person who requested help: confirmation code, mutual words, code of a call."""
    form = await req.form()
    if form is None:
        return redirect_to(req.base, "again")
    code, words, call = (form.get(name, "")[:128].strip() for name in ("code", "words", "call"))
    outcome = await binding.bind(req.app.cases, req.handle, req.browser, TypedProof(code, words, call))
    if isinstance(outcome, IncompleteProof):
        return await _show_incomplete(req, form, outcome)
    response = redirect_to(req.base, _UNPROVEN.get(outcome, "") if isinstance(outcome, ProofResult) else "")
    keep_mark(req, response, outcome if isinstance(outcome, AskingMark) else None)
    return response


async def _show_incomplete(req: CitizenRequest, typed: Mapping[str, str], proof: IncompleteProof) -> Response:
    """The page of the case with what was typed, and what is missing in it."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    frame = replace(req.frame(language_of(view)), typed=typed)
    shown = render_view(view, frame, req.cookies)
    if not isinstance(view, CaseStatusView):
        return req.answer(shown, frame, shared)
    words = frame.language
    errors = {
        "code_error": None if proof.code is None else words.text(_CODE_ERRORS[proof.code]),
        "words_error": None if proof.words is None else words.text(_WORDS_ERRORS[proof.words]),
        "call_error": None if proof.call is None else words.text(_CALL_ERRORS[proof.call]),
    }
    return req.answer(PageResponse(shown.template, {**shown.variables, **errors}, 422), frame, shared)


async def send_code(req: CitizenRequest) -> Response:
    """Sends a confirmation code."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    outcome = await binding.send_code(req.app.cases, req.handle, req.browser)
    return redirect_to(req.base, outcome.value if isinstance(outcome, HelpRefused) else "")


async def ask_call(req: CitizenRequest) -> Response:
    """Asks for a call, in which staff read out a code."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    refused = await binding.ask_call(req.app.cases, req.handle, req.browser)
    return redirect_to(req.base, "not_now" if isinstance(refused, TransitionRefused) else "")


async def meet_again(req: CitizenRequest) -> Response:
    """Asks for another meeting, after which this browser can finish."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    mark = await binding.meet_again(req.app.cases, req.handle, req.browser)
    response = redirect_to(req.base, "not_now" if isinstance(mark, TransitionRefused) else "")
    keep_mark(req, response, mark if isinstance(mark, AskingMark) else None)
    return response


def keep_mark(req: CitizenRequest, response: Response, mark: AskingMark | None) -> None:
    """Lets this browser be recognized as the asking one, also after it was closed."""
    if mark is not None:
        set_cookie(response, cookies.asked(req.browser.asked, mark.value, mark.seconds))
