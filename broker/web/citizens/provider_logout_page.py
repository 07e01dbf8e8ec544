"""Routes after signing out: the result page, frames of front-channel logout, the return from a provider's logout."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from broker.actions.logout import LogoutContext, LogoutSteps, SignedOut, complete_return, may_return, view_return
from broker.web.citizens.logout_pages import before_services, services_out, signed_out
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request
from broker.web.shared import cookies
from broker.web.shared.request_parsing import answer_parameters
from broker.web.shared.responses import nothing_begun, see_other, set_cookie

PLACE = "signed-out"


def goodbye_routes(app: CitizenApp, logout_context: LogoutContext) -> list[Route]:
    """`/signed-out/{handle}` with its frames, and `/signed-out`, the post-logout redirect URI at providers."""

    async def page(request: Request) -> Response:
        req, steps = await _found(request)
        if req is None or steps is None:
            return await _nothing(req)
        frame = req.frame(*(locale.partition("-")[0] for locale in steps.locales), place=PLACE)
        return req.answer(signed_out(frame, steps, f"/signed-out/{req.handle}"), frame)

    async def back(request: Request) -> Response:
        req = citizen_request(app, request)
        state = (answer_parameters(request) or {}).get("state", "")
        if request.method == "HEAD" and req is not None and await may_return(logout_context, state, req.browser):
            return nothing_begun(303)
        if request.method == "HEAD" or req is None or not await complete_return(logout_context, state, req.browser):
            return await _nothing(req)
        return see_other(f"/signed-out/{state}")

    async def before(request: Request) -> Response:
        req = citizen_request(app, request)
        if req is None:
            return await _nothing(req)
        html, headers = before_services(f"/signed-out/{req.handle}")
        return HTMLResponse(html, headers=dict(headers))

    async def frames(request: Request) -> Response:
        req, steps = await _found(request)
        if req is None or steps is None:
            return await _nothing(req)
        frame = req.frame(place=PLACE)
        return req.answer(services_out(frame, steps.frames), frame)

    async def _found(request: Request) -> tuple[CitizenRequest | None, LogoutSteps | None]:
        req = citizen_request(app, request)
        return req, None if req is None else await view_return(logout_context, req.handle, req.browser)

    async def _nothing(req: CitizenRequest | None) -> Response:
        """The answer if the page belongs to another browser or has expired; depends on the session cookie."""
        if req is None or req.browser.session is not None:
            return see_other("/")
        frame = req.frame(place=PLACE)
        return req.answer(signed_out(frame, LogoutSteps(None, None)), frame)

    return [
        Route("/signed-out", back, methods=["GET"]),
        Route("/signed-out/{handle}", page, methods=["GET"]),
        Route("/signed-out/{handle}/services", before, methods=["GET"]),
        Route("/signed-out/{handle}/frames", frames, methods=["GET"]),
    ]


def set_signed_out_cookies(response: Response, req: CitizenRequest, outcome: SignedOut) -> None:
    """Removes the session's cookies, and sets those that the sign-out leaves behind."""
    if req.browser.session is not None:  # else the cookie may exist and was only not sent with this request
        for cookie in (cookies.no_session(), cookies.no_state()):
            set_cookie(response, cookie)
    if outcome.departed is not None:
        set_cookie(response, cookies.set_signed_out(outcome.departed))
    if outcome.secret is not None:
        set_cookie(response, cookies.browser((), outcome.secret))
