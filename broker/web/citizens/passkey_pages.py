"""Pages that ask the browser for a passkey: the only ones that do nothing without script. Other ways are offered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.passkeys import case_passkeys, sign_in
from broker.actions.passkeys.case_passkeys import CaseRegistration
from broker.actions.passkeys.kept import DAY
from broker.actions.passkeys.sign_in import PasskeyPrompt
from broker.actions.results import RateLimited
from broker.actions.views import DeadEnd
from broker.model.json_types import JsonObject
from broker.passkey_provider import PASSKEY_PATH
from broker.web.citizens.journey import page
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (
    PageTemplate("passkey/use", "citizens/passkey.html"),
    PageTemplate("passkey/case", "citizens/case_passkey.html"),
)

CANCEL: Final = "cancel"
LOST: Final = "lost"
REPLACE: Final = "/help?for=rebind"
"""The form for a person, to have a lost passkey replaced."""


def passkey_routes(app: CitizenApp) -> list[Route]:
    """The page of a sign-in with a passkey, and that which makes one for a case, with their forms."""
    return [
        Route(PASSKEY_PATH, page(app, show_prompt), methods=["GET"]),
        Route(PASSKEY_PATH, page(app, submit_answer), methods=["POST"]),
        Route("/journey/{handle}/passkey", page(app, show_case_registration), methods=["GET"]),
        Route("/journey/{handle}/passkey", page(app, register_for_case), methods=["POST"]),
    ]


def attribute(options: JsonObject) -> str:
    """The options as JSON, for an attribute that the script reads."""
    return json.dumps(options, separators=(",", ":"))


async def show_prompt(req: CitizenRequest) -> Response:
    """The page of an attempt; an attempt that is over leads to the transaction's page."""
    state = req.request.query_params.get("state", "")
    found = await sign_in.prompt(req.app.context, state, req.browser)
    if isinstance(found, str):
        return redirect_to(f"/journey/{found}")
    if not isinstance(found, PasskeyPrompt):
        frame = req.frame()
        return req.answer(render_view(found, frame, req.cookies), frame)
    frame = req.frame(found.transaction.language, place=found.handle)
    variables = frame.template_variables(
        found.service,
        options=attribute(found.options),
        state=state,
        kind="get",
        may_replace=req.app.cases.may_replace(found.transaction, found.service),
    )
    return req.answer(PageResponse("passkey/use", variables), frame)


async def submit_answer(req: CitizenRequest) -> Response:
    """Takes the browser's answer, or the wish for another way."""
    state = req.request.query_params.get("state", "")
    found = await sign_in.prompt(req.app.context, state, req.browser)
    if isinstance(found, str):
        return redirect_to(f"/journey/{found}")
    if isinstance(found, PasskeyPrompt):
        form = await req.form(found.handle)
        if form is None:
            return redirect_to(f"/journey/{found.handle}", "again")
        code, cancelled = form.get("code", ""), CANCEL in form or LOST in form
        outcome = await sign_in.answer(req.app.context, state, req.browser, code=code, cancelled=cancelled)
        if isinstance(outcome, str):
            return redirect_to(f"/journey/{outcome}{REPLACE}" if LOST in form else f"/journey/{outcome}")
        if isinstance(outcome, RateLimited):
            frame = req.frame(found.transaction.language, place=found.handle)
            limited = replace(outcome, service=found.service, transaction=found.transaction)
            return req.answer(rate_limited_page(limited, frame), frame)
        found = outcome
    frame = req.frame()
    return req.answer(render_view(found, frame, req.cookies), frame)


async def show_case_registration(req: CitizenRequest) -> Response:
    """The page that makes a passkey for the open case; the page of the case, if there is none to make."""
    words = req.language()
    begun = await case_passkeys.begin_for_case(req.app.cases, req.handle, req.browser, words.text("Your account"))
    if isinstance(begun, DeadEnd):
        frame = req.frame()
        return req.answer(render_view(begun, frame, req.cookies), frame)
    if not isinstance(begun, CaseRegistration):
        return redirect_to(req.base)
    frame = req.frame(begun.transaction.language)
    variables = frame.template_variables(
        begun.service,
        kind="create",
        options=attribute(begun.options),
        ceremony=begun.ceremony,
        choices=day_choices(begun.days, frame.language),
        default=begun.default,
    )
    return req.answer(PageResponse("passkey/case", variables), frame)


async def register_for_case(req: CitizenRequest) -> Response:
    """Adds the passkey that the browser made to the case."""
    form = await req.form()
    if form is None:
        return redirect_to(req.base, "again")
    if "remove" in form:
        gone = await case_passkeys.remove_from_case(req.app.cases, req.handle, req.browser)
        return redirect_to(req.base) if gone is None else redirect_to(req.base, "not_now")
    answer = (form.get("ceremony", ""), form.get("code", ""), chosen_days(form))
    refused = await case_passkeys.register_for_case(req.app.cases, req.handle, req.browser, answer)
    return redirect_to(req.base) if refused is None else redirect_to(req.base, "not_now")


def chosen_days(form: Mapping[str, str]) -> int:
    """The number of days in a form; 0 for anything else."""
    text = form.get("days", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def day_choices(days: Sequence[int], words: Language) -> list[tuple[int, str]]:
    """The days for which an identity may be kept, in words."""
    return [(number, words.duration(number * DAY)) for number in days]
