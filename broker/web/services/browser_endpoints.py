"""Authorization endpoint and logout endpoint: the two that a browser visits on behalf of a service."""

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
from broker.web.citizens.logout_pages import confirm_logout, signed_out
from broker.web.citizens.provider_logout_page import set_signed_out_cookies
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request, set_cookies
from broker.web.citizens.view_pages import dead_end, posted_back, render_view
from broker.web.services.error_log import log_protocol_error
from broker.web.shared import cookies, request_parsing
from broker.web.shared.responses import nothing_begun, see_other, set_cookie

TOO_MANY = 429
ANSWER_PLACE = "authorize"
"""CSRF token place of pages that answer an authorization request without a transaction."""

LOGOUT_PLACE = "logout"
"""CSRF token place of the page that asks before signing out."""


def front_routes(
    app: CitizenApp, sign_in_context: SignInContext, checks: Checks, logout_context: LogoutContext
) -> list[Route]:
    """`/authorize` (OpenID Connect Core 3.1.2) and `/logout` (RP-Initiated Logout 1.0, 2), both by GET and POST."""

    async def authorization(request: Request) -> Response:
        req = _citizen_request(app, request)
        try:
            return await _authorize(req, sign_in_context, checks)
        except RedirectedError as error:
            log_protocol_error(request, error)
            explained = f"{sign_in_context.policy.issuer}/errors/{FailureClass.BAD_REQUEST}"
            answer = await encode_response(
                sign_in_context, redirected_response(error, sign_in_context.policy.issuer, explained)
            )
            service = sign_in_context.registry.services.get(error.client_id)
            return _respond(req, service, answer, _locales(await _legible(request)))
        except (DisplayedError, UnreadableForm) as error:
            return await _display(req, error, sign_in_context.registry.services)

    async def logout(request: Request) -> Response:
        req = _citizen_request(app, request)
        try:
            return await _logout(req, logout_context)
        except (DisplayedError, UnreadableForm) as error:
            return await _display(req, error, logout_context.registry.services)

    return [
        Route("/authorize", authorization, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["GET", "POST"]),
    ]


def _citizen_request(app: CitizenApp, request: Request) -> CitizenRequest:
    found = citizen_request(app, request)
    if found is None:
        raise DisplayedError("invalid_request", "this address is not known here", status=404)
    return found


async def _parameters(request: Request, names: frozenset[str]) -> Mapping[str, str]:
    if request.method == "POST":
        return read_form(await request.body(), request_parsing.content_type(request), names)
    return read_query(request.scope["query_string"], names)


async def _legible(request: Request) -> Mapping[str, str]:
    """The parameters of a rejected request as far as they can be parsed; used only for the texts of the page."""
    try:
        return parse_legible(await request.body() if request.method == "POST" else request.scope["query_string"])
    except UnreadableForm:
        return {}


