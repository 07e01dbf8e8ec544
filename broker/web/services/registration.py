"""The registration endpoint, and the address under which a registration is read and ended (RFC 7591 3, RFC 7592 2)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.exchange.counter import Counter
from broker.actions.register import Registrar, register, registered, unregister
from broker.jose import strict_json
from broker.model.media import media_type
from broker.oidc.errors import TokenError
from broker.web import asked
from broker.web.services.replies import NO_STORE, answering, json_reply, single


def registration_routes(registrar: Registrar, counter: Counter) -> list[Route]:
    """The routes of this file."""

    async def new(request: Request) -> Response:
        return json_reply(await register(registrar, await _metadata(request)), 201)

    async def one(request: Request) -> Response:
        client_id, authorization = request.path_params["client"], single(request, b"authorization")
        if request.method == "DELETE":
            await unregister(registrar, client_id, authorization)
            return Response(status_code=204, headers=NO_STORE)
        return json_reply(registered(registrar, client_id, authorization))

    return [
        Route("/register", answering(new, counter), methods=["POST"]),
        Route("/register/{client}", answering(one, counter), methods=["GET", "DELETE"]),
    ]


async def _metadata(request: Request) -> Mapping[str, Any]:
    """What the service says of itself: one JSON object, read strictly (RFC 7591 3.1)."""
    kind = media_type(asked.kind(request))
    try:
        told = strict_json(await request.body()) if kind == "application/json" else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise TokenError(
            "invalid_client_metadata", "one JSON object in UTF-8 is needed, of content type application/json"
        )
    return told
