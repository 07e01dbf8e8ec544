"""The two endpoints at which a browser arrives from a service: authorization and logout."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.actions.sign_in.begin import Begun, Held, authorize
from broker.actions.sign_in.desk import Desk
from broker.actions.sign_in.way_back import written
from broker.actions.sign_out import Ask, Exit, sign_out
from broker.actions.views import Lost
from broker.model.failures import FailureClass
from broker.model.request import WayBack
from broker.model.service import Service
from broker.oidc.checks import Door as Checks
from broker.oidc.errors import Redirected, Shown
from broker.oidc.forms import Unreadable, read_form, read_query
from broker.oidc.response import redirected_response, with_query
from broker.web import asked, cookies, csrf
from broker.web.answers import see_other, set_cookie
from broker.web.citizens.held import held_back
from broker.web.citizens.leaving import signed_out, want_to_leave
from broker.web.citizens.showing import dead_end, posted_back
from broker.web.citizens.visit import Door, Visit, remember, visit
from broker.web.services.refusals import refused

TOO_MANY = 429
ANSWER_PLACE = "authorize"
"""What the tokens of a page that brings an answer back are made for: there is no transaction."""

LOGOUT_PLACE = "logout"
"""What the token of the page that asks before signing out is made for."""


def front_routes(door: Door, desk: Desk, checks: Checks, exit: Exit) -> list[Route]:
    """`/authorize` (OpenID Connect Core 3.1.2) and `/logout` (RP-Initiated Logout 1.0, 2), both by GET and POST."""

    async def authorization(request: Request) -> Response:
        here = _visit(door, request)
        try:
            return await _authorize(here, desk, checks)
        except Redirected as error:
            refused(request, error)
            explained = f"{desk.issuer}/errors/{FailureClass.BAD_REQUEST}"
            answer = await written(desk, redirected_response(error, desk.issuer, explained))
            return _back(here, desk.catalogue.services.get(error.client_id), answer)
        except Shown as error:
            return _shown(here, error, desk.catalogue.services)
        except Unreadable as unreadable:
            return _shown(here, unreadable.shown(), desk.catalogue.services)

    async def logout(request: Request) -> Response:
        here = _visit(door, request)
        try:
            return await _logout(here, exit)
        except Shown as error:
            return _shown(here, error, exit.services)
        except Unreadable as unreadable:
            return _shown(here, unreadable.shown(), exit.services)

    return [
        Route("/authorize", authorization, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["GET", "POST"]),
    ]


def _visit(door: Door, request: Request) -> Visit:
    found = visit(door, request)
    if found is None:
        raise Shown("invalid_request", "this address is not known here", status=404)
    return found


async def _parameters(request: Request) -> Mapping[str, str]:
    if request.method == "GET":
        return read_query(request.scope["query_string"])
    return read_form(await request.body(), asked.kind(request))


async def _authorize(here: Visit, desk: Desk, checks: Checks) -> Response:
    outcome = await authorize(desk, checks, await _parameters(here.request), here.browser, here.language().code)
    if isinstance(outcome, Begun):
        response: Response = see_other(f"/journey/{outcome.handle}")
        if outcome.secret is not None:
            set_cookie(response, cookies.browser((), outcome.secret))
        return response
    if isinstance(outcome, Held):
        error = Shown("slow_down", f"limit {outcome.limit}", f"address {here.browser.address}", TOO_MANY)
        refused(here.request, error)
        frame = here.frame(place=ANSWER_PLACE)
        return here.answer(held_back(outcome, frame, f"{error.code}: {error.description}"), frame)
    response = _back(here, outcome.service, outcome.way)
    remember(response, here.browser, outcome.shared)
    return response


async def _logout(here: Visit, exit: Exit) -> Response:
    """What was asked, with the parameters as they came.

    A form that a service's page sends comes without our cookies, which are for visits alone (SameSite=Lax): it becomes
    a visit. After a form of ours the way on is a page: browsers hold a redirect against the form's policy.
    """
    parameters = dict(await _parameters(here.request))
    ours = here.request.method == "POST" and csrf.FIELD in parameters
    if here.request.method == "POST" and not ours:
        return _to(with_query("/logout", parameters))
    agreed = ours and await here.form(LOGOUT_PLACE) is not None
    outcome = await sign_out(exit, parameters, here.browser, agreed)
    frame = here.frame(*(locale.partition("-")[0] for locale in outcome.locales), place=LOGOUT_PLACE)
    if isinstance(outcome, Ask):
        return here.answer(want_to_leave(frame, outcome.service, parameters), frame)
    if outcome.back is not None and not outcome.frames and not ours:
        response = _to(outcome.back)
    else:
        response = here.answer(signed_out(frame, outcome), frame)
    for cookie in (cookies.no_session(), cookies.no_state()):
        set_cookie(response, cookie)
    return response


def _back(here: Visit, service: Service | None, way: WayBack) -> Response:
    """The answer goes back at once: by redirect, or in a form that a page brings on its way."""
    if way.fields is None:
        return _to(way.url)
    frame = here.frame(place=ANSWER_PLACE)
    return here.answer(posted_back(frame, service, way), frame)


def _to(url: str) -> Response:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def _shown(here: Visit, error: Shown, services: Mapping[str, Service]) -> Response:
    """A page for the person at the screen: the way back to the service cannot be trusted.

    If the service is known, the page names it, leads to its home page, and tells its engineers the reason.
    """
    refused(here.request, error)
    frame = here.frame()
    service = services.get(error.client_id or "")
    lost = Lost(FailureClass.BAD_LINK, service, service.home if service else None, f"{error.code}: {error.description}")
    return here.answer(dead_end(lost, frame, error.status), frame)
