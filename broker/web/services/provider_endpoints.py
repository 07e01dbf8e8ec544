"""Endpoints that providers call: the broker's public keys for each, and their logout tokens.

OpenID Connect Back-Channel Logout 1.0 2.5 and 2.8.
"""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.actions.upstream_logout import UpstreamLogoutContext, receive_logout
from broker.oidc.form_parser import UnreadableForm, read_form
from broker.provider import PublishesKeys
from broker.web.services.json_responses import NO_STORE
from broker.web.shared.request_parsing import content_type

CACHED = {"Cache-Control": "public, max-age=300"}

REFUSED = {"error": "invalid_request", "error_description": "the logout token is not accepted"}
"""The answer to every unacceptable logout token (2.8). The log says why."""


def provider_routes(context: UpstreamLogoutContext) -> list[Route]:
    """`/providers/{provider}/jwks`, the keys that verify the broker's assertions and encrypt to it (RFC 7517 5), and
    `/providers/{provider}/backchannel-logout`."""

    async def keys(request: Request) -> Response:
        registered = context.providers.get(request.path_params["provider"])
        if registered is None or not isinstance(registered.provider, PublishesKeys):
            return Response(status_code=404)
        body = json.dumps(registered.provider.jwks, separators=(",", ":"))
        return Response(body, headers=CACHED, media_type="application/json")

    async def logout(request: Request) -> Response:
        try:
            token = read_form(await request.body(), content_type(request)).get("logout_token", "")
        except UnreadableForm:
            token = ""
        ended = await receive_logout(context, request.path_params["provider"], token) if token else None
        if ended is None:
            return JSONResponse(REFUSED, 400, headers=NO_STORE)
        return Response(status_code=200, headers=NO_STORE)

    return [
        Route("/providers/{provider}/jwks", keys, methods=["GET"]),
        Route("/providers/{provider}/backchannel-logout", logout, methods=["POST"]),
    ]
