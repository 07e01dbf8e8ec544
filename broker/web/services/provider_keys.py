"""The broker's public keys for each provider: providers fetch them, as services fetch those of the broker."""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.sign_in.context import ConfiguredProvider
from broker.provider import PublishesKeys

HEADERS = {"Cache-Control": "public, max-age=300"}


def provider_key_routes(providers: Mapping[str, ConfiguredProvider]) -> list[Route]:
    """`/providers/{provider}/jwks`: the keys that verify the broker's assertions and encrypt to it (RFC 7517 5)."""

    async def keys(request: Request) -> Response:
        registered = providers.get(request.path_params["provider"])
        if registered is None or not isinstance(registered.provider, PublishesKeys):
            return Response(status_code=404)
        body = json.dumps(registered.provider.jwks, separators=(",", ":"))
        return Response(body, headers=HEADERS, media_type="application/json")

    return [Route("/providers/{provider}/jwks", keys, methods=["GET"])]
