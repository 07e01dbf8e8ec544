"""The two endpoints at which a browser arrives from a service: authorization and logout."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.actions.logout import ConfirmLogout, LogoutContext, LogoutSteps, check_logout, log_out
from broker.actions.sign_in.authorize import (
    AlreadyAnswered,
    RateLimited,
    StartedTransaction,
    authorize,
    check_request,
    confirm_transaction,
)
from broker.actions.sign_in.client_response import encode_response
from broker.actions.sign_in.context import SignInContext
from broker.actions.views import DeadEnd, Ending, EndingView
from broker.model.failures import FailureClass
from broker.model.request import ClientRedirect
from broker.model.service import Service
from broker.oidc.authorization_checks import ServerContext as Checks
from broker.oidc.authorization_response import redirected_response, with_query
from broker.oidc.errors import DisplayedError, RedirectedError
from broker.oidc.form_parser import UnreadableForm, parse_legible, read_form, read_query
from broker.oidc.parameters import AUTHORIZATION, LOGOUT
from broker.web.citizens.logout_pages import signed_out, want_to_leave
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request, set_cookies
from broker.web.citizens.view_pages import dead_end, posted_back, render_view
from broker.web.services.error_log import log_protocol_error
from broker.web.shared import cookies, request_parsing
from broker.web.shared.responses import nothing_begun, see_other, set_cookie

TOO_MANY = 429
ANSWER_PLACE = "authorize"
"""What the tokens of a page that brings an answer back are made for: there is no transaction."""

LOGOUT_PLACE = "logout"
"""What the token of the page that asks before signing out is made for."""


def front_routes(door: CitizenApp, sign_in_context: SignInContext, checks: Checks, exit: LogoutContext) -> list[Route]:
    """`/authorize` (OpenID Connect Core 3.1.2) and `/logout` (RP-Initiated Logout 1.0, 2), both by GET and POST."""

    async def authorization(request: Request) -> Response:
        here = _visit(door, request)
        try:
            return await _authorize(here, sign_in_context, checks)
        except RedirectedError as error:
            log_protocol_error(request, error)
            explained = f"{sign_in_context.issuer}/errors/{FailureClass.BAD_REQUEST}"
            answer = await encode_response(
                sign_in_context, redirected_response(error, sign_in_context.issuer, explained)
            )
            service = sign_in_context.registry.services.get(error.client_id)
            return _back(here, service, answer, _locales(await _legible(request)))
        except (DisplayedError, UnreadableForm) as error:
            return await _shown(here, error, sign_in_context.registry.services)

    async def logout(request: Request) -> Response:
        here = _visit(door, request)
        try:
            return await _logout(here, exit)
        except (DisplayedError, UnreadableForm) as error:
            return await _shown(here, error, exit.services)

    return [
        Route("/authorize", authorization, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["GET", "POST"]),
    ]


def _visit(door: CitizenApp, request: Request) -> CitizenRequest:
    found = citizen_request(door, request)
    if found is None:
        raise DisplayedError("invalid_request", "this address is not known here", status=404)
    return found


async def _parameters(request: Request, names: frozenset[str]) -> Mapping[str, str]:
    if request.method == "POST":
        return read_form(await request.body(), request_parsing.content_type(request), names)
    return read_query(request.scope["query_string"], names)


async def _legible(request: Request) -> Mapping[str, str]:
    """What can be read of a request that is refused: good for the words of the page, and for no more."""
    try:
        return parse_legible(await request.body() if request.method == "POST" else request.scope["query_string"])
    except UnreadableForm:
        return {}


def _locales(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The languages that a request wishes for its page (`ui_locales`, OpenID Connect Core 3.1.2.1)."""
    return tuple(parameters.get("ui_locales", "").split()[:16])


async def _authorize(here: CitizenRequest, sign_in_context: SignInContext, checks: Checks) -> Response:
    """Begins a sign-in, or answers at once.

    A form that a service's page sends comes without our cookies, which are for visits alone (SameSite=Lax): its request
    is kept as a pushed one is, and becomes a visit. HEAD checks the request, and begins nothing (RFC 9110 9.3.2).
    """
    parameters = await _parameters(here.request, AUTHORIZATION)
    if here.request.method == "HEAD":
        await check_request(sign_in_context, checks, parameters)
        return nothing_begun(303)
    if here.request.method == "POST":
        taken = await confirm_transaction(sign_in_context, checks, parameters, here.browser)
        return _held(here, taken) if isinstance(taken, RateLimited) else _to(with_query("/authorize", taken))
    outcome = await authorize(sign_in_context, checks, parameters, here.browser, here.language().code)
    if isinstance(outcome, StartedTransaction):
        response: Response = see_other(f"/journey/{outcome.handle}")
        if outcome.secret is not None:
            set_cookie(response, cookies.browser((), outcome.secret))
        return response
    if isinstance(outcome, AlreadyAnswered):
        return _answered_already(here, outcome)
    if isinstance(outcome, RateLimited):
        return _held(here, outcome)
    response = _back(here, outcome.service, outcome.way, outcome.locales)
    set_cookies(response, here.browser, outcome.shared)
    return response


