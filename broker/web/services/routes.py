"""Every endpoint of the services' door, and the few lines that each is on the web."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.exchange.asking import ask
from broker.actions.exchange.counter import Call, Counter, call_nonces
from broker.actions.exchange.push import push
from broker.actions.exchange.reading import Jwt, introspect, revoke, userinfo
from broker.actions.exchange.tokens import token
from broker.oidc.certificates import client_certificate
from broker.oidc.forms import read_form
from broker.oidc.metadata import OAUTH_PATH, OPENID_PATH, Endpoints
from broker.oidc.parameters import CALLED
from broker.web import asked
from broker.web.middleware.certificates import passed_on
from broker.web.services.cors import CALLERS, preflight
from broker.web.services.interaction import interacting
from broker.web.services.replies import NO_STORE, Handler, answering, json_reply, jwt_reply, single

CROSS_ORIGIN: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys((OPENID_PATH, OAUTH_PATH, "/jwks"), ("GET",)),
    **dict.fromkeys(("/token", "/revoke"), ("POST",)),
    "/userinfo": ("GET", "POST"),
}
"""What a single-page app calls and reads by itself, and by which methods."""

Action = Callable[[Counter, Call], Awaitable[Mapping[str, Any] | Jwt | None]]


@dataclass(frozen=True, slots=True)
class Published:
    """What is served as it is: the discovery document and the keys, each made once for as long as nothing changes."""

    metadata: Callable[[], bytes]
    jwks: Callable[[], bytes]


def routes(counter: Counter, urls: Endpoints, published: Published) -> list[Route]:
    """The endpoints that services call. The authorization endpoint and logout show pages, and stand with those.

    What single-page apps call and read is open to the origins that services register (CORS), and nothing else is: the
    preflights stand here, and `cors.CrossOrigin` opens the answers.
    """
    services = counter.clients.services

    def at(path: str, url: str, action: Action, *methods: str, status: int = 200) -> Route:
        names = CALLED.get(path, frozenset())
        handler = answering(_calling(counter, url, action, names, status), counter)
        if action is userinfo:
            handler = interacting(handler, counter.ambient)
        return Route(path, handler, methods=list(methods))

    called = [
        Route(OPENID_PATH, _constant(published.metadata), methods=["GET"]),
        Route(OAUTH_PATH, _constant(published.metadata), methods=["GET"]),
        Route("/jwks", _constant(published.jwks), methods=["GET"]),
        at("/token", urls.token, token, "POST"),
        at("/par", urls.pushed, push, "POST", status=201),
        at("/ciba", urls.backchannel_authentication, ask, "POST"),
        at("/userinfo", urls.userinfo, userinfo, "GET", "POST"),
        at("/introspect", urls.introspection, introspect, "POST"),
        at("/revoke", urls.revocation, revoke, "POST"),
    ]
    # after the routes themselves, so that a method that is not allowed is answered as at every other endpoint
    preflights = [
        Route(path, preflight(methods, services), methods=["OPTIONS"]) for path, methods in CROSS_ORIGIN.items()
    ]
    return called + preflights


def _constant(content: Callable[[], bytes]) -> Handler:
    """What it is now. It may be kept for 5 minutes: a key is shown for a day before it signs (OpenID Core 10.1.1)."""

    @lru_cache(maxsize=1)
    def reply(now: bytes) -> Response:
        headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin"}
        return Response(now, headers=headers, media_type="application/json")

    async def constant(request: Request) -> Response:
        return reply(content())

    return constant


def _calling(counter: Counter, url: str, action: Action, names: frozenset[str], status: int) -> Handler:
    """A handler that reads a call strictly and hands it to its action. `names` are the parameters that it reads."""

    async def handle(request: Request) -> Response:
        call = Call(
            method=request.method,
            url=url,
            parameters=await _parameters(request, names),
            authorization=single(request, b"authorization"),
            proofs=tuple(asked.every(request, b"dpop")),
            address=asked.address(request),
            certificate=client_certificate(passed_on(request.scope)),
            accept=asked.joined(request, b"accept"),
            callers=request.scope["state"].get(CALLERS, []),
        )
        answer = await action(counter, call)
        headers = {"DPoP-Nonce": (await call_nonces(counter, call)).fresh(counter.ambient.now())} if call.proofs else {}
        if answer is None:
            return Response(status_code=200, headers={**NO_STORE, **headers})
        if isinstance(answer, Jwt):
            return jwt_reply(answer.text, answer.content_type, headers)
        return json_reply(answer, status, headers)

    return handle


async def _parameters(request: Request, names: frozenset[str]) -> Mapping[str, str]:
    """The form of a POST; a POST without a body, which only userinfo may be, has none (OpenID Connect Core 5.3.1)."""
    if request.method != "POST":
        return {}
    body = await request.body()
    if not body and not names:
        return {}
    return read_form(body, asked.kind(request), names)
