"""Application of the simulator: every issuer under its own path."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.platform.system import System
from providers.simulator.authorize import AuthorizationEndpoint
from providers.simulator.documents import IssuerDocuments
from providers.simulator.logout import LogoutEndpoint
from providers.simulator.pages import home_page
from providers.simulator.responses import page
from providers.simulator.sessions import BrowserSessions
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import IssuerState, SimulatedIssuer
from providers.simulator.token import TokenEndpoint
from providers.simulator.userinfo import UserinfoEndpoint


def create(settings: SimulatorSettings, system: System) -> Starlette:
    """Creates the application. Raises ValueError outside development: it authenticates any visitor as any persona."""
    if not settings.development:
        raise ValueError("the simulator signs in any visitor as any persona and runs in development only")
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    simulated_issuers = [
        SimulatedIssuer(issuer, f"{settings.base}/{issuer.name}", IssuerState(issuer, system))
        for issuer in settings.issuers
    ]
    ways_back = tuple(
        uri for simulated in simulated_issuers for client in simulated.issuer.clients for uri in client.redirect_uris
    )

    async def home(_request: Request) -> Response:
        return page(home_page(simulated_issuers, settings.base))

    async def plain_style(_request: Request) -> Response:
        return Response(style, media_type="text/css")

    async def hop(request: Request) -> Response:
        """Redirects once more from another origin, for browsers that check the targets of a form."""
        to = request.query_params.get("to", "")
        if not to.startswith(tuple(f"{uri}?" for uri in ways_back)):
            return PlainTextResponse("Not a way back", 400)
        return RedirectResponse(to, 303)

    routes = [Route("/", home), Route("/style.css", plain_style), Route("/hop", hop)]
    return _exact(
        Starlette(routes=[*routes, *(_mount(simulated, settings, system, style) for simulated in simulated_issuers)])
    )


def _exact(app: Starlette) -> Starlette:
    """The application, which matches paths with their exact slashes: Starlette would redirect to the `Host` header."""
    app.router.redirect_slashes = False
    return app


def _mount(simulated: SimulatedIssuer, settings: SimulatorSettings, system: System, style: str) -> Mount:
    documents, sessions = IssuerDocuments(simulated, settings, style), BrowserSessions(simulated)
    authorization = AuthorizationEndpoint(simulated, settings, system, sessions)
    tokens = TokenEndpoint(simulated, settings, system)
    guarded = [
        Route("/.well-known/openid-configuration", documents.metadata),
        Route("/jwks", documents.jwks),
        Route("/authorize", authorization.authorize),
        Route("/sign-in", authorization.sign_in, methods=["POST"]),
        Route("/token", tokens.token, methods=["POST"]),
        Route("/revoke", tokens.revoke, methods=["POST"]),
        Route("/userinfo", UserinfoEndpoint(simulated).userinfo, methods=["GET", "POST"]),
        Route("/logout", LogoutEndpoint(simulated, settings, sessions).logout, methods=["GET", "POST"]),
    ]
    open_always = [Route("/style.css", documents.style), Route("/order", documents.order, methods=["POST"])]
    inner = _exact(Starlette(routes=guarded))
    closed = _exact(Starlette(routes=[Route("/{rest:path}", documents.out_of_order, methods=["GET", "POST"])]))

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        await (closed if simulated.memory.out_of_order else inner)(scope, receive, send)

    app: ASGIApp = choose
    routes = Router([*open_always, Mount("/", app=app)], redirect_slashes=False)
    return Mount(f"/{simulated.issuer.name}", app=routes)
