"""Session watch: a page that asks a provider's frame, by script, whether the session there changed.

OpenID Connect Session Management 1.0, 3. Nothing depends on it: without script, or in a browser that keeps the
provider's cookies from frames of other sites, the session ends as any other does.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.logout import LogoutContext, LogoutSteps, end_changed
from broker.actions.session_watch import SessionWatch, watch_session
from broker.oidc.session_management import origin_of
from broker.provider import SessionFrame
from broker.web.citizens.logout_pages import signed_out
from broker.web.citizens.page_context import PageContext
from broker.web.citizens.provider_logout_page import set_signed_out_cookies
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request, redirect_to
from broker.web.middleware.security_headers import POLICY
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse, see_other

PLACE: Final = "session-watch"
"""CSRF token place of the page."""

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII)
"""An origin that can stand in a Content-Security-Policy: a host from metadata may contain anything else."""

SHEETS = (PageTemplate("session-watch", "citizens/session_watch.html"),)


def watch_path(provider: str) -> str:
    """The path of the page of a provider."""
    return f"/providers/{provider}/session-watch"


def session_watch_routes(app: CitizenApp, logout_context: LogoutContext) -> list[Route]:
    """The page, by GET, and its form, which the script sends once the provider's session changed."""

    async def watch(request: Request) -> Response:
        req, provider = citizen_request(app, request), request.path_params["provider"]
        found = None if req is None else await watch_session(app.context, provider, req.browser)
        if req is None or found is None:
            return Response(status_code=404)
        if request.method == "POST":
            return await _end(req, logout_context, provider)
        frame = req.frame(place=PLACE)
        return req.answer(session_watch(frame, found), frame)

    return [Route(watch_path("{provider}"), watch, methods=["GET", "POST"])]


def session_watch(frame: PageContext, found: SessionWatch) -> PageResponse:
    """The page. Its Content-Security-Policy allows frames of the provider's origin alone, and only if it asks it."""
    theirs = found.frame or SessionFrame("", "")
    origin = origin_of(theirs.url) or ""
    asks = _ORIGIN.fullmatch(origin) is not None
    variables = frame.template_variables(
        None,
        provider=found.provider.name(frame.language.code),
        here=found.signed_in,
        asks=asks,
        frame=theirs.url,
        client=theirs.client_id,
        state=found.session_state or "",
    )
    headers = (("Content-Security-Policy", f"{POLICY}; frame-src {origin}"),) if asks else ()
    return PageResponse("session-watch", variables, headers=headers)


async def _end(req: CitizenRequest, logout_context: LogoutContext, provider: str) -> Response:
    """Ends the session that the page was about; a session that began since stays."""
    form = await req.form(PLACE)
    if form is None:
        return redirect_to(watch_path(provider), "again")
    outcome = await end_changed(logout_context, provider, form.get("state", ""), req.browser)
    if outcome is None:
        return redirect_to(watch_path(provider))
    frame = req.frame(place=PLACE)
    if outcome.handle is not None:
        response: Response = see_other(f"/signed-out/{outcome.handle}")
    else:
        response = req.answer(signed_out(frame, LogoutSteps(None, None, changed=True)), frame)
    set_signed_out_cookies(response, req, outcome)
    return response
