"""The simulator as one application: every issuer under its own path."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.platform.system import System
from providers.simulator.endpoints import IssuerEndpoints, page
from providers.simulator.pages import home_page
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import IssuerState, SimulatedIssuer


def create(settings: SimulatorSettings, system: System) -> Starlette:
    """The application. Raises ValueError outside development: it signs in anybody as anybody."""
    if not settings.development:
        raise ValueError("the simulator signs in anybody as anybody and runs in development only")
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    houses = [
        SimulatedIssuer(issuer, f"{settings.base}/{issuer.name}", IssuerState(issuer, system))
        for issuer in settings.issuers
    ]
    ways_back = tuple(uri for house in houses for client in house.issuer.clients for uri in client.redirect_uris)

    async def home(request: Request) -> Response:
        return page(home_page(houses, settings.base))

    async def plain_style(request: Request) -> Response:
        return Response(style, media_type="text/css")

    async def hop(request: Request) -> Response:
        """One more origin on the way back, for browsers that check where a form leads."""
        to = request.query_params.get("to", "")
        if not to.startswith(tuple(f"{uri}?" for uri in ways_back)):
            return PlainTextResponse("Not a way back", 400)
        return RedirectResponse(to, 303)

    routes = [Route("/", home), Route("/style.css", plain_style), Route("/hop", hop)]
    return _exact(Starlette(routes=[*routes, *(_mount(house, settings, system, style) for house in houses)]))


def _exact(app: Starlette) -> Starlette:
    """The application, which knows each path with its own slashes alone: Starlette makes redirects of `Host`."""
    app.router.redirect_slashes = False
    return app


def _mount(house: SimulatedIssuer, settings: SimulatorSettings, system: System, style: str) -> Mount:
    doors = IssuerEndpoints(house, settings, system, style)
    guarded = [
        Route("/.well-known/openid-configuration", doors.metadata),
        Route("/jwks", doors.jwks),
        Route("/authorize", doors.authorize),
        Route("/sign-in", doors.sign_in, methods=["POST"]),
        Route("/token", doors.token, methods=["POST"]),
        Route("/userinfo", doors.userinfo, methods=["GET", "POST"]),
        Route("/logout", doors.logout, methods=["GET", "POST"]),
    ]
    open_always = [Route("/style.css", doors.style), Route("/order", doors.order, methods=["POST"])]
    inner = _exact(Starlette(routes=guarded))
    closed = _exact(Starlette(routes=[Route("/{rest:path}", doors.out_of_order, methods=["GET", "POST"])]))

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        await (closed if house.memory.out_of_order else inner)(scope, receive, send)

    app: ASGIApp = choose
    routes = Router([*open_always, Mount("/", app=app)], redirect_slashes=False)
    return Mount(f"/{house.issuer.name}", app=routes)
