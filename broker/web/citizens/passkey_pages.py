"""Pages that ask the browser for a passkey: the only ones that do nothing without script. Other ways are offered."""

import json
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.passkeys import sign_in
from broker.actions.passkeys.sign_in import PasskeyPrompt
from broker.model.json_types import JsonObject
from broker.passkey_provider import PASSKEY_PATH
from broker.web.citizens.journey import page
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.citizens.view_pages import render_view
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("passkey/use", "citizens/passkey.html"),)

CANCEL: Final = "cancel"


def passkey_routes(app: CitizenApp) -> list[Route]:
    """The page of a sign-in with a passkey, and its form."""
    return [
        Route(PASSKEY_PATH, page(app, show_prompt), methods=["GET"]),
        Route(PASSKEY_PATH, page(app, submit_answer), methods=["POST"]),
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
    variables = frame.template_variables(found.service, options=attribute(found.options), state=state, kind="get")
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
        code, cancelled = form.get("code", ""), CANCEL in form
        outcome = await sign_in.answer(req.app.context, state, req.browser, code=code, cancelled=cancelled)
        if isinstance(outcome, str):
            return redirect_to(f"/journey/{outcome}")
        found = outcome
    frame = req.frame()
    return req.answer(render_view(found, frame, req.cookies), frame)
