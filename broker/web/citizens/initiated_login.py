"""Sign-ins that a provider begins at the broker (third-party initiated login, OpenID Connect Core 4)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.account.initiated_login import PARAMETERS, InitiatedLogin, begin_initiated, read_initiation
from broker.actions.browser import BrowserUpdates
from broker.actions.results import RateLimited
from broker.actions.views import DeadEnd
from broker.model.failures import FailureClass
from broker.oidc.authorization_response import with_query
from broker.oidc.form_parser import UnreadableForm, read_form, read_query
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request, redirect_to, set_cookies
from broker.web.citizens.view_pages import dead_end
from broker.web.shared.pages import PageTemplate
from broker.web.shared.request_parsing import content_type
from broker.web.shared.responses import PageResponse, see_other

PLACE: Final = "initiate-login"
"""CSRF token place of the page."""

REFUSED: Final = "invalid_request: this provider cannot begin this sign-in"

SHEETS = (PageTemplate("initiated-login", "citizens/initiated_login.html"),)


def initiated_login_routes(app: CitizenApp) -> list[Route]:
    """`/providers/{provider}/initiate-login`, by GET and POST.

    A form that a provider's page posts comes without the broker's cookies (SameSite=Lax): the browser is redirected to
    the same request by GET. The page's own form starts the sign-in.
    """

    async def initiate(request: Request) -> Response:
        req, provider = citizen_request(app, request), request.path_params["provider"]
        if req is None or provider not in app.context.registry.providers:
            return Response(status_code=404)
        own_form = request.method == "POST" and await req.form(PLACE) is not None
        try:
            query = request.scope["query_string"]
            if request.method == "POST" and not own_form:
                given = read_form(await request.body(), content_type(request), PARAMETERS)
                return see_other(with_query(_path(provider), given) if given else _path(provider))
            initiated = read_initiation(app.context, provider, read_query(query, PARAMETERS))
        except UnreadableForm:
            initiated = None
        return await (_begin(req, initiated) if own_form else _answer(req, initiated))

    return [Route("/providers/{provider}/initiate-login", initiate, methods=["GET", "POST"])]


def _path(provider: str) -> str:
    return f"/providers/{provider}/initiate-login"


async def _answer(req: CitizenRequest, initiated: InitiatedLogin | None) -> Response:
    """The page with the button; the redirect to the service; or the page of a wrong link."""
    frame = req.frame(place=PLACE)
    if initiated is None:
        return req.answer(dead_end(DeadEnd(FailureClass.BAD_LINK, None, None, REFUSED), frame, 400), frame)
    if initiated.url is not None:
        return see_other(initiated.url)
    if not req.app.pages.site.accounts:
        return see_other("/services")
    variables = frame.template_variables(
        None,
        provider=initiated.provider.name(frame.language.code),
        action=with_query(_path(initiated.provider.id), {"iss": req.request.query_params["iss"]}),
    )
    return req.answer(PageResponse("initiated-login", variables), frame)


async def _begin(req: CitizenRequest, initiated: InitiatedLogin | None) -> Response:
    """Starts the sign-in to the account at this provider."""
    if initiated is None or initiated.url is not None or not req.app.pages.site.accounts:
        return await _answer(req, initiated)
    begun = await begin_initiated(req.app.context, req.browser, req.language().code, initiated.provider.id)
    if isinstance(begun, RateLimited):
        frame = req.frame(*begun.locales, place=PLACE)
        return req.answer(rate_limited_page(begun, frame), frame)
    response = redirect_to(f"/journey/{begun.handle}")
    set_cookies(response, req.browser, BrowserUpdates(secret=begun.secret))
    return response
