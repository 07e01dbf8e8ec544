"""Client registration endpoint (RFC 7591 3), and the configuration endpoint to read and delete one (RFC 7592 2)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.client_registration import RegistrationContext, read_registration, register, unregister
from broker.actions.endpoints.context import EndpointContext
from broker.crypto.jose import strict_json
from broker.model.json_types import JsonObject
from broker.model.media import media_type
from broker.oidc.errors import EndpointError
from broker.web.services.json_responses import NO_STORE, json_reply, single, with_error_responses
from broker.web.shared import request_parsing


def registration_routes(registration: RegistrationContext, context: EndpointContext) -> list[Route]:
    """`/register` and `/register/{client}`."""

    async def new(request: Request) -> Response:
        return json_reply(await register(registration, await _metadata(request)), 201)

    async def one(request: Request) -> Response:
        client_id, authorization = request.path_params["client"], single(request, b"authorization")
        if request.method == "DELETE":
            await unregister(registration, client_id, authorization)
            return Response(status_code=204, headers=NO_STORE)
        return json_reply(read_registration(registration, client_id, authorization))

    return [
        Route("/register", with_error_responses(new, context), methods=["POST"]),
        Route("/register/{client}", with_error_responses(one, context), methods=["GET", "DELETE"]),
    ]


async def _metadata(request: Request) -> JsonObject:
    """The client metadata in the body: one JSON object, parsed strictly (RFC 7591 3.1)."""
    kind = media_type(request_parsing.content_type(request))
    try:
        metadata = strict_json(await request.body()) if kind == "application/json" else None
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise EndpointError(
            "invalid_client_metadata", "one JSON object in UTF-8 is needed, of content type application/json"
        )
    return metadata
