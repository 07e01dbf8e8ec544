"""Application of the simulated national providers: each published host is a folder of this one.

`https://oidc.account.gov.uk/token` is `<base>/oidc.account.gov.uk/token`. Issuers in metadata and tokens stay the
published ones, so that a client sees what it will see at the real provider.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.simulator.national.claim_source import source_routes
from providers.simulator.national.endpoints import NationalProvider
from providers.simulator.national.pages import national_home
from providers.simulator.responses import page

DID_DOCUMENT = "/.well-known/did.json"


def create_national(providers: Sequence[NationalProvider], base: str, *, development: bool) -> Starlette:
    """The application. Raises ValueError outside development: it signs in any visitor as any person."""
    if not development:
        raise ValueError("the simulator signs in any visitor as any person and runs in development only")
    style = (Path(__file__).parents[1] / "style.css").read_text(encoding="utf-8")

    async def home(_request: Request) -> Response:
        return page(national_home([(provider.dialect, provider.begins) for provider in providers], base))

    async def plain_style(_request: Request) -> Response:
        return Response(style, media_type="text/css")

    routes = [Route("/", home), Route("/style.css", plain_style), *source_routes()]
    for provider in providers:
        routes += list(_routes(provider))
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return app


def folder(url: str) -> str:
    """The path of a published URL in this application."""
    parts = urlsplit(url)
    return f"/{parts.netloc}{parts.path}"


def _routes(provider: NationalProvider) -> Iterator[Route]:
    dialect = provider.dialect
    handlers: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
        "authorization": provider.authorize,
        "token": provider.token,
        "userinfo": provider.userinfo,
        "jwks": provider.jwks,
        "par": provider.par,
        "end_session": provider.end_session,
        "revocation": provider.revoke,
    }
    methods = {"token": ["POST"], "par": ["POST"], "revocation": ["POST"], "jwks": ["GET"]}
    for role, url in dialect.endpoints.items():
        yield Route(folder(url), handlers[role], methods=methods.get(role, ["GET", "POST"]))
    yield Route(folder(f"{dialect.issuer.rstrip('/')}{dialect.text('discovery')}"), provider.metadata)
    if provider.manages_sessions:
        yield Route(folder(provider.session_frame), provider.sessions.frame)
        yield Route(f"/_session/{dialect.name}", provider.sessions.script, methods=["POST"])
    did = dialect.by_environment("identity_token", "did")
    if did:
        yield Route(f"/{did.removeprefix('did:web:')}{DID_DOCUMENT}", provider.did)
    yield Route(f"/_sign-in/{dialect.name}", provider.sign_in, methods=["POST"])
    yield Route(f"/_script/{dialect.name}", provider.next_answers, methods=["POST"])
    yield Route(f"/_logout-token/{dialect.name}", provider.logout_tokens, methods=["POST"])
    yield Route(f"/_log/{dialect.name}", provider.log)
