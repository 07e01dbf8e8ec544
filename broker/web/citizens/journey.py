"""The page of a transaction, and everything that is done on it. Every POST ends at the page again."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.browser import BrowserUpdates
from broker.actions.results import HelpRefused
from broker.actions.sign_in import consent, dispatch, provider_login, resume
from broker.web.citizens.provider_choices import HELP
from broker.web.citizens.request import (
    CitizenApp,
    CitizenRequest,
    citizen_request,
    language_of,
    question_of,
    redirect_to,
    set_cookies,
)
from broker.web.citizens.view_pages import render_view
from broker.web.shared.request_parsing import answer_parameters, answered_state
from broker.web.shared.responses import nothing_begun

Page = Callable[[CitizenRequest], Awaitable[Response]]


def journey_routes(door: CitizenApp) -> list[Route]:
    """The routes of this file."""

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":
            return await _peek_callback(_visit(door, request))
        return await _callback(_visit(door, request), request.path_params["provider"])

    return [
        Route("/journey/{handle}", page(door, look), methods=["GET"]),
        Route("/journey/{handle}", page(door, look_in_another_language), methods=["POST"]),
        Route("/journey/{handle}/choose", page(door, choose), methods=["POST"]),
        Route("/journey/{handle}/share", page(door, share), methods=["POST"]),
        Route("/journey/{handle}/give-up", page(door, give_up), methods=["POST"]),
        Route("/callback/{provider}", callback, methods=["GET"]),
    ]


def page(door: CitizenApp, answer: Page) -> Callable[[Request], Awaitable[Response]]:
    """A handler for Starlette.

    HEAD asks whether a transaction has a page, and no more: looking at the page can answer the service.
    """

    async def handler(request: Request) -> Response:
        here = _visit(door, request)
        if request.method == "HEAD" and here.handle:
            return await _peek(here, here.handle, 200)
        return await answer(here)

    return handler


async def _peek_callback(here: CitizenRequest) -> Response:
    """HEAD takes no answer in: it says whether `state` names a transaction of this browser."""
    return await _peek(here, answered_state(here.request).partition(".")[0], 303)


async def _peek(here: CitizenRequest, handle: str, status: int) -> Response:
    """`status` if the transaction has a page, else the page that says that the place is lost."""
    lost = await dispatch.peek(here.app.context, handle, here.browser)
    if lost is None:
        return nothing_begun(status)
    frame = here.frame()
    return here.answer(render_view(lost, frame, here.cookies), frame)


def _visit(door: CitizenApp, request: Request) -> CitizenRequest:
    found = citizen_request(door, request)
    if found is None:
        raise HTTPException(404)
    return found


async def look(here: CitizenRequest) -> Response:
    """What the stored state says, and nothing else."""
    view, shared = await dispatch.current_view(here.app.context, here.app.cases, here.handle, here.browser)
    frame = here.frame(language_of(view), question=question_of(view))
    return here.answer(render_view(view, frame, here.cookies), frame, shared)


async def look_in_another_language(here: CitizenRequest) -> Response:
    """The page once more, with what was typed into it. Nothing of that stands in an address."""
    other = here.switched(await here.form())
    return redirect_to(here.base, "again") if other is None else await look(other)


async def choose(here: CitizenRequest) -> Response:
    """A way was chosen: a provider, or a person."""
    form = await here.form()
    if form is None:
        return redirect_to(here.base, "again")
    chosen = form.get("provider", "")
    if not chosen:
        return redirect_to(here.base, "choice")
    if chosen == HELP:
        return redirect_to(f"{here.base}/help")
    outcome = await provider_login.start_login(here.app.context, here.handle, here.browser, chosen)
    return redirect_to(here.base, "gone" if isinstance(outcome, HelpRefused) else "")


async def share(here: CitizenRequest) -> Response:
    """The citizen agreed to share, or did not."""
    form = await here.form()
    answered = (form or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return redirect_to(here.base, "again")
    outcome = await consent.submit_consent(
        here.app.context, here.app.cases, here.handle, here.browser, answered == "yes"
    )
    response = redirect_to(here.base)
    if isinstance(outcome, BrowserUpdates):
        set_cookies(response, here.browser, outcome)
    return response


async def give_up(here: CitizenRequest) -> Response:
    """Back to the service without an answer."""
    if await here.form() is None:
        return redirect_to(here.base, "again")
    await resume.return_to_client(here.app.context, here.handle, here.browser)
    return redirect_to(here.base)


async def _callback(here: CitizenRequest, provider: str) -> Response:
    """What a provider sent. A query whose `code`, `state`, `iss` or `error` is repeated or malformed counts as none.

    If its `state` can be read all the same, it leads back to the page of the transaction.
    """
    named = answered_state(here.request)
    outcome = await provider_login.handle_callback(
        here.app.context, provider, answer_parameters(here.request), here.browser, named
    )
    if isinstance(outcome, str):
        return redirect_to(f"/journey/{outcome}")
    frame = here.frame()
    return here.answer(render_view(outcome, frame, here.cookies), frame)
