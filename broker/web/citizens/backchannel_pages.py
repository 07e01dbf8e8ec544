"""Backchannel authentication (CIBA) in the citizen's browser: the page to enter the code, and the confirmation."""

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.results import RateLimited, StartedTransaction
from broker.actions.sign_in import backchannel_confirmation
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import TypedValues
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared import cookies
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("user-code", "citizens/user_code.html"),)
PLACE = "confirm"
"""CSRF token place of the page to enter a code, before there is a transaction."""


def backchannel_routes(app: CitizenApp) -> list[Route]:
    """The routes of `/confirm` and of the confirmation in a transaction."""
    return [
        Route("/confirm", page(app, code_form), methods=["GET"]),
        Route("/confirm", page(app, claim_request), methods=["POST"]),
        Route("/journey/{handle}/asked", page(app, approve_here), methods=["POST"]),
        Route("/journey/{handle}/confirm", page(app, confirm), methods=["POST"]),
    ]


async def code_form(req: CitizenRequest) -> Response:
    """The page to enter a code. A query parameter may fill it in; the citizen still has to submit the form."""
    frame = req.frame(place=PLACE)
    brought = req.request.query_params.get("code", "")[:64]
    typed = req.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return req.answer(
        PageResponse("user-code", frame.template_variables(None, typed=TypedValues(typed), keeps=True)), frame
    )


async def claim_request(req: CitizenRequest) -> Response:
    """Starts a transaction for the backchannel request of this code, in this browser."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to("/confirm", "again")
    if (other := req.switched(form)) is not None:
        return await code_form(other)
    begun = await backchannel_confirmation.claim_request(
        req.app.context, form.get("code", "")[:64], req.browser, req.language().code
    )
    if isinstance(begun, RateLimited):
        frame = req.frame(*begun.locales, place=PLACE)
        return req.answer(rate_limited_page(begun, frame), frame)
    if begun is None:
        return redirect_to("/confirm", "code")
    response = redirect_to(f"/journey/{begun.handle}")
    if begun.secret is not None:
        response.headers.append("set-cookie", cookies.browser((), begun.secret))
    return response


async def approve_here(req: CitizenRequest) -> Response:
    """Starts to answer staff's backchannel request in the browser of the waiting case."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    begun = await backchannel_confirmation.approve_here(req.app.context, req.app.cases, req.handle, req.browser)
    if isinstance(begun, RateLimited):
        frame = req.frame(*begun.locales)
        return req.answer(rate_limited_page(begun, frame), frame)
    return redirect_to(f"/journey/{begun.handle}" if isinstance(begun, StartedTransaction) else req.base)


async def confirm(req: CitizenRequest) -> Response:
    """Confirms or declines the backchannel request."""
    answered = (await req.form() or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return redirect_to(req.base, "again")
    await backchannel_confirmation.submit_confirmation(
        req.app.context, req.app.cases, req.handle, req.browser, agree=answered == "yes"
    )
    return redirect_to(req.base)
