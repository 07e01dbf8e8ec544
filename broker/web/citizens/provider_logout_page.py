"""The page after signing out, the services in frames below it, and the way back from a provider."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from broker.actions.logout import LogoutContext, LogoutSteps, complete_return, may_return, view_return
from broker.web.citizens.logout_pages import before_services, services_out, signed_out
from broker.web.citizens.request import CitizenApp, CitizenRequest, citizen_request
from broker.web.shared.request_parsing import answer_parameters
from broker.web.shared.responses import nothing_begun, see_other

PLACE = "signed-out"


def goodbye_routes(door: CitizenApp, exit: LogoutContext) -> list[Route]:
    """`/signed-out/<handle>` with what lies below it, and `/signed-out`, to which providers send citizens back."""

    async def page(request: Request) -> Response:
        here, leaving = await _found(request)
        if here is None or leaving is None:
            return await _nothing(here, request)
        frame = here.frame(*(locale.partition("-")[0] for locale in leaving.locales), place=PLACE)
        return here.answer(signed_out(frame, leaving, f"/signed-out/{here.handle}"), frame)

    async def back(request: Request) -> Response:
        here = citizen_request(door, request)
        state = (answer_parameters(request) or {}).get("state", "")
        if request.method == "HEAD" and here is not None and await may_return(exit, state, here.browser):
            return nothing_begun(303)
        if request.method == "HEAD" or here is None or not await complete_return(exit, state, here.browser):
            return await _nothing(here, request)
        return see_other(f"/signed-out/{state}")

    async def before(request: Request) -> Response:
        here = citizen_request(door, request)
        if here is None:
            return await _nothing(here, request)
        html, headers = before_services(f"/signed-out/{here.handle}")
        return HTMLResponse(html, headers=dict(headers))

    async def frames(request: Request) -> Response:
        here, leaving = await _found(request)
        if here is None or leaving is None:
            return await _nothing(here, request)
        frame = here.frame(place=PLACE)
        return here.answer(services_out(frame, leaving), frame)

    async def _found(request: Request) -> tuple[CitizenRequest | None, LogoutSteps | None]:
        here = citizen_request(door, request)
        return here, None if here is None else await view_return(exit, here.handle, here.browser)

    async def _nothing(here: CitizenRequest | None, request: Request) -> Response:
        """A page that is not this browser's or is over: signed out or not, the cookie says which."""
        if here is None or here.browser.session is not None:
            return see_other("/")
        frame = here.frame(place=PLACE)
        return here.answer(signed_out(frame, LogoutSteps(None, None)), frame)

    return [
        Route("/signed-out", back, methods=["GET"]),
        Route("/signed-out/{handle}", page, methods=["GET"]),
        Route("/signed-out/{handle}/services", before, methods=["GET"]),
        Route("/signed-out/{handle}/frames", frames, methods=["GET"]),
    ]
