"""Endpoints that services call: metadata, keys, token, PAR, CIBA, userinfo, introspection, revocation."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.endpoints.backchannel_authentication import authenticate
from broker.actions.endpoints.context import EndpointContext, EndpointRequest, request_nonces
from broker.actions.endpoints.introspection import introspect
from broker.actions.endpoints.par import push
from broker.actions.endpoints.revocation import revoke
from broker.actions.endpoints.token import token
from broker.actions.endpoints.userinfo import userinfo
from broker.actions.jwt_issuer import JwtResponse
from broker.model.json_types import JsonObject
from broker.oidc.discovery import OAUTH_PATH, OPENID_PATH, Endpoints
from broker.oidc.form_parser import read_form
from broker.oidc.mtls import client_certificate
from broker.oidc.parameters import ENDPOINT_PARAMETERS
from broker.web.middleware.client_certificates import forwarded_certificate
from broker.web.services.cors import CALLERS, preflight
from broker.web.services.json_responses import (
    NO_STORE,
    Handler,
    json_reply,
    jwt_reply,
    single,
    with_error_responses,
    with_interaction_id,
)
from broker.web.shared import request_parsing

CROSS_ORIGIN: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys((OPENID_PATH, OAUTH_PATH, "/jwks"), ("GET",)),
    **dict.fromkeys(("/token", "/revoke"), ("POST",)),
    "/userinfo": ("GET", "POST"),
}
"""Paths and methods that a single-page application may call across origins."""

Action = Callable[[EndpointContext, EndpointRequest], Awaitable[JsonObject | JwtResponse | None]]


@dataclass(frozen=True, slots=True)
class Published:
    """Discovery document and key set as JSON, each encoded once until it changes."""

    metadata: Callable[[], bytes]
    jwks: Callable[[], bytes]


def routes(context: EndpointContext, urls: Endpoints, published: Published) -> list[Route]:
    """The routes that services call. `/authorize` and `/logout` show pages: see `browser_endpoints`.

    Only the paths of `CROSS_ORIGIN` are open to the origins that services register (CORS): their preflights are routes
    here, and `cors.CrossOrigin` adds the headers to responses.
    """
    services = context.registry.services

    def at(path: str, url: str, action: Action, *methods: str, status: int = 200) -> Route:
        names = ENDPOINT_PARAMETERS.get(path, frozenset())
        handler = with_error_responses(_calling(context, url, action, names, status), context)
        if action is userinfo:
            handler = with_interaction_id(handler, context.system)
        return Route(path, handler, methods=list(methods))

    called = [
        Route(OPENID_PATH, _constant(published.metadata), methods=["GET"]),
        Route(OAUTH_PATH, _constant(published.metadata), methods=["GET"]),
        Route("/jwks", _constant(published.jwks), methods=["GET"]),
        at("/token", urls.token, token, "POST"),
        at("/par", urls.pushed, push, "POST", status=201),
        at("/ciba", urls.backchannel_authentication, authenticate, "POST"),
        at("/userinfo", urls.userinfo, userinfo, "GET", "POST"),
        at("/introspect", urls.introspection, introspect, "POST"),
        at("/revoke", urls.revocation, revoke, "POST"),
    ]
    # after the endpoints, so that a method that is not allowed gets the same 405 as at every other endpoint
    preflights = [
        Route(path, preflight(methods, services), methods=["OPTIONS"]) for path, methods in CROSS_ORIGIN.items()
    ]
    return called + preflights


def _constant(content: Callable[[], bytes]) -> Handler:
    """Serves the current content, cacheable for 5 minutes: a key is published a day before it signs.

    OpenID Connect Core 10.1.1.
    """

    @lru_cache(maxsize=1)
    def reply(now: bytes) -> Response:
        headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin"}
        return Response(now, headers=headers, media_type="application/json")

    async def constant(_request: Request) -> Response:
        return reply(content())

    return constant


def _calling(context: EndpointContext, url: str, action: Action, names: frozenset[str], status: int) -> Handler:
    """A handler that parses a request strictly and calls its action. `names` are the parameters that it accepts."""

    async def handle(request: Request) -> Response:
        call = EndpointRequest(
            method=request.method,
            url=url,
            parameters=await _parameters(request, names),
            authorization=single(request, b"authorization"),
            proofs=tuple(request_parsing.header_values(request, b"dpop")),
            address=request_parsing.client_ip(request),
            certificate=client_certificate(forwarded_certificate(request.scope)),
            accept=request_parsing.joined_header(request, b"accept"),
            client_ids=request.scope["state"].get(CALLERS, []),
        )
        answer = await action(context, call)
        headers = (
            {"DPoP-Nonce": (await request_nonces(context, call)).issue(context.system.now())} if call.proofs else {}
        )
        if answer is None:
            return Response(status_code=200, headers={**NO_STORE, **headers})
        if isinstance(answer, JwtResponse):
            return jwt_reply(answer.text, answer.content_type, headers)
        return json_reply(answer, status, headers)

    return handle


async def _parameters(request: Request, names: frozenset[str]) -> Mapping[str, str]:
    """The form of a POST. Only userinfo accepts a POST without a body (OpenID Connect Core 5.3.1)."""
    if request.method != "POST":
        return {}
    body = await request.body()
    if not body and not names:
        return {}
    return read_form(body, request_parsing.content_type(request), names)
