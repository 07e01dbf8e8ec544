"""Journey routes: a transaction's own page, its forms, the providers' callback, and the language form.

Every POST and callback ends with 303 to the page.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted import find_again
from broker.actions.browser import BrowserUpdates
from broker.actions.results import HelpRefused
from broker.actions.sign_in import consent, dispatch, provider_login, resume
from broker.actions.views import PickerView
from broker.model.languages import lookup
from broker.provider import CALLBACK_PATH
from broker.web.citizens.page_context import LANGUAGE_PLACE, readable
from broker.web.citizens.provider_choices import HELP
from broker.web.citizens.request import (
    LONGEST,
    CitizenApp,
    CitizenRequest,
    citizen_request,
    language_of,
    question_of,
    redirect_to,
    set_cookies,
)
from broker.web.citizens.view_pages import render_view
from broker.web.shared import cookies
from broker.web.shared.request_parsing import answer_parameters, answered_state, posted_answer
from broker.web.shared.responses import PageResponse, nothing_begun, see_other, set_cookie

Page = Callable[[CitizenRequest], Awaitable[Response]]

_LOCAL_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_.~-]+/?)*(?:\?[!-~]*)?")
"""A path on the broker itself: no host and no second leading slash. The browser sent its query before."""


def journey_routes(app: CitizenApp) -> list[Route]:
    """The routes of the transaction's page, of `/callback/{provider}` and of `/language`."""

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":
            return await _check_callback(_citizen_request(app, request))
        return await _callback(_citizen_request(app, request), request.path_params["provider"])

    async def posted(request: Request) -> Response:
        """A posted response comes without the browser's cookies (`SameSite`), so it becomes a GET (decision 0039)."""
        query = await posted_answer(request)
        place = CALLBACK_PATH.format(provider=quote(request.path_params["provider"], safe=""))
        return see_other(place if query is None else f"{place}?{query}")

    return [
        Route("/journey/{handle}", page(app, show_page), methods=["GET"]),
        Route("/journey/{handle}", page(app, switch_language), methods=["POST"]),
        Route("/journey/{handle}/choose", page(app, choose), methods=["POST"]),
        Route("/journey/{handle}/leave-line", page(app, leave_line), methods=["POST"]),
        Route("/journey/{handle}/forget", page(app, forget), methods=["POST"]),
        Route("/journey/{handle}/share", page(app, share), methods=["POST"]),
        Route("/journey/{handle}/give-up", page(app, give_up), methods=["POST"]),
        Route(CALLBACK_PATH, callback, methods=["GET"]),
        Route(CALLBACK_PATH, posted, methods=["POST"]),
        Route("/language", page(app, remember_language), methods=["POST"]),
    ]


def page(app: CitizenApp, answer: Page) -> Callable[[Request], Awaitable[Response]]:
    """Adapts a page function to a Starlette handler.

    HEAD only reports whether the transaction has a page, because GET can send the response to the service.
    """

    async def handler(request: Request) -> Response:
        req = _citizen_request(app, request)
        if request.method == "HEAD" and req.handle:
            return await _check_page(req, req.handle, 200)
        return await answer(req)

    return handler


async def _check_callback(req: CitizenRequest) -> Response:
    """HEAD of a callback: reports whether `state` belongs to a transaction of this browser, and processes nothing."""
    named = provider_login.read_state(answered_state(req.request))
    return await _check_page(req, "" if named is None else named[0], 303)


async def _check_page(req: CitizenRequest, handle: str, status: int) -> Response:
    """`status` if the transaction has a page, else the page of a lost transaction."""
    lost = await dispatch.check_page(req.app.context, handle, req.browser)
    if lost is None:
        return nothing_begun(status)
    frame = req.frame()
    return req.answer(render_view(lost, frame, req.cookies), frame)


def _citizen_request(app: CitizenApp, request: Request) -> CitizenRequest:
    found = citizen_request(app, request)
    if found is None:
        raise HTTPException(404)
    return found


