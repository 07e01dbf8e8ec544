"""Answering a question on a device of one's own: the page where its code is typed in, and the answer to it."""

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

SHEETS = (PageTemplate("asked", "citizens/asked.html"),)
PLACE = "confirm"
"""What the token of the page for typing in a code is made for: there is no transaction yet."""


def asked_routes(door: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/confirm", page(door, ask), methods=["GET"]),
        Route("/confirm", page(door, take), methods=["POST"]),
        Route("/journey/{handle}/asked", page(door, answer_here), methods=["POST"]),
        Route("/journey/{handle}/confirm", page(door, confirm), methods=["POST"]),
    ]


async def ask(here: CitizenRequest) -> Response:
    """Where a code is typed in. An address may bring it along; it still has to be sent by hand."""
    frame = here.frame(place=PLACE)
    brought = here.request.query_params.get("code", "")[:64]
    typed = here.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return here.answer(PageResponse("asked", frame.holes(None, typed=TypedValues(typed), keeps=True)), frame)


async def take(here: CitizenRequest) -> Response:
    """Begins a transaction for the question, in this browser."""
    form = await here.form(PLACE)
    if form is None:
        return redirect_to("/confirm", "again")
    if (other := here.switched(form)) is not None:
        return await ask(other)
    begun = await backchannel_confirmation.claim_request(
        here.app.context, form.get("code", "")[:64], here.browser, here.language().code
    )
    if isinstance(begun, RateLimited):
        frame = here.frame(*begun.locales, place=PLACE)
        return here.answer(rate_limited_page(begun, frame), frame)
    if begun is None:
        return redirect_to("/confirm", "code")
    response = redirect_to(f"/journey/{begun.handle}")
    if begun.secret is not None:
        response.headers.append("set-cookie", cookies.browser((), begun.secret))
    return response


async def answer_here(here: CitizenRequest) -> Response:
    """The citizen who waits for a person answers in this browser what they ask."""
    if await here.form() is None:
        return redirect_to(here.base, "again")
    begun = await backchannel_confirmation.approve_here(here.app.context, here.app.cases, here.handle, here.browser)
    if isinstance(begun, RateLimited):
        frame = here.frame(*begun.locales)
        return here.answer(rate_limited_page(begun, frame), frame)
    return redirect_to(f"/journey/{begun.handle}" if isinstance(begun, StartedTransaction) else here.base)


async def confirm(here: CitizenRequest) -> Response:
    """The citizen confirmed, or declined."""
    answered = (await here.form() or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return redirect_to(here.base, "again")
    await backchannel_confirmation.submit_confirmation(
        here.app.context, here.app.cases, here.handle, here.browser, answered == "yes"
    )
    return redirect_to(here.base)