def _held(here: CitizenRequest, held: RateLimited) -> Response:
    """The page that says which limit allows no new sign-in, and until when."""
    error = DisplayedError("slow_down", f"limit {held.limit}", f"address {here.browser.address}", TOO_MANY)
    log_protocol_error(here.request, error)
    frame = here.frame(*held.locales, place=ANSWER_PLACE)
    return here.answer(rate_limited_page(held, frame, f"{error.code}: {error.description}"), frame)


async def _logout(here: CitizenRequest, exit: LogoutContext) -> Response:
    """Signs out, or asks first.

    A form that a service's page sends comes without our cookies, which are for visits alone (SameSite=Lax): it becomes
    a visit, and so does every form that cannot be shown to be the citizen's own. After the citizen's own form the way
    on is a page: browsers hold a redirect against the form's policy. HEAD ends nothing.
    """
    parameters = await _parameters(here.request, LOGOUT)
    if here.request.method == "HEAD":
        return nothing_begun(200 if check_logout(exit, parameters) is None else 303)
    ours = here.request.method == "POST" and await here.form(LOGOUT_PLACE) is not None
    if here.request.method == "POST" and not ours:
        return _to(with_query("/logout", parameters))
    outcome = await log_out(exit, parameters, here.browser, agreed=ours)
    frame = here.frame(*outcome.locales, place=LOGOUT_PLACE)
    if isinstance(outcome, ConfirmLogout):
        return here.answer(want_to_leave(frame, outcome.service, parameters), frame)
    if outcome.handle is not None:
        response: Response = see_other(f"/signed-out/{outcome.handle}")
    elif outcome.back is not None and not ours:
        response = _to(outcome.back)
    else:
        response = here.answer(signed_out(frame, LogoutSteps(outcome.service, outcome.back)), frame)
    if here.browser.session is not None:  # else the cookie may be there, and only did not come with this request
        for cookie in (cookies.no_session(), cookies.no_state()):
            set_cookie(response, cookie)
    if outcome.departed is not None:
        set_cookie(response, cookies.set_departed(outcome.departed))
    if outcome.secret is not None:
        set_cookie(response, cookies.browser((), outcome.secret))
    return response


def _answered_already(here: CitizenRequest, already: AlreadyAnswered) -> Response:
    """The page for a pushed request that is opened again after its service was answered (RFC 9126 4)."""
    log_protocol_error(here.request, DisplayedError("invalid_request_uri", "this request_uri was answered already"))
    frame, service = here.frame(*already.locales, place=ANSWER_PLACE), already.service
    page = render_view(EndingView(service, Ending.ALREADY, ClientRedirect(service.home)), frame, here.cookies)
    return here.answer(replace(page, status=400), frame)


def _back(here: CitizenRequest, service: Service | None, way: ClientRedirect, locales: tuple[str, ...]) -> Response:
    """The answer goes back at once: by redirect, or in a form that a page brings on its way."""
    if way.fields is None:
        return _to(way.url)
    frame = replace(here.frame(*locales, place=ANSWER_PLACE), here=None)
    return here.answer(posted_back(frame, service, way), frame)


def _to(url: str) -> Response:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


async def _shown(
    here: CitizenRequest, told: DisplayedError | UnreadableForm, services: Mapping[str, Service]
) -> Response:
    """A page for the person at the screen: the way back to the service cannot be trusted.

    If the service is known, the page names it, leads to its home page, and tells its engineers the reason.
    """
    asked_for = await _legible(here.request)
    error = told if isinstance(told, DisplayedError) else told.shown(asked_for.get("client_id"))
    log_protocol_error(here.request, error)
    frame = here.frame(*_locales(asked_for))
    service = services.get(error.client_id or "")
    lost = DeadEnd(
        FailureClass.BAD_LINK, service, service.home if service else None, f"{error.code}: {error.description}"
    )
    return here.answer(dead_end(lost, frame, error.status), frame)