async def show_page(req: CitizenRequest) -> Response:
    """Renders the page of the stored state."""
    view, shared = await dispatch.current_view(req.app.context, req.app.cases, req.handle, req.browser)
    frame = req.frame(language_of(view), question=question_of(view))
    if isinstance(view, PickerView) and req.browser.asked and not req.request.scope["query_string"]:
        case = await find_again.case_for(req.app.cases, view.transaction, req.browser)
        if case is not None:
            variables = frame.template_variables(view.service, reference=readable(case.reference))
            return req.answer(PageResponse("open-case", variables), frame, shared)
    return req.answer(render_view(view, frame, req.cookies), frame, shared)


async def switch_language(req: CitizenRequest) -> Response:
    """Renders the page in another language with the typed values, which are not put into a URL."""
    other = req.switched(await req.form())
    return redirect_to(req.base, "again") if other is None else await show_page(other)


async def choose(req: CitizenRequest) -> Response:
    """Starts a login at the chosen provider, or goes to the form for help from a person."""
    form = await req.form()
    if form is None:
        return redirect_to(req.base, "again")
    chosen = form.get("provider", "")
    if not chosen:
        return redirect_to(req.base, "choice")
    if chosen == HELP:
        return redirect_to(f"{req.base}/help")
    outcome = await provider_login.start_login(req.app.context, req.handle, req.browser, chosen)
    if isinstance(outcome, HelpRefused):
        return redirect_to(req.base, "gone")
    response = redirect_to(req.base)
    _remember(req, response, form, chosen)
    return response


def _remember(req: CitizenRequest, response: Response, form: Mapping[str, str], provider: str) -> None:
    """Sets or deletes the cookie of the provider used last, as the citizen wishes; a page that did not ask keeps it."""
    known = cookies.USED in req.cookies
    if form.get("remember") or (known and not form.get("asked")):
        set_cookie(response, cookies.used(provider))
    elif known:
        set_cookie(response, cookies.forget_used())


async def leave_line(req: CitizenRequest) -> Response:
    """Gives up the place in line of a busy provider, and returns to the picker."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    await provider_login.leave_queue(req.app.context, req.handle, req.browser)
    return redirect_to(req.base)


async def forget(req: CitizenRequest) -> Response:
    """Forgets the provider used last."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    response = redirect_to(req.base)
    set_cookie(response, cookies.forget_used())
    return response


CHOSEN: Final = "share."
"""Prefix of the field of an optional claim that the citizen shares."""


async def share(req: CitizenRequest) -> Response:
    """Submits the citizen's consent or refusal to share claims."""
    form = await req.form()
    answered = (form or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return redirect_to(req.base, "again")
    chosen = {name.removeprefix(CHOSEN) for name, value in (form or {}).items() if name.startswith(CHOSEN) and value}
    outcome = await consent.submit_consent(
        req.app.context, req.app.cases, req.handle, req.browser, agree=answered == "yes", chosen=chosen
    )
    response = redirect_to(req.base)
    if isinstance(outcome, BrowserUpdates):
        set_cookies(response, req.browser, outcome)
    return response


async def give_up(req: CitizenRequest) -> Response:
    """Ends the transaction and returns to the service without an identity."""
    if await req.form() is None:
        return redirect_to(req.base, "again")
    await resume.return_to_client(req.app.context, req.handle, req.browser)
    return redirect_to(req.base)


async def _callback(req: CitizenRequest, provider: str) -> Response:
    """Processes a provider's authorization response.

    A query whose `code`, `state`, `iss` or `error` is repeated or malformed counts as no response. If its `state` can
    be parsed, the browser is still redirected to the page of the transaction.
    """
    named = answered_state(req.request)
    outcome = await provider_login.handle_callback(
        req.app.context, provider, answer_parameters(req.request), req.browser, named
    )
    if isinstance(outcome, str):
        return redirect_to(f"/journey/{outcome}")
    frame = req.frame()
    return req.answer(render_view(outcome, frame, req.cookies), frame)


async def remember_language(req: CitizenRequest) -> Response:
    """Stores the language in a cookie and redirects to the page on which it was chosen."""
    form = await req.form(LANGUAGE_PLACE) or {}
    back = form.get("back", "/")
    known = [one for one in (back, back.partition("?")[0]) if len(one) < LONGEST and _LOCAL_PATH.fullmatch(one)]
    response = redirect_to(known[0] if known else "/")
    chosen = lookup(form.get("language", ""), req.app.pages.languages)
    if chosen is not None:
        set_cookie(response, cookies.language(chosen))
    return response
