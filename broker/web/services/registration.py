"""The registration endpoint, and the address under which a registration is read and ended (RFC 7591 3, RFC 7592 2)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.client_registration import RegistrationContext, read_registration, register, unregister
from broker.actions.endpoints.context import EndpointContext
from broker.crypto.jose import strict_json
from broker.model.media import media_type
from broker.oidc.errors import EndpointError
from broker.web.services.json_responses import NO_STORE, json_reply, single, with_error_responses
from broker.web.shared import request_parsing


def registration_routes(registrar: RegistrationContext, counter: EndpointContext) -> list[Route]:
    """The routes of this file."""

    async def new(request: Request) -> Response:
        return json_reply(await register(registrar, await _metadata(request)), 201)

    async def one(request: Request) -> Response:
        client_id, authorization = request.path_params["client"], single(request, b"authorization")
        if request.method == "DELETE":
            await unregister(registrar, client_id, authorization)
            return Response(status_code=204, headers=NO_STORE)
        return json_reply(read_registration(registrar, client_id, authorization))

    return [
        Route("/register", with_error_responses(new, counter), methods=["POST"]),
        Route("/register/{client}", with_error_responses(one, counter), methods=["GET", "DELETE"]),
    ]


async def _metadata(request: Request) -> Mapping[str, Any]:
    """What the service says of itself: one JSON object, read strictly (RFC 7591 3.1)."""
    kind = media_type(request_parsing.content_type(request))
    try:
        told = strict_json(await request.body()) if kind == "application/json" else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise EndpointError(
            "invalid_client_metadata", "one JSON object in UTF-8 is needed, of content type application/json"
        )
    return told