def _locales(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The languages that a request prefers for its page (`ui_locales`, OpenID Connect Core 3.1.2.1)."""
    return tuple(parameters.get("ui_locales", "").split()[:16])


async def _authorize(req: CitizenRequest, sign_in_context: SignInContext, checks: Checks) -> Response:
    """Starts a transaction, or answers at once.

    A form posted by a service's page comes without the broker's cookies (SameSite=Lax): the request is stored as a
    pushed one, and the browser is redirected to it by GET. HEAD checks the request and starts nothing (RFC 9110 9.3.2).
    """
    parameters = await _parameters(req.request, AUTHORIZATION)
    if req.request.method == "HEAD":
        await check_request(sign_in_context, checks, parameters)
        return nothing_begun(303)
    if req.request.method == "POST":
        taken = await confirm_transaction(sign_in_context, checks, parameters, req.browser)
        if isinstance(taken, RateLimited):
            return _rate_limited(req, taken)
        return _redirect(with_query("/authorize", taken))
    outcome = await authorize(sign_in_context, checks, parameters, req.browser, req.language().code)
    if isinstance(outcome, StartedTransaction):
        response: Response = see_other(f"/journey/{outcome.handle}")
        if outcome.secret is not None:
            set_cookie(response, cookies.browser((), outcome.secret))
        return response
    if isinstance(outcome, AlreadyAnswered):
        return _already_answered(req, outcome)
    if isinstance(outcome, RateLimited):
        return _rate_limited(req, outcome)
    response = _respond(req, outcome.service, outcome.redirect, outcome.locales)
    set_cookies(response, req.browser, outcome.shared)
    return response


def _rate_limited(req: CitizenRequest, limited: RateLimited) -> Response:
    """The page of a rate limit on new sign-ins: which limit, and until when."""
    error = DisplayedError("slow_down", f"limit {limited.limit}", f"address {req.browser.address}", TOO_MANY)
    log_protocol_error(req.request, error)
    frame = req.frame(*limited.locales, place=ANSWER_PLACE)
    return req.answer(rate_limited_page(limited, frame, f"{error.code}: {error.description}"), frame)


async def _logout(req: CitizenRequest, logout_context: LogoutContext) -> Response:
    """Signs out, or asks first.

    A form posted by a service's page comes without the broker's cookies (SameSite=Lax): the browser is redirected to
    the same request by GET, and so it is after every form that fails the CSRF check. After the citizen's own form the
    answer is a page, because browsers apply the form's `form-action` policy to redirects. HEAD changes nothing.
    """
    parameters = await _parameters(req.request, LOGOUT)
    if req.request.method == "HEAD":
        return nothing_begun(200 if check_logout(logout_context, parameters) is None else 303)
    own_form = req.request.method == "POST" and await req.form(LOGOUT_PLACE) is not None
    if req.request.method == "POST" and not own_form:
        return _redirect(with_query("/logout", parameters))
    outcome = await log_out(logout_context, parameters, req.browser, agreed=own_form)
    frame = req.frame(*outcome.locales, place=LOGOUT_PLACE)
    if isinstance(outcome, ConfirmLogout):
        return req.answer(confirm_logout(frame, outcome.service, parameters), frame)
    if outcome.handle is not None:
        response: Response = see_other(f"/signed-out/{outcome.handle}")
    elif outcome.back is not None and not own_form:
        response = _redirect(outcome.back)
    else:
        response = req.answer(signed_out(frame, LogoutSteps(outcome.service, outcome.back)), frame)
    set_signed_out_cookies(response, req, outcome)
    return response


def _already_answered(req: CitizenRequest, already: AlreadyAnswered) -> Response:
    """The page for a pushed request that is opened again after its response was sent (RFC 9126 4)."""
    log_protocol_error(req.request, DisplayedError("invalid_request_uri", "this request_uri was answered already"))
    frame, service = req.frame(*already.locales, place=ANSWER_PLACE), already.service
    page = render_view(
        EndingView(service, Ending.ALREADY, ClientRedirect(service.presentation.home)), frame, req.cookies
    )
    return req.answer(replace(page, status=400), frame)


def _respond(req: CitizenRequest, service: Service | None, way: ClientRedirect, locales: tuple[str, ...]) -> Response:
    """Sends the authorization response: by redirect, or by a page with a form (`form_post`)."""
    if way.fields is None:
        return _redirect(way.url)
    frame = replace(req.frame(*locales, place=ANSWER_PLACE), page_path=None)
    return req.answer(posted_back(frame, service, way), frame)


def _redirect(url: str) -> Response:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


async def _display(
    req: CitizenRequest, rejected: DisplayedError | UnreadableForm, services: Mapping[str, Service]
) -> Response:
    """Displays an error to the citizen, because the redirect URI cannot be trusted.

    If the service is known, the page names it, links to its home page, and gives its engineers the reason.
    """
    parameters = await _legible(req.request)
    error = rejected if isinstance(rejected, DisplayedError) else rejected.displayed_error(parameters.get("client_id"))
    log_protocol_error(req.request, error)
    frame = req.frame(*_locales(parameters))
    service = services.get(error.client_id or "")
    lost = DeadEnd(
        FailureClass.BAD_LINK,
        service,
        service.presentation.home if service else None,
        f"{error.code}: {error.description}",
    )
    return req.answer(dead_end(lost, frame, error.status), frame)
